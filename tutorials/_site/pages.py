"""What the site adds to the course's files: shared texts, links, badges, cross-references, the library's source.

In a page, a line `% include FILE` stands for the text of a file of the repository, `% readme LANGUAGE N` for the N-th
block of code in that language in the README, `% api` for all public names, and `% goals` for what lessons teach.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import minilocal
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from sphinx.util.inspect import stringify_signature

TUTORIALS = Path(__file__).resolve().parents[1]
ROOT = TUTORIALS.parent
SHARED = {  # file of the repository: the page that shows it, or what stands for it
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "data/README.md": "images.md",
    "LICENSE-lessons.md": "licence.md",
    ".github/SUPPORT.md": "support.md",
    ".github/CODE_OF_CONDUCT.md": "conduct.md",
}
LINK = re.compile(r"(!?)\[((?:[^\[\]\\]|\\.)*)\]\(([^)\s]+)\)")
LESSONS = sorted(TUTORIALS.glob("[0-9][0-9]_*.ipynb"))


def prepare(app: Any, page: str, source: list[str]) -> None:
    """Complete a page's source before it is read."""
    folder = (TUTORIALS / page).parent
    address = app.config.repository_address
    if (TUTORIALS / f"{page}.ipynb").exists():
        notebook = json.loads(source[0])
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = linked("".join(cell["source"]), folder, folder, address)
            elif "MINILOCAL_WHEEL" in "".join(cell["source"]):
                cell["metadata"]["tags"] = ["hide-input"]  # it only finds minilocal
        if page in USED:
            title, *_ = notebook["cells"]
            title["source"] += "".join(f"\n\n{text}" for text in (badge(address, page), names_of(page)) if text)
        source[0] = json.dumps(notebook)
        return

    def include(match: re.Match[str]) -> str:
        file = ROOT / match[1]
        app.env.note_dependency(str(file))
        return linked(file.read_text(encoding="utf-8"), file.parent, folder, address)

    def block(match: re.Match[str]) -> str:
        app.env.note_dependency(str(ROOT / "README.md"))
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        return re.findall(rf"^```{match[1]}\n.*?^```", readme, re.DOTALL | re.MULTILINE)[int(match[2]) - 1]

    def pattern(match: re.Match[str]) -> str:
        return match[0] if any(file.suffix in (".md", ".ipynb") for file in folder.glob(match[0])) else ""

    text = linked(source[0], folder, folder, address)
    text = re.sub(r"^[\w/]+\*$", pattern, text, flags=re.MULTILINE)  # a toctree's pattern may match nothing yet
    text = re.sub(r"^% include (\S+)$", include, text, flags=re.MULTILINE)
    text = re.sub(r"^% readme (\w+) (\d+)$", block, text, flags=re.MULTILINE)
    text = re.sub(r"^% goals$", lambda _: goals(folder), text, flags=re.MULTILINE)
    source[0] = re.sub(r"^% api$", lambda _: api(), text, flags=re.MULTILINE)


def linked(text: str, here: Path, folder: Path, address: str) -> str:
    """Return Markdown of a file in the folder `here` with links that work in a page in `folder`.

    A link to a file that is not on the site leads to the repository's address, or is only text if there is none.
    """

    def link(match: re.Match[str]) -> str:
        image, words, target = match.groups()
        name, mark, anchor = target.partition("#")
        if not name or ":" in name or name.startswith("{"):
            return match[0]
        file = Path(os.path.normpath(here / name))
        path = file.relative_to(ROOT).as_posix()
        if path in SHARED:
            file = TUTORIALS / SHARED[path]
        elif path.startswith("minilocal/") and path.endswith(".py"):
            page = os.path.relpath(TUTORIALS / "source" / path, folder).removesuffix(".py")
            return f'<a class="reference" href="{page}.html">{words}</a>'
        elif TUTORIALS not in file.parents or file.is_dir() or file.match("tutorials/teach/*/*"):
            return f"[{words}]({address}/blob/main/{path})" if address else words
        return f"{image}[{words}]({os.path.relpath(file, folder)}{mark}{anchor})"

    return LINK.sub(link, text)


def badge(address: str, lesson: str) -> str:
    """Return a link that opens a lesson in Colab; "" while the repository has no address on GitHub."""
    owner = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+)", address)
    if owner is None:
        return ""
    notebook = f"https://colab.research.google.com/github/{owner[1]}/blob/main/tutorials/{lesson}.ipynb"
    return f"[Open this lesson in Colab]({notebook}){{.badge}}"


def names_used(lesson: Path) -> list[str]:
    """Return the public names of the library that a lesson's code uses, as in `ml.Conv2d`."""
    cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return sorted({*re.findall(r"\bml\.(\w+)", code)} & {*minilocal.__all__} - {"__version__"}, key=str.lower)


USED = {lesson.stem: names_used(lesson) for lesson in LESSONS}


def names_of(lesson: str) -> str:
    """Return a line with links to what a lesson uses."""
    names = ", ".join(f"{{py:obj}}`~minilocal.{name}`" for name in USED[lesson])
    return f"*From the library:* {names}." if names else ""


def complete(app: Any, kind: str, name: str, what: Any, options: Any, lines: list[str]) -> None:
    """Make a docstring what Sphinx expects, and add the lessons that use the name."""
    if kind == "data":
        lines.clear()  # it would be the docstring of the type, such as dict
    lines[:] = literal(lines)
    lessons = [lesson for lesson, names in USED.items() if name.removeprefix("minilocal.") in names]
    if lessons:
        links = ", ".join(f":doc:`{int(lesson[:2])} <{lesson}>`" for lesson in lessons)
        lines += ["", f"*In {'lessons' if len(lessons) > 1 else 'lesson'}* {links}."]


def literal(lines: list[str]) -> list[str]:
    """Return a docstring whose indented equations keep their lines, and in which |x| is no substitution."""
    text, before = [], ".."
    for line in lines:
        if line.startswith("    ") and before[0].isalpha() and not before.endswith("::"):
            text += ["::", ""]
        before = line if line.strip() else before
        text.append(line if line.startswith("    ") else re.sub(r"\|(\w+)\|", r"\|\1\|", line))
    return text


def signature(
    app: Any, what: str, name: str, thing: Any, options: Any, arguments: str | None, result: str | None
) -> tuple[str, str | None] | None:
    """Return a layer's arguments, which are those of `__init__`, because the base class's `__new__` takes anything.

    A dtype is shown as `np.float32`, as people write it.
    """
    if what == "class" and issubclass(thing, minilocal.Layer):
        _, *parameters = inspect.signature(thing.__init__).parameters.values()
        arguments = stringify_signature(inspect.Signature(parameters), unqualified_typehints=True)
    return (re.sub(r"<class 'numpy\.(\w+)'>", r"np.\1", arguments), result) if arguments else None


def goals(folder: Path) -> str:
    """Return each lesson's title and its learning goals, for a page in that folder."""
    text = []
    for lesson in LESSONS:
        first = "".join(json.loads(lesson.read_text(encoding="utf-8"))["cells"][0]["source"])
        title = first.partition("\n")[0].removeprefix("# ")
        match = re.search(r"\*\*Learning goals\.\*\*.*?\n\n((?:\* .*\n(?:  .*\n)*)+)", first)
        text.append(f"**[{title}]({os.path.relpath(lesson, folder)})**\n\n{match[1] if match else ''}")
    return "\n".join(text)


def api() -> str:
    """Return the entries of all public names, grouped by the room that defines them."""
    rooms: dict[str, list[str]] = {}
    for name, module in minilocal._PUBLIC.items():
        rooms.setdefault(module.partition(":")[0].partition(".")[0], []).append(name)
    text = []
    for room, names in rooms.items():
        docstring = ast.get_docstring(ast.parse(source_of(room).read_text(encoding="utf-8"))) or ""
        text += [f"## {room}\n", docstring.partition("\n")[0], "", "```{eval-rst}"]
        for name in names:
            thing = getattr(minilocal, name)
            kind = "class" if inspect.isclass(thing) else "function" if callable(thing) else "data"
            members = "   :members:\n" if kind == "class" else "   :no-value:\n" if kind == "data" else ""
            text.append(f".. auto{kind}:: minilocal.{name}\n{members}")
        text.append("```\n")
    return "\n".join(text)


def source_of(module: str) -> Path:
    """Return the file of a module, given by its name without "minilocal."."""
    path = ROOT / "minilocal" / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def source_link(domain: str, info: dict[str, str]) -> str | None:
    """Return the address of a name's source, on the site itself."""
    thing: Any = importlib.import_module(info["module"])
    try:
        for part in info["fullname"].split("."):
            thing = inspect.unwrap(getattr(thing, part))
        thing = thing.fget if isinstance(thing, property) else thing
        path = Path(inspect.getfile(thing)).relative_to(ROOT).with_suffix("")
        return f"source/{path.as_posix()}.html#L-{inspect.getsourcelines(thing)[1]}"
    except (AttributeError, TypeError, ValueError):
        return None


def source_pages(app: Any) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield a page for each file of the library, with an anchor for each line."""
    formatter = HtmlFormatter(lineanchors="L", wrapcode=True)
    for file in sorted((ROOT / "minilocal").rglob("*.py")):
        path = file.relative_to(ROOT)
        body = highlight(file.read_text(encoding="utf-8"), PythonLexer(), formatter)
        body = body.replace("<pre>", '<pre tabindex="0">')
        context = {"title": path.as_posix(), "body": f"<h1>{path.as_posix()}</h1>{body}"}
        yield f"source/{path.with_suffix('').as_posix()}", context, "page.html"


def setup(app: Any) -> dict[str, bool]:
    """Connect all this to Sphinx."""
    app.add_config_value("repository_address", "", "env")
    app.config.linkcode_resolve = source_link
    app.connect("source-read", prepare)
    app.connect("autodoc-process-docstring", complete)
    app.connect("autodoc-process-signature", signature)
    app.connect("html-collect-pages", source_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
