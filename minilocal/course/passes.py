"""Which arrays the kernels of a layer read and write: a row per pass over memory, a column per array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minilocal.course.figure import GREY, INK, PALE

Pass = tuple[str, str, str]  # name, arrays read, array written: ("ReLU", "a", "b")


def draw_passes(plans: Mapping[str, Sequence[Pass]], arrays: Sequence[str]) -> Any:
    """Return a figure with a table per plan, side by side: title → passes, each with the arrays that it moves.

    Arrays are named in `arrays` and, apart by blanks, in the passes. A read is a light square with R, a write a dark
    one with W; below stands how many they are.
    """
    import matplotlib.pyplot as plt

    most = max(map(len, plans.values()))
    figure, axes = plt.subplots(1, len(plans), figsize=(7.5, 1.0 + 0.27 * most))
    for axis, (title, passes) in zip(axes, plans.items(), strict=True):
        moved = sum(_draw_pass(axis, row, one, arrays) for row, one in enumerate(passes))
        for column, name in enumerate(arrays):
            axis.text(column, -0.9, f"${name}$", ha="center", va="center", fontsize=9)
        axis.text(
            -0.8,
            len(passes) + 0.1,
            f"{len(passes)} pass{'es' * (len(passes) > 1)}, {moved} arrays moved",
            fontsize=9,
            va="center",
        )
        axis.set(xlim=(-6.4, len(arrays) - 0.4), ylim=(most + 0.5, -1.6), aspect="equal")
        axis.set_title(title)
        axis.axis("off")
    return figure


def _draw_pass(axes: Any, row: int, one: Pass, arrays: Sequence[str]) -> int:
    """Draw a pass in its row; return how many arrays it moves."""
    from matplotlib.patches import Rectangle

    name, read, written = one
    axes.text(-0.8, row, name, ha="right", va="center", fontsize=9)
    for column, array in enumerate(arrays):
        corner = (column - 0.5, row - 0.5)
        axes.add_patch(Rectangle(corner, 1, 1, facecolor="white", edgecolor=PALE, linewidth=0.8))
        for letter, moved, fill, ink in (("R", read, PALE, INK), ("W", written, INK, "white")):
            if array in moved.split():
                axes.add_patch(Rectangle(corner, 1, 1, facecolor=fill, edgecolor=GREY, linewidth=0.8))
                axes.text(column, row, letter, ha="center", va="center", fontsize=8, color=ink)
    return len(read.split()) + len(written.split())
