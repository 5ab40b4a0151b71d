"""Show the lessons as readers see them: `python tutorials/render.py` opens them in Chromium.

nbconvert makes a page of each notebook, and headless Chromium (playwright) lays it out as Jupyter
does. Look at the screenshots, OUT/NN_name-1.png and so on. Problems that a program can find are
printed: errors and warnings, anything wider than its place, figures with too few pixels, and
formulas that MathJax could not read.

Needs `python -m pip install -e ".[render]"` and a Chromium: the system's, or playwright's own.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import nbconvert
from playwright.sync_api import Page, Route, sync_playwright

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT = 1000, 1500  # of the page and of a screenshot

# The only fonts in MathJax's Python package.
FONTS = """window.MathJax = {
  "HTML-CSS": { availableFonts: [], imageFont: null, preferredFont: null, webFont: "STIX-Web" },
}"""

# Runs in the page and returns what a reader would stumble over.
PROBLEMS = r"""
() => {
  const problems = [];
  const say = (what, text) => problems.push(`${what}: ${text.trim().slice(0, 80)}`);
  const each = (selector, look) => document.querySelectorAll(selector).forEach(look);

  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) say("the page scrolls sideways", "");
  each("pre, table, .jp-OutputArea-output, .jp-RenderedMarkdown, .MathJax_Display", (node) => {
    if (node.clientWidth > 0 && node.scrollWidth > node.clientWidth + 1)
      say("wider than its place", node.textContent);
  });
  for (const kind of ["stderr", "error"])
    each(`[data-mime-type="application/vnd.jupyter.${kind}"]`, (n) => say(kind, n.textContent));
  each("img", (image) => {
    if (image.naturalWidth < 1.5 * image.clientWidth) say("too few pixels", image.alt);
  });
  each(".MathJax_Error, .merror, mjx-merror", (node) => say("formula", node.textContent));
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { data, parentElement } = texts.currentNode;
    const verbatim = parentElement.closest("pre, code, script, style, [class^=MathJax]");
    if (!verbatim && /\$[^$]+\$|\\[a-z]{3,}/.test(data)) say("formula left as text", data);
  }
  return problems;
}
"""


def render(notebooks: Sequence[Path], out: Path) -> dict[Path, list[str]]:
    """Write pages and screenshots to `out`; return each notebook's problems."""
    out.mkdir(parents=True, exist_ok=True)
    exporter = nbconvert.HTMLExporter(mathjax_url=_mathjax())

    found = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
            args=["--no-sandbox", "--allow-file-access-from-files"],
        )
        for notebook in notebooks:
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            problems: list[str] = []
            page.on(
                "pageerror",
                lambda error, problems=problems: problems.append(f"the page's script: {error}"),
            )
            page.add_init_script(FONTS)
            page.route("**/*", _stay_here)
            html = out / f"{notebook.stem}.html"
            html.write_text(exporter.from_filename(str(notebook))[0], encoding="utf-8")
            page.goto(html.as_uri())
            _wait_for_formulas(page)
            for number, path in enumerate(_screenshots(page, out / notebook.stem), 1):
                print(f"{path}" if number == 1 else f"    {path.name}")
            found[notebook] = problems + page.evaluate(PROBLEMS)
            page.close()
        browser.close()
    return found


def _mathjax() -> str:
    """Return the address of the MathJax file in its Python package, which is not imported.

    Importing it would load a server.
    """
    static = distribution("jupyter-server-mathjax").locate_file("jupyter_server_mathjax/static")
    return f"{Path(str(static)).as_uri()}/MathJax.js?config=TeX-AMS-MML_HTMLorMML-full,Safe"


def _stay_here(route: Route) -> None:
    """Load local files and nothing else."""
    if route.request.url.startswith(("file:", "data:")):
        route.continue_()
    else:
        route.abort()


def _wait_for_formulas(page: Page) -> None:
    page.wait_for_function("() => window.MathJax && MathJax.Hub && MathJax.isReady")
    page.evaluate("() => new Promise(done => MathJax.Hub.Queue(done))")


def _screenshots(page: Page, stem: Path) -> Iterator[Path]:
    height: Any = page.evaluate("() => document.documentElement.scrollHeight")
    for number, top in enumerate(range(0, height, HEIGHT), 1):
        path = stem.with_name(f"{stem.name}-{number}.png")
        clip = {"x": 0, "y": top, "width": WIDTH, "height": min(HEIGHT, height - top)}
        page.screenshot(path=path, clip=clip, full_page=True)
        yield path


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 1 if there are problems."""
    parser = argparse.ArgumentParser(
        prog="python tutorials/render.py", description="Take screenshots of the lessons."
    )
    parser.add_argument("lesson", nargs="*", type=int, help="a lesson's number (default: all)")
    parser.add_argument(
        "--out", type=Path, default=HERE / "rendered", help="folder (default: tutorials/rendered)"
    )
    options = parser.parse_args(argv)
    notebooks = [
        path
        for path in sorted(HERE.glob("[0-9][0-9]_*.ipynb"))
        if not options.lesson or int(path.name[:2]) in options.lesson
    ]
    found = render(notebooks, options.out)
    for notebook, problems in found.items():
        for problem in problems:
            print(f"{notebook.name}: {problem}", file=sys.stderr)
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
