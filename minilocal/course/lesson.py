"""What lessons use besides figures: sizes, checked claims, and the library's own source."""

from __future__ import annotations

import inspect
import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import minilocal
from minilocal.course.animation import show_animation
from minilocal.course.figure import show, style
from minilocal.errors import InputError

T = TypeVar("T")

CAPTIONS = Path(__file__).with_name("captions")  # a file per lesson

# CSS of a box of code, as wide as the library's lines are long.
BOX = "background: #F7F7F7; color: #222222; padding: 0.6em"
CODE = (
    "margin: 0; background: transparent; font-family: monospace; font-size: 12px; line-height: 1.35; "
    "white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere"
)

SIZE = "MINILOCAL_LESSON_SIZE"  # environment variable: "full", the default, or "small"


def sized(full: T, small: T) -> T:
    """Return `full`, or `small` if the environment variable MINILOCAL_LESSON_SIZE is "small", as in tests.

    Raises `InputError` if it has another value.
    """
    size = os.environ.get(SIZE, "full")
    if size not in ("full", "small"):
        raise InputError(f"{SIZE} is {size!r}; set it to full or small, or unset it")
    return full if size == "full" else small


def check(claim: str, holds: Any, number: str) -> None:
    """Print a claim with the number that confirms it; raise `AssertionError` unless it holds.

    >>> check("two and two make four", 2 + 2 == 4, "2 + 2 = 4")
    ✓ two and two make four (2 + 2 = 4)
    """
    if not holds:
        raise AssertionError(f"this does not hold: {claim} ({number})")
    print(f"✓ {claim} ({number})")


def figures(lesson: int) -> Callable[[Any, int], None]:
    """Set the course's look, and return `show(figure, number)`: it shows a figure, or the frames of an animation.

    captions/NN.md has two paragraphs for each figure of lesson NN: its caption, and an alt text for readers who can't
    see it. Raises `InputError` if a figure has none.
    """
    style()
    texts = [" ".join(text.split()) for text in (CAPTIONS / f"{lesson:02}.md").read_text("utf-8").split("\n\n")]

    def show_numbered(figure: Any, number: int) -> None:
        if not texts[2 * number - 2 :] or not texts[2 * number - 2].startswith(f"**Figure {number}.**"):
            raise InputError(f"captions/{lesson:02}.md has no Figure {number}; add its caption and its alt text")
        caption, alt = texts[2 * number - 2 : 2 * number]
        (show if hasattr(figure, "savefig") else show_animation)(figure, caption, alt)

    return show_numbered


def source(*objects: Any) -> None:
    """Show the source of functions, methods, classes or kernels of the library, with the names of their files."""
    from IPython.display import display
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    code: dict[str, list[str]] = {}  # by file
    for thing in objects:
        thing = inspect.unwrap(getattr(thing, "py_func", thing))  # a kernel is compiled from its py_func
        file = Path(inspect.getfile(thing)).relative_to(Path(minilocal.__file__).parents[1])
        code.setdefault(file.as_posix(), []).append(textwrap.dedent(inspect.getsource(thing)).rstrip())
    text = "\n\n\n".join(f"# {file}\n\n" + "\n\n".join(blocks) for file, blocks in code.items())
    # Every word has its colour, because hosts drop style sheets; a host that drops these too still shows a <pre>.
    formatter = HtmlFormatter(noclasses=True, cssstyles=BOX, prestyles=CODE)
    display({"text/html": highlight(text, PythonLexer(), formatter), "text/plain": text}, raw=True)
