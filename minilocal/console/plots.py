"""What all figures share: their colours, and how to create and save one. Matplotlib is imported only when needed."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minilocal.errors import InputError, TrainingError
from minilocal.files import replacing

# Based on Okabe and Ito's colours, which colour-blind readers can tell apart; block b has colour (b − 1) mod 7.
BLOCK_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8C7A00")
FROZEN = "#EBEBEB"


# Fonts for characters that DejaVu Sans, which comes with Matplotlib, lacks: the first that is installed has them.
FALLBACKS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Micro Hei", "Droid Sans Fallback"),
    *("Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "PingFang SC", "Hiragino Sans", "Arial Unicode MS"),
    *("Noto Emoji", "Segoe UI Emoji", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari"),
)


@contextlib.contextmanager
def drawing() -> Iterator[None]:
    """Draw in the `with` block, or the decorated function, with our own settings, whatever the user's are.

    Raises `TrainingError` for whatever Matplotlib raises.
    """
    try:
        matplotlib = _matplotlib()
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams["font.family"] = [name for name, _ in _fonts()]
            yield
    except (InputError, TrainingError):
        raise
    except Exception as error:
        raise TrainingError(f"Matplotlib can't draw this ({error or type(error).__name__})") from error


@contextlib.contextmanager
def if_possible() -> Iterator[None]:
    """Say in a sentence on stderr what can't be drawn in the `with` block, and go on: numbers matter more."""
    try:
        yield
    except TrainingError as error:
        print(f"not drawn: {' '.join(str(error).split())}", file=sys.stderr)


def _matplotlib() -> Any:
    """Import Matplotlib, which does not load if MPLBACKEND names a backend that does not exist."""
    backend = None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
    import matplotlib

    if backend:
        os.environ["MPLBACKEND"] = backend
        with contextlib.suppress(ValueError):
            matplotlib.rcParams["backend"] = backend
    return matplotlib


@functools.cache
def _fonts() -> list[tuple[str, frozenset[int]]]:
    """Return the fonts to draw with, by name, and the characters that each has."""
    from matplotlib.font_manager import findfont, fontManager, get_font

    installed = {*fontManager.get_font_names()}
    names = ["DejaVu Sans", *(name for name in FALLBACKS if name in installed)]
    return [(name, frozenset(get_font(findfont(name)).get_charmap())) for name in names]


def plain(text: str, most: int = 1000) -> str:
    """Return text that a figure shows as it is, on one line, and cut after `most` characters.

    No dollar sign starts a formula. A character that no font has becomes "?".

    >>> plain("my$data$.npz"), plain("two\\nlines"), plain("far too long a name", 10)
    ('my\\\\$data\\\\$.npz', 'two lines', 'far too l…')
    """
    text = "".join(c if any(ord(c) in known for _, known in _fonts()) else "?" for c in " ".join(text.split()))
    return (text if len(text) <= most else text[: most - 1] + "…").replace("$", r"\$")


def new_figure(width: float, height: float) -> Any:
    """Return a figure of that size in inches, laid out so that axes, labels and legends do not overlap."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    return FigureCanvasAgg(Figure(figsize=(width, height), layout="constrained")).figure


def entitle(figure: Any, title: str) -> None:
    """Give a figure a title, on several lines if it is wide."""
    wide = sum(c > "\u2e7f" for c in title)  # Chinese and the like
    width = int(8.5 * figure.get_figwidth() * len(title) / (len(title) + wide + 1))
    lines = textwrap.wrap(title, max(15, width))
    figure.suptitle("\n".join(map(plain, lines)), fontsize=11)


def integer_ticks(axis: Any) -> None:
    """Put ticks on whole numbers only, even if there is only one."""
    axis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def save(figure: Any, path: Path, title: str | None = None) -> Path:
    """Write a figure as PNG, under a title if given; raise `TrainingError` if it can't be written."""
    if title is not None:
        entitle(figure, title)
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=130)
    return path
