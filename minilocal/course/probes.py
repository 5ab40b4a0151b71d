"""A trained, frozen network with a linear classifier, a probe, on every layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minilocal.course.figure import FROZEN_PATCH, INK, PALE, WHITE, arrow, box, frame, label

BOX = 0.62  # width of a layer's box; layers are 1 apart


def draw_probes(shapes: Sequence[tuple[int, ...]], features: int) -> Any:
    """Return a figure of layers, whose outputs have these shapes, with a probe on each that sees `features` numbers.

    Arrows to the right and down are features; the bar before a probe stops its gradient.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 2.5))
    for number, shape in enumerate(shapes, 1):
        left = number - BOX / 2
        arrow(axes, (number - 1 + BOX / 2 if number > 1 else 0.45, 1.9), (left, 1.9))
        box(axes, left, 1.6, BOX, 0.6, **FROZEN_PATCH)
        label(axes, number, 1.9, f"$f_{{{number}}}$", bbox=WHITE | {"pad": 1.5})
        label(axes, number, 2.3, "×".join(map(str, shape)), va="bottom", fontsize=8)
        arrow(axes, (number, 1.6), (number, 0.6))
        axes.plot([number - 0.14, number + 0.14], [1.32, 1.32], color=INK, linestyle="-", linewidth=3)
        label(axes, number + 0.06, 0.96, f"{features}", ha="left", fontsize=8)
        box(axes, left, 0, BOX, 0.6, facecolor=PALE, edgecolor=INK)
        label(axes, number, 0.3, f"$P_{{{number}}}$")
    label(axes, 0.42, 1.9, "images", ha="right")
    label(axes, 0.42, 0.3, "probes", ha="right")
    frame(axes, (-0.25, len(shapes) + 0.5), (-0.1, 2.6))
    return figure
