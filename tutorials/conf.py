"""The site: `python -m sphinx -W --keep-going tutorials build/site` (needs the extra `site`).

This folder is the source, so nothing exists twice: pages are Markdown, lessons are the notebooks
with their stored outputs, and nothing is run. `_site/` has what the site adds to them.
"""

import sys
from importlib.resources import files
from pathlib import Path

import tomllib

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_site")]  # minilocal from this checkout

PYPROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ADDRESSES = PYPROJECT.get("urls", {})  # empty until the project is published

project, release = PYPROJECT["name"], PYPROJECT["version"]
author = PYPROJECT["authors"][0]["name"]
project_copyright = author
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.linkcode",
    "sphinx.ext.mathjax",
    "pages",
    "explorer",
]
# Solutions, cases and answers are for lecturers alone.
exclude_patterns = ["_site", "rendered", "teach/*/**"]
default_role = "py:obj"
python_use_unqualified_type_names = True
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"

nb_execution_mode = "off"
nb_code_prompt_show = "Show the cell that finds minilocal"
nb_code_prompt_hide = "Hide the cell that finds minilocal"
nb_render_markdown_format = "myst"  # captions have formulas
myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
repository_address = ADDRESSES.get("Repository", "").rstrip("/")

highlight_language = "none"  # a block that names no language is a command or what it prints
pygments_dark_style = "a11y-high-contrast-dark"

html_theme = "furo"
html_title = "minilocal"
html_favicon = "_site/static/icon.svg"
html_baseurl = ADDRESSES.get("Documentation", "")
html_static_path = ["_site/static", str(files("mathjax") / "static/mathjax/es5/tex-svg.js")]
html_css_files = ["site.css"]
html_js_files = ["explorer.js"]
html_copy_source = html_show_sourcelink = False
mathjax_path = "tex-svg.js"  # one file, so that pages need no network
mathjax3_config = {"options": {"enableMenu": False}, "svg": {"fontCache": "global"}}
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0060A0", "color-brand-content": "#0060A0"},
    "dark_css_variables": {"color-brand-primary": "#56B4E9", "color-brand-content": "#56B4E9"},
}
if repository_address:
    html_theme_options |= {
        "source_repository": repository_address,
        "source_branch": "main",
        "source_directory": "tutorials/",
    }
