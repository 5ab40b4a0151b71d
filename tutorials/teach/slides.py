"""Make slides of lessons, by nbconvert and reveal.js: `python tutorials/teach/slides.py`.

A cell of a lesson's script that begins with `# %% slideshow={"slide_type": "slide"}` begins a
slide, "subslide" one below it; "fragment" appears with the next key, and "-" goes on the same
slide. Cells without such a mark are not shown. A slide has a cell's headings, formulas, lists,
tables and questions; its paragraphs become the speaker's notes (key S), and so do those of the
unmarked cells that follow. Of code, slides show the output, what it prints on a slide below the
picture. With `"code": "g1_step"` they show that function, of the cell or of the library's code that
the cell shows. So slides and lesson can't drift apart: there is one text.

The slides are one HTML file per lesson. They load reveal.js and MathJax from the network, or, with
--libraries FOLDER, from copies that are put beside them, so that a lecture needs no network. The
folder has what these commands fetch:

    npm pack reveal.js@4.6.1
    npm pack mathjax@3.2.2

--check looks at all slides in Chromium, at 1920×1080: it takes screenshots, and names what is too
large for its slide or too small to read from the last row (texts below 12 pt, numbers in figures
included).

Needs `python -m pip install -e ".[slides]"`; --check also needs `.[render]` and a Chromium.
"""

from __future__ import annotations

import ast
import base64
import importlib.util
import re
import struct
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbconvert import SlidesExporter

from minilocal.console.cli import Parser
from minilocal.errors import InputError
from minilocal.files import expanded, folder_for

HERE = Path(__file__).resolve().parent
LESSONS = (5, 6, 7, 9)
LIBRARIES = {
    "reveal.js": ("4.6.1", ("dist/", "plugin/notes/")),
    "mathjax": ("3.2.2", ("es5/tex-svg.js",)),
}
WIDTH, HEIGHT = 1920, 1080
WIDEST, HIGHEST = 1500, 820  # pixels of a picture on a slide
LEAST_PIXELS = 16  # 12 pt, for texts and for numbers in pictures
LEAST_POINTS = 7  # the smallest text of a picture that doesn't say
SHOWN = re.compile(
    r"#|>|\||[*-] |\d+\. |\$\$|```"
)  # how a paragraph begins that stands on the slide

_spec: Any = importlib.util.spec_from_file_location("lessons", HERE.parent / "build.py")
lessons: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(lessons)


def deck(script: Path) -> Any:
    """Return a notebook of a lesson's marked cells, ready for nbconvert."""
    if problem := lessons.out_of_step(script):
        number = int(script.name[:2])
        raise lessons.LessonError(
            f"{script.name} {problem}; run python tutorials/build.py {number}"
        )
    stored = nbformat.read(script.with_suffix(".ipynb"), as_version=4).cells
    slides = Slides()
    for cell, with_outputs in zip(lessons.read(script).cells, stored, strict=True):
        mark = cell.metadata.get("slideshow", {})
        kind, code = mark.get("slide_type", ""), mark.get("code", "")
        if cell.cell_type == "code" and kind:
            if code and (function := without_docstrings(cell.source, code)):
                slides.add(f"```python\n{function}\n```", kind)
                kind = "-"
            outputs = [output for one in with_outputs.outputs for output in shown(one, code)]
            pictures = [output for output in outputs if output.output_type == "display_data"]
            texts = [output for output in outputs if output.output_type != "display_data"]
            printed = "".join(output.get("text", "") for output in texts).strip()
            if all(line.startswith("✓") for line in printed.splitlines()):
                slides.add_notes(printed)  # claims alone are no slide
                texts = []
            for number, group in enumerate(filter(None, (pictures, texts))):
                slides.add(group, "subslide" if number else kind)
        elif cell.cell_type == "markdown":
            before, exercises, _ = cell.source.partition("## Exercises")
            sections = re.split(r"^(?=#+ )", before, flags=re.MULTILINE)
            for number, section in enumerate(filter(None, sections)):
                on_slide, notes = parted(section)
                if kind:  # each further heading of the cell begins another slide
                    slides.add(on_slide, "slide" if number else kind)
                slides.add_notes(notes)
            if exercises:
                break
    notebook = nbformat.v4.new_notebook(cells=slides.cells)
    notebook.metadata = nbformat.from_dict(lessons.METADATA | {"title": script.stem})
    return notebook


class Slides:
    """A lecture's cells, each with its slide type; every slide has its section's heading."""

    def __init__(self) -> None:
        self.cells: list[Any] = []
        self.heading = ""
        self.waiting = ""  # the type of a slide that has nothing on it yet

    def add(self, content: str | list[Any], kind: str) -> None:
        """Add a text or outputs; with nothing to add, what comes next begins the slide."""
        if not content:
            self.waiting = kind if kind in ("slide", "subslide") else self.waiting
            return
        kind, self.waiting = (self.waiting or kind) if kind == "-" else kind, ""
        if isinstance(content, str) and (found := re.match(r"#+ (.*)", content)):
            self.heading = found[1]
        elif kind in ("slide", "subslide"):
            self._append(nbformat.v4.new_markdown_cell(f"## {self.heading}"), kind)
            kind = "-"
        if isinstance(content, str):
            self._append(nbformat.v4.new_markdown_cell(content), kind)
        else:
            cell = nbformat.v4.new_code_cell("", outputs=content)
            cell.metadata["transient"] = {"remove_source": True}
            self._append(cell, kind)

    def add_notes(self, notes: str) -> None:
        """Add the speaker's notes to the slide."""
        if notes and self.cells:
            self._append(nbformat.v4.new_markdown_cell(notes), "notes")

    def _append(self, cell: Any, kind: str) -> None:
        cell.metadata["slideshow"] = {"slide_type": kind}
        self.cells.append(cell)


def parted(source: str) -> tuple[str, str]:
    """Return what of a text stands on the slide, and what is for the speaker.

    >>> parted("## 2 The shift\\n\\nIt starts at 0.\\n\\n$$s = 0$$")
    ('## 2 The shift\\n\\n$$s = 0$$', 'It starts at 0.')
    """
    paragraphs = [paragraph for paragraph in re.split(r"\n\s*\n", source) if paragraph.strip()]
    on_slide = [paragraph for paragraph in paragraphs if SHOWN.match(paragraph)]
    return "\n\n".join(on_slide), "\n\n".join(p for p in paragraphs if p not in on_slide)


def shown(output: Any, code: str) -> Iterator[Any]:
    """Yield an output as slides show it: code without docstrings, captions without folded words."""
    data = output.get("data", {})
    if "text/html" in data and data["text/plain"].startswith("# minilocal/"):
        function = without_docstrings(data["text/plain"], code)
        yield nbformat.v4.new_output(
            "display_data", {"text/markdown": f"```python\n{function}\n```"}
        )
    elif "text/markdown" in data:
        caption = data["text/markdown"].partition("<details>")[0].strip()
        yield nbformat.v4.new_output("display_data", {"text/markdown": caption})
    else:
        if "image/png" in data:
            width, height = struct.unpack(">II", base64.b64decode(data["image/png"][:64])[16:24])
            look = output.metadata["image/png"]
            inches, look["width"] = look["width"] / 100, min(WIDEST, HIGHEST * width // height)
            look["smallest"] = look.get("smallest", LEAST_POINTS) / 72 / inches * look["width"]
        yield output


def too_small(notebook: Any) -> list[str]:
    """Return the pictures of a deck whose smallest numbers can't be read from the last row."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    looks = [
        output.metadata["image/png"] for output in outputs if "image/png" in output.get("data", {})
    ]
    return [look["alt"][:60] for look in looks if look["smallest"] < LEAST_PIXELS]


def without_docstrings(code: str, name: str = "") -> str:
    """Return code, or one function of it, without docstrings; an empty string if it isn't there."""
    lines, dropped = code.splitlines(), set()
    kept = {*range(1, len(lines) + 1)} if not name else set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if ast.get_docstring(node) is not None:
                dropped |= {*range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)}
            if node.name == name:
                kept = {*range(node.lineno, (node.end_lineno or 0) + 1)}
    text = "\n".join(line for number, line in enumerate(lines, 1) if number in kept - dropped)
    return re.sub(r"\n{3,}", "\n\n", text)


def deck_of(script: Path) -> str:
    """Return the name of the file with a lesson's slides."""
    return f"{script.stem}.slides.html"


def convert(script: Path, notebook: Any, folder: Path, local: bool) -> Path:
    """Write a lesson's slides to the folder, and return their path."""
    addresses = {
        name: f"libraries/{name}" if local else f"https://unpkg.com/{name}@{version}"
        for name, (version, _) in LIBRARIES.items()
    }
    exporter = SlidesExporter(
        template_name="slides",
        extra_template_basedirs=[str(HERE)],
        reveal_url_prefix=addresses["reveal.js"],
        mathjax_url=f"{addresses['mathjax']}/es5/tex-svg.js",
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    path = folder / deck_of(script)
    path.write_text(exporter.from_notebook_node(notebook)[0], encoding="utf-8")
    return path


def unpack(libraries: Path, folder: Path) -> None:
    """Put what slides need of the JavaScript libraries beside them, from npm's packages."""
    contents: dict[Path, bytes] = {}
    for name, (version, needed) in LIBRARIES.items():
        package = libraries / f"{name}-{version}.tgz"
        try:
            with tarfile.open(package) as archive:
                for member in archive:
                    inside = member.name.removeprefix("package/")
                    if member.isfile() and inside.startswith(needed) and ".." not in inside:
                        file: Any = archive.extractfile(member)
                        contents[folder / "libraries" / name / inside] = file.read()
        except (OSError, EOFError, ValueError, tarfile.TarError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(
                f"--libraries: {str(package)!r} can't be read ({reason}); make it with: npm pack {name}@{version}"
            ) from None
    for target, content in contents.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


# Runs in the page and returns what can't be seen or read on the current slide.
PROBLEMS = r"""
({ width, height, leastPixels }) => {
  const problems = [];
  const slide = Reveal.getCurrentSlide();
  for (const node of slide.querySelectorAll("*")) {
    if (node.closest("aside, svg, mjx-assistive-mml")) continue;
    const box = node.getBoundingClientRect();
    if (box.width === 0) continue;
    const name = `${node.tagName.toLowerCase()} ${node.textContent.trim().slice(0, 40)}`;
    if (box.bottom > height || box.right > width || box.left < 0 || box.top < 0)
      problems.push(`beyond the slide: ${name}`);
    if (node.matches("pre, table, p, li, mjx-container[display]"))
      if (node.scrollWidth > node.clientWidth + 2) problems.push(`wider than its place: ${name}`);
    const own = [...node.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
    if (own && parseFloat(getComputedStyle(node).fontSize) * Reveal.getScale() < leastPixels)
      problems.push(`too small to read: ${name}`);
  }
  return [...new Set(problems)];
}
"""


def check(pages: Sequence[Path], folder: Path) -> dict[str, list[str]]:
    """Take a screenshot of every slide; return problems by lesson and slide."""
    import shutil

    from playwright.sync_api import sync_playwright

    sizes = {"width": WIDTH, "height": HEIGHT, "leastPixels": LEAST_PIXELS}
    found = {}
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        flags = ["--no-sandbox", "--allow-file-access-from-files"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        for path in pages:
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.set_default_timeout(600_000)  # milliseconds; a busy machine takes its time
            page.goto(path.as_uri())
            page.wait_for_function(
                "() => window.Reveal && Reveal.isReady() && window.MathJax && MathJax.startup"
            )
            page.evaluate("() => MathJax.startup.promise")
            for number in range(1, page.evaluate("() => Reveal.getTotalSlides()") + 1):
                while page.evaluate("() => Reveal.availableFragments().next"):
                    page.evaluate("() => Reveal.nextFragment()")
                page.wait_for_timeout(100)
                page.screenshot(path=folder / f"{path.name[:2]}-{number:02}.png")
                if problems := page.evaluate(PROBLEMS, sizes):
                    found[f"{path.name[:2]}, slide {number}"] = problems
                page.evaluate("() => Reveal.next()")
            page.close()
        browser.close()
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 1 if slides can't be made or, with --check, have problems."""
    parser = Parser(prog="python tutorials/teach/slides.py", description="Make slides of lessons.")
    parser.add_argument(
        "lesson",
        nargs="*",
        type=int,
        default=LESSONS,
        help=f"a lesson's number (default: {LESSONS})",
    )
    parser.add_argument("--out", default="slides", help="folder to write to (default: slides)")
    parser.add_argument(
        "--libraries",
        metavar="FOLDER",
        help="folder with npm's packages, to use no network",
    )
    parser.add_argument("--check", action="store_true", help="look at every slide in Chromium")
    options = parser.parse_args(argv)
    if others := set(options.lesson) - set(LESSONS):
        parser.error(f"lesson {min(others)} has no slides; choose from {LESSONS}")
    scripts = [s for s in lessons.lessons() if int(s.name[:2]) in options.lesson]
    found: dict[str, list[str]] = {}
    try:
        with folder_for(options.out, "--out", *(deck_of(script) for script in scripts)) as out:
            folder, local = out.resolve(), options.libraries is not None
            decks = {script: deck(script) for script in scripts}
            if local:
                unpack(expanded(options.libraries), folder)
            pages = [convert(script, notebook, folder, local) for script, notebook in decks.items()]
            print(*(page.name for page in pages), sep="\n")
            if options.check:
                small = {
                    f"{s.name[:2]}, numbers too small in": too_small(n) for s, n in decks.items()
                }
                found = {where: names for where, names in small.items() if names} | check(
                    pages, folder
                )
    except InputError as error:
        parser.error(str(error))
    except lessons.LessonError as error:
        print(error, file=sys.stderr)
        return 1
    for where, problems in found.items():
        print(f"{where}: {'; '.join(problems)}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
