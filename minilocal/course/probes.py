"""A trained network, frozen, with a linear classifier of its own on every layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minilocal.course.figure import INK, PALE
from minilocal.plots import FROZEN

BOX = 0.62  # of the distance between two layers


def draw_probes(shapes: Sequence[tuple[int, ...]], features: int) -> Any:
    """Return a figure of the layers, whose outputs have these shapes, and a probe on each that sees `features` numbers.

    Arrows to the right and up are features; the bar in front of a probe stops its gradient.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 2.5))
    arrow = {"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0}
    for number, shape in enumerate(shapes, 1):
        left = number - BOX / 2
        axes.annotate("", (left, 0.3), (number - 1 + BOX / 2 if number > 1 else 0.45, 0.3), arrowprops=arrow)
        axes.add_patch(plt.Rectangle((left, 0), BOX, 0.6, facecolor=FROZEN, edgecolor="#9A9A9A", hatch="////"))
        name = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        axes.text(number, 0.3, f"$f_{{{number}}}$", ha="center", va="center", bbox=name)
        axes.text(number, -0.1, "×".join(map(str, shape)), ha="center", va="top", fontsize=8)
        axes.annotate("", (number, 1.6), (number, 0.6), arrowprops=arrow)
        axes.plot([number - 0.14, number + 0.14], [0.88, 0.88], color=INK, linestyle="-", linewidth=3)
        axes.text(number + 0.06, 1.24, f"{features}", ha="left", va="center", fontsize=8)
        axes.add_patch(plt.Rectangle((left, 1.6), BOX, 0.6, facecolor=PALE, edgecolor=INK))
        axes.text(number, 1.9, f"$P_{{{number}}}$", ha="center", va="center")
    axes.text(0.42, 0.3, "images", ha="right", va="center")
    axes.text(0.42, 1.9, "probes", ha="right", va="center")
    axes.set(xlim=(-0.25, len(shapes) + 0.5), ylim=(-0.4, 2.3))
    axes.axis("off")
    return figure
