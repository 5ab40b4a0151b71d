"""Export the lessons' figures as SVG and PNG: `python tutorials/teach/figures.py 5 6 7 9`.

Each lesson runs as a plain program, with its own drawing code, and every figure that it shows goes
to a folder under the lesson's and the figure's number: 06-2.svg and 06-2.png are figure 2 of lesson
6. SVG stays sharp at any size and can be edited; texts are outlines, so that it looks the same
without our fonts. An animation becomes an animated PNG, and an SVG of its first picture, the one
that says most. captions.md has captions, and what each figure shows in words.

At full size a lesson takes up to two minutes. With MINILOCAL_LESSON_SIZE=small all take one or two
together: diagrams are the same, what is measured is not.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import runpy
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import matplotlib as mpl
from matplotlib.figure import Figure

from minilocal.console.cli import Parser
from minilocal.course import animation, figure
from minilocal.course import lesson as lesson_tools
from minilocal.errors import InputError
from minilocal.files import folder_for

LESSONS = Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def exporting(lesson: str, folder: Path, captions: list[str]) -> Iterator[None]:
    """Write each figure shown in the `with` block to the folder; add its caption to the list."""
    drawn: list[Figure] = []
    savefig, animate = Figure.savefig, animation.show_animation

    def remembering(one: Figure, *arguments: Any, **options: Any) -> None:
        drawn[:] = [one]
        savefig(one, *arguments, **options)

    def show_png(png: bytes, width: int, caption: str, alt: str, **_: float) -> None:
        found = re.match(r"\*\*Figure (\d+)\.\*\* ", caption)
        if found is None:
            raise SystemExit(f"lesson {lesson}: {caption[:20]!r} must begin with **Figure N.**")
        stem = f"{lesson}-{found[1]}"
        (folder / f"{stem}.png").write_bytes(png)
        with mpl.rc_context({"svg.hashsalt": stem, "svg.fonttype": "path"}):
            savefig(drawn[0], folder / f"{stem}.svg", metadata={"Date": None})
        captions.append(f"## {stem}\n\n{caption}\n\n{alt}\n")

    def show_animation(figures: Iterable[Figure], *arguments: Any, **options: Any) -> None:
        frames = list(figures)
        drawn[:] = frames[:1]
        animate(frames, *arguments, **options)

    with (
        patch.object(Figure, "savefig", remembering),
        patch.object(figure, "show_png", show_png),
        patch.object(animation, "show_png", show_png),
        patch.object(animation, "show_animation", show_animation),
        patch.object(lesson_tools, "show_animation", show_animation),
    ):
        yield


def export(script: Path, folder: Path) -> list[str]:
    """Run a lesson and write its figures to the folder; return their captions."""
    captions: list[str] = []
    here = Path.cwd()
    os.chdir(LESSONS)
    try:
        with (
            exporting(script.name[:2], folder, captions),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            runpy.run_path(str(script))
    finally:
        os.chdir(here)
    return captions


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    mpl.use("agg")
    parser = Parser(
        prog="python tutorials/teach/figures.py",
        description="Export the lessons' figures as SVG and PNG.",
    )
    parser.add_argument("lesson", nargs="*", type=int, help="a lesson's number (default: all)")
    parser.add_argument("--out", default="figures", help="folder to write to (default: figures)")
    options = parser.parse_args(argv)
    scripts = [
        s
        for s in sorted(LESSONS.glob("[0-9][0-9]_*.py"))
        if not options.lesson or int(s.name[:2]) in options.lesson
    ]
    if len(scripts) < len(set(options.lesson)):
        parser.error("there is no such lesson")
    captions: list[str] = []
    try:
        with folder_for(options.out, "--out", "captions.md") as out:
            folder = out.resolve()
            for script in scripts:
                new = export(script, folder)
                print(f"{script.stem}: {len(new)} figures", flush=True)
                captions += new
            (folder / "captions.md").write_text("\n".join(captions), encoding="utf-8")
    except InputError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
