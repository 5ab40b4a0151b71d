"""Two local losses at the end of one block: a classifier's cross-entropy, and similarity matching."""

from __future__ import annotations

from typing import Any

from minilocal.course.figure import INK, PALE, arrow, block_patch, frame, label

HEIGHT = 0.62  # of a box


def draw_local_losses() -> Any:
    """Return a figure of a block's layers, the two paths from their output to a loss, and the gradients' way back."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 3.1))
    for x, name in ((1.3, "$f_i$"), (2.5, "$f_j$")):
        _box(axes, x, 0, name, 0.8, **block_patch(1))
    label(axes, 1.9, 0, "…")
    _arrow(axes, (0.1, 0), (0.9, 0), "$x_{i-1}$")
    axes.plot([2.9, 3.75, 3.75, 3.75], [0, 0, 1, -1], color=INK, linewidth=1.2)
    label(axes, 3.17, 0.12, "$x_j$", va="bottom", fontsize=10)

    upper = [(5.0, "$A_j$", 1.1, "logits $z$"), (8.35, "cross-entropy", 1.9, "")]
    lower = [
        (4.85, "deviation", 1.3, "$h$"),
        (6.6, "$S(h)$", 1.0, ""),
        (8.35, "mean square of\nthe difference", 1.9, ""),
    ]
    for y, boxes in ((1, upper), (-1, lower)):
        left = 3.75
        for x, name, width, result in boxes:
            _arrow(axes, (left, y), (x - width / 2, y))
            _box(axes, x, y, name, width)
            if result:
                label(axes, x + width / 2 + 0.12, y + 0.12, result, ha="left", va="bottom", fontsize=9)
            left = x + width / 2
    label(axes, 8.35, 0, "labels", fontsize=9)
    _arrow(axes, (8.35, 0.17), (8.35, 1 - HEIGHT / 2))
    _arrow(axes, (8.35, -0.17), (8.35, -1 + HEIGHT / 2))
    label(axes, 8.45, -0.42, "$S(Y)$", ha="left", fontsize=9)

    for height, name in ((1.62, "upper"), (-1.62, "lower")):  # from a loss around all boxes back to x_j
        side = height / abs(height)
        _way_back(axes, [8.35, 8.35, 3.5, 3.5], [1.45 * side, height, height, 0.2 * side])
        label(axes, 5.9, 1.82 * side, f"gradient of the {name} loss, $dx_j$", fontsize=9)
    _way_back(axes, [3.3, 1.0], [-0.6, -0.6])
    label(axes, 0.87, -0.6, "stops", ha="right", fontsize=9)
    frame(axes, (0, 9.4), (-2.1, 2.1))
    return figure


def _box(axes: Any, x: float, y: float, name: str, width: float, **fill: Any) -> None:
    from matplotlib.patches import FancyBboxPatch

    look = {"facecolor": PALE, "edgecolor": INK} | fill
    corner = (x - width / 2, y - HEIGHT / 2)
    axes.add_patch(FancyBboxPatch(corner, width, HEIGHT, boxstyle="round,pad=0,rounding_size=0.08", **look))
    label(axes, x, y, name, fontsize=10, color="white" if fill else INK, linespacing=1.0)


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], text: str = "") -> None:
    arrow(axes, start, end, linewidth=1.2)
    if text:
        label(axes, (start[0] + end[0]) / 2, start[1] + 0.12, text, va="bottom", fontsize=10)


def _way_back(axes: Any, x: list[float], y: list[float]) -> None:
    """Draw a dotted line through the points, with an arrowhead at its end."""
    axes.plot(x, y, color=INK, linestyle=":", linewidth=1.4)
    dx, dy = x[-1] - x[-2], y[-1] - y[-2]
    length = (dx**2 + dy**2) ** 0.5
    _arrow(axes, (x[-1] - 0.05 * dx / length, y[-1] - 0.05 * dy / length), (x[-1], y[-1]))
