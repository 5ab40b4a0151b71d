"""Which arrays a layer's kernels read and write: a row per pass over memory, a column per array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minilocal.course.figure import GREY, INK, PALE, box, frame, label

Pass = tuple[str, str, str]  # name, arrays read, array written: ("ReLU", "a", "b")


def draw_passes(plans: Mapping[str, Sequence[Pass]], arrays: Sequence[str]) -> Any:
    """Return a figure with a table per plan, side by side: title → passes, each with the arrays that it moves.

    `arrays` names the arrays; in a pass, names are separated by spaces. A light square with R is a read, a dark one
    with W a write; the totals are written below.
    """
    import matplotlib.pyplot as plt

    most = max(map(len, plans.values()))
    figure, axes = plt.subplots(1, len(plans), figsize=(7.5, 1.0 + 0.27 * most))
    for axis, (title, passes) in zip(axes, plans.items(), strict=True):
        moved = sum(_draw_pass(axis, row, one, arrays) for row, one in enumerate(passes))
        for column, name in enumerate(arrays):
            label(axis, column, -0.9, f"${name}$", fontsize=9)
        total = f"{len(passes)} pass{'es' * (len(passes) > 1)}, {moved} arrays moved"
        label(axis, -0.8, len(passes) + 0.1, total, ha="left", fontsize=9)
        frame(axis, (-6.4, len(arrays) - 0.4), (most + 0.5, -1.6), aspect="equal", title=title)
    return figure


def _draw_pass(axes: Any, row: int, one: Pass, arrays: Sequence[str]) -> int:
    """Draw a pass in its row; return the number of arrays that it moves."""
    name, read, written = one
    label(axes, -0.8, row, name, ha="right", fontsize=9)
    for column, array in enumerate(arrays):
        box(axes, column - 0.5, row - 0.5, 1, 1, facecolor="white", edgecolor=PALE, linewidth=0.8)
        for letter, moved, fill, ink in (("R", read, PALE, INK), ("W", written, INK, "white")):
            if array in moved.split():
                box(axes, column - 0.5, row - 0.5, 1, 1, facecolor=fill, edgecolor=GREY, linewidth=0.8)
                label(axes, column, row, letter, fontsize=8, color=ink)
    return len(read.split()) + len(written.split())
