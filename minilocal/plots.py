"""What all figures share: their colours, and how to create and save one. Matplotlib is imported only when needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minilocal.files import replacing

# Based on Okabe and Ito's colours, which colour-blind readers can tell apart; block b has colour (b − 1) mod 7.
BLOCK_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8C7A00")
FROZEN = "#EBEBEB"


def plain(text: str) -> str:
    """Return text that a figure shows as it is: no dollar sign starts a formula; invalid characters become "?".

    >>> plain("my$data$.npz")
    'my\\\\$data\\\\$.npz'
    """
    return text.encode(errors="replace").decode().replace("$", r"\$")


def new_figure(width: float, height: float) -> Any:
    """Return a figure of that size in inches, laid out so that axes, labels and legends do not overlap."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def integer_ticks(axis: Any) -> None:
    """Put ticks on whole numbers only, even if there is only one."""
    axis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def save(figure: Any, path: Path, title: str | None = None) -> Path:
    """Write a figure as PNG, under a title if given; raise `TrainingError` if it can't be written."""
    if title is not None:
        figure.suptitle(plain(title), fontsize=11)
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=130)
    return path
