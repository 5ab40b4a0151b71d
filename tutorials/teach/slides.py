"""Make slides of lessons, by nbconvert and reveal.js: `python tutorials/teach/slides.py`.

A cell of a lesson's script that begins with `# %% slideshow={"slide_type": "slide"}` begins a
slide, "subslide" one below it; "fragment" appears with the next key, and "-" goes on the same
slide. Cells without such a mark are not shown. A slide has a cell's headings, formulas, lists,
tables and questions; its paragraphs become the speaker's notes (key S), and so do those of the
unmarked cells that follow. Of code, slides show the output, and the code itself where the mark has
`"code": true`. So slides and lesson can't drift apart: there is one text.

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

import argparse
import ast
import importlib.util
import re
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbconvert import SlidesExporter

HERE = Path(__file__).resolve().parent
LESSONS = (5, 6, 7, 9)
LIBRARIES = {
    "reveal.js": ("4.6.1", ("dist/", "plugin/notes/")),
    "mathjax": ("3.2.2", ("es5/tex-svg.js",)),
}
WIDTH, HEIGHT = 1920, 1080
LEAST_PIXELS = 16  # 12 pt
LEAST_IN_FIGURES = 7 / 72  # inches: the smallest text that the course's figures have
SHOWN = re.compile(
    r"#|>|\||[*-] |\d+\. |\$\$|```"
)  # how a paragraph begins that stands on the slide

_spec: Any = importlib.util.spec_from_file_location("lessons", HERE.parent / "build.py")
lessons: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(lessons)


def deck(script: Path) -> Any:
    """Return a notebook of a lesson's marked cells, ready for nbconvert."""
    if problem := lessons.out_of_step(script):
        raise lessons.LessonError(
            f"{script.name} {problem}; run python tutorials/build.py {int(script.name[:2])}"
        )
    stored = nbformat.read(script.with_suffix(".ipynb"), as_version=4).cells
    cells: list[Any] = []
    for cell, with_outputs in zip(lessons.read(script).cells, stored, strict=True):
        mark = cell.metadata.get("slideshow")
        if cell.cell_type == "code":
            if mark is not None:
                cell.outputs = [output for one in with_outputs.outputs for output in shown(one)]
                cell.metadata["transient"] = {"remove_source": not mark.get("code", False)}
                cells.append(cell)
        else:
            slide, notes = parted(cell.source)
            if mark is not None and slide:
                cell.source = slide
                cells.append(cell)
            if cells and notes:
                cells.append(_markdown(notes, "notes"))
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=nbformat.from_dict(lessons.METADATA))
    notebook.metadata["title"] = script.stem
    return notebook


def _markdown(source: str, kind: str) -> Any:
    return nbformat.v4.new_markdown_cell(source, metadata={"slideshow": {"slide_type": kind}})


def parted(source: str) -> tuple[str, str]:
    """Return what of a text stands on the slide, and what is for the speaker.

    >>> parted("## 2 The shift\\n\\nIt starts at 0.\\n\\n$$s = 0$$")
    ('## 2 The shift\\n\\n$$s = 0$$', 'It starts at 0.')
    """
    paragraphs = [paragraph for paragraph in re.split(r"\n\s*\n", source) if paragraph.strip()]
    on_slide = [paragraph for paragraph in paragraphs if SHOWN.match(paragraph)]
    return "\n\n".join(on_slide), "\n\n".join(p for p in paragraphs if p not in on_slide)


def shown(output: Any) -> Iterator[Any]:
    """Yield an output as slides show it: code without docstrings, captions without folded words."""
    data = output.get("data", {})
    if "text/html" in data and data["text/plain"].startswith("# minilocal/"):
        code = without_docstrings(data["text/plain"])
        yield nbformat.v4.new_output("display_data", {"text/markdown": f"```python\n{code}\n```"})
    elif "text/markdown" in data:
        caption = data["text/markdown"].partition("<details>")[0].strip()
        yield nbformat.v4.new_output("display_data", {"text/markdown": caption})
    else:
        yield output


def without_docstrings(code: str) -> str:
    """Return code without docstrings, and with one empty line between functions."""
    lines, dropped = code.splitlines(), set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            dropped |= {*range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)}
    kept = "\n".join(line for number, line in enumerate(lines, 1) if number not in dropped)
    return re.sub(r"\n{3,}", "\n\n", kept)


def convert(script: Path, folder: Path, local: bool) -> Path:
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
    path = folder / f"{script.stem}.slides.html"
    path.write_text(exporter.from_notebook_node(deck(script))[0], encoding="utf-8")
    return path


def unpack(libraries: Path, folder: Path) -> None:
    """Put what slides need of the JavaScript libraries beside them, from npm's packages."""
    for name, (version, needed) in LIBRARIES.items():
        package = libraries / f"{name}-{version}.tgz"
        if not package.exists():
            raise lessons.LessonError(
                f"{package} does not exist; make it with: npm pack {name}@{version}"
            )
        with tarfile.open(package) as archive:
            for member in archive:
                inside = member.name.removeprefix("package/")
                if member.isfile() and inside.startswith(needed) and ".." not in inside:
                    target = folder / "libraries" / name / inside
                    target.parent.mkdir(parents=True, exist_ok=True)
                    file: Any = archive.extractfile(member)
                    target.write_bytes(file.read())


# Runs in the page and returns what can't be seen or read on the current slide.
PROBLEMS = r"""
({ width, height, leastPixels, leastInFigures }) => {
  const problems = [];
  const slide = Reveal.getCurrentSlide();
  const scale = Reveal.getScale();
  for (const node of slide.querySelectorAll("*")) {
    if (node.closest("aside, svg, mjx-assistive-mml")) continue;
    const box = node.getBoundingClientRect();
    if (box.width === 0) continue;
    const name = `${node.tagName.toLowerCase()} ${node.textContent.trim().slice(0, 40)}`;
    if (box.bottom > height || box.right > width || box.left < 0 || box.top < 0)
      problems.push(`beyond the slide: ${name}`);
    const look = getComputedStyle(node);
    if (node.scrollWidth > node.clientWidth + 2 && node.clientWidth && look.display !== "inline")
      problems.push(`wider than its place: ${name}`);
    const own = [...node.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
    if (own && parseFloat(look.fontSize) * scale < leastPixels)
      problems.push(`too small to read: ${name}`);
    if (node.tagName === "IMG") {
      const inches = Number(node.getAttribute("width")) / 100; // of the figure, as it was drawn
      if (leastInFigures / inches * box.width < leastPixels)
        problems.push(`numbers in a figure too small: ${node.alt}`);
    }
  }
  return [...new Set(problems)];
}
"""


def check(pages: Sequence[Path], folder: Path) -> dict[str, list[str]]:
    """Take a screenshot of every slide; return problems by lesson and slide."""
    import shutil

    from playwright.sync_api import sync_playwright

    sizes = {
        "width": WIDTH,
        "height": HEIGHT,
        "leastPixels": LEAST_PIXELS,
        "leastInFigures": LEAST_IN_FIGURES,
    }
    found = {}
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        flags = ["--no-sandbox", "--allow-file-access-from-files"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        for path in pages:
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
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
    parser = argparse.ArgumentParser(
        prog="python tutorials/teach/slides.py", description="Make slides of lessons."
    )
    parser.add_argument(
        "lesson",
        nargs="*",
        type=int,
        default=LESSONS,
        help=f"a lesson's number (default: {LESSONS})",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("slides"), help="folder to write to (default: slides)"
    )
    parser.add_argument(
        "--libraries",
        type=Path,
        metavar="FOLDER",
        help="folder with npm's packages, to use no network",
    )
    parser.add_argument("--check", action="store_true", help="look at every slide in Chromium")
    options = parser.parse_args(argv)
    folder = options.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if options.libraries is not None:
            unpack(options.libraries, folder)
        scripts = [script for script in lessons.lessons() if int(script.name[:2]) in options.lesson]
        pages = [convert(script, folder, options.libraries is not None) for script in scripts]
    except lessons.LessonError as error:
        print(error, file=sys.stderr)
        return 1
    print(*(page.name for page in pages), sep="\n")
    found = check(pages, folder) if options.check else {}
    for where, problems in found.items():
        print(f"{where}: {'; '.join(problems)}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
