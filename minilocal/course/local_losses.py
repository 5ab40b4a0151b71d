"""Two local losses at the end of one block: a classifier's cross-entropy, and similarity matching."""

from __future__ import annotations

from typing import Any

from minilocal.course.figure import INK, PALE, block_patch

HEIGHT = 0.62  # of a box


def draw_local_losses() -> Any:
    """Return a figure: a block's layers, and behind them the two ways to a loss, with the gradients' way back."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 3.1))
    for x, name in ((1.3, "$f_i$"), (2.5, "$f_j$")):
        _box(axes, x, 0, name, 0.8, **block_patch(1))
    axes.text(1.9, 0, "…", ha="center", va="center")
    _arrow(axes, (0.1, 0), (0.9, 0), "$x_{i-1}$")
    axes.plot([2.9, 3.75, 3.75, 3.75], [0, 0, 1, -1], color=INK, linewidth=1.2)
    axes.text(3.17, 0.12, "$x_j$", ha="center", va="bottom", fontsize=10)

    upper = [(5.0, "$A_j$", 1.1, "logits $z$"), (8.35, "cross-entropy", 1.9, "")]
    lower = [
        (4.85, "deviation", 1.3, "$h$"),
        (6.6, "$S(h)$", 1.0, ""),
        (8.35, "mean square of\nthe difference", 1.9, ""),
    ]
    for y, boxes in ((1.0, upper), (-1.0, lower)):
        left = 3.75
        for x, name, width, behind in boxes:
            _arrow(axes, (left, y), (x - width / 2, y))
            _box(axes, x, y, name, width)
            if behind:
                axes.text(x + width / 2 + 0.12, y + 0.12, behind, ha="left", va="bottom", fontsize=9)
            left = x + width / 2
    axes.text(8.35, 0, "labels", ha="center", va="center", fontsize=9)
    _arrow(axes, (8.35, 0.17), (8.35, 1 - HEIGHT / 2))
    _arrow(axes, (8.35, -0.17), (8.35, -1 + HEIGHT / 2))
    axes.text(8.45, -0.42, "$S(Y)$", ha="left", va="center", fontsize=9)

    for y, name in ((1.62, "upper"), (-1.62, "lower")):  # from a loss outside all boxes back to x_j
        side = y / abs(y)
        _way_back(axes, [8.35, 8.35, 3.5, 3.5], [1.45 * side, y, y, 0.2 * side])
        axes.text(5.9, 1.82 * side, f"gradient of the {name} loss, $dx_j$", ha="center", va="center", fontsize=9)
    _way_back(axes, [3.3, 1.0], [-0.6, -0.6])
    axes.text(0.87, -0.6, "stops", ha="right", va="center", fontsize=9)
    axes.set(xlim=(0, 9.4), ylim=(-2.1, 2.1))
    axes.axis("off")
    return figure


def _box(axes: Any, x: float, y: float, name: str, width: float, **fill: Any) -> None:
    from matplotlib.patches import FancyBboxPatch

    look = {"facecolor": PALE, "edgecolor": INK} | fill
    corner = (x - width / 2, y - HEIGHT / 2)
    axes.add_patch(FancyBboxPatch(corner, width, HEIGHT, boxstyle="round,pad=0,rounding_size=0.08", **look))
    axes.text(x, y, name, ha="center", va="center", fontsize=10, color="white" if fill else INK, linespacing=1.0)


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], label: str = "") -> None:
    look = {"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0, "linewidth": 1.2}
    axes.annotate("", end, start, arrowprops=look)
    if label:
        axes.text((start[0] + end[0]) / 2, start[1] + 0.12, label, ha="center", va="bottom", fontsize=10)


def _way_back(axes: Any, x: list[float], y: list[float]) -> None:
    """Draw a dotted line through the points, with a head at its end."""
    axes.plot(x, y, color=INK, linestyle=":", linewidth=1.4)
    dx, dy = x[-1] - x[-2], y[-1] - y[-2]
    length = (dx**2 + dy**2) ** 0.5
    _arrow(axes, (x[-1] - 0.05 * dx / length, y[-1] - 0.05 * dy / length), (x[-1], y[-1]))
