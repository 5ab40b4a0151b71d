"""Winograd's way: tiles of the output, the overlapping patches behind them, and 36 points in between."""

from __future__ import annotations

from typing import Any

from minilocal.course.figure import GREY, INK, PALE

TILE, PATCH, KERNEL = 4, 6, 3
INPUTS, POINTS, OUTPUT = 16.5, 26.5, 38.0  # where the columns of the right part begin


def draw_tiles() -> Any:
    """Return a figure: a map cut into 4×4 tiles, with two of its 6×6 patches, and how a patch becomes a tile."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 3.0))
    _draw_map(axes)
    _draw_way(axes)
    axes.set(xlim=(-1.4, OUTPUT + TILE + 0.4), ylim=(-9, 9), aspect="equal")
    axes.axis("off")
    return figure


def _draw_map(axes: Any) -> None:
    from matplotlib.patches import Rectangle

    columns, rows = 3 * TILE, 2 * TILE
    _grid(axes, 0, -TILE, columns, rows, line=PALE)
    for x in range(0, columns, TILE):
        for y in range(-TILE, TILE, TILE):
            axes.add_patch(Rectangle((x, y), TILE, TILE, facecolor="none", edgecolor=INK, linewidth=1.2))
    for x, dashes, hatch in ((0, "-", "///"), (TILE, "--", "\\\\\\")):
        look: dict[str, Any] = {"edgecolor": GREY, "linestyle": dashes, "linewidth": 1.6, "hatch": hatch}
        axes.add_patch(Rectangle((x - 1, -1), PATCH, PATCH, facecolor="none", **look))
    _text(axes, 6, 6, "6×6 patches overlap by 2")
    _text(axes, 6, -5, "4×4 tiles do not")


def _draw_way(axes: Any) -> None:
    """Draw patch and kernel, the 36 points of each, their products, and the tile that comes of them."""
    _grid(axes, INPUTS, 1, PATCH, PATCH)
    _text(axes, INPUTS + 3, 8, "patch $d$")
    _grid(axes, INPUTS + 1.5, -5.5, KERNEL, KERNEL)
    _text(axes, INPUTS + 3, -6.6, "kernel $g$")
    for y in (1, -7):
        _grid(axes, POINTS, y, PATCH, PATCH, fill=PALE)
    _text(axes, POINTS + 3, 8, "36 points")
    _text(axes, POINTS + 3, -8, "36 points")
    _arrow(axes, (INPUTS + PATCH + 0.4, 4), (POINTS - 0.4, 4), "$B^\\top d\\, B$")
    _arrow(axes, (INPUTS + PATCH + 0.4, -4), (POINTS - 0.4, -4), "$G\\, g\\, G^\\top$")
    axes.text(POINTS + 3, 0, "⊙", ha="center", va="center", fontsize=13)
    _arrow(axes, (POINTS + 4, 0), (OUTPUT - 0.4, 0))
    _text(axes, OUTPUT - 2.9, 1, "$A^\\top m\\, A$")
    _grid(axes, OUTPUT, -2, TILE, TILE)
    _text(axes, OUTPUT + 2, 3, "tile")


def _grid(axes: Any, x: float, y: float, columns: int, rows: int, fill: str = "white", line: str = GREY) -> None:
    """Draw a grid of unit squares whose lower left corner is (x, y)."""
    from matplotlib.patches import Rectangle

    for column in range(columns):
        for row in range(rows):
            square = Rectangle((x + column, y + row), 1, 1, facecolor=fill, edgecolor=line, linewidth=0.7)
            axes.add_patch(square)


def _text(axes: Any, x: float, y: float, text: str) -> None:
    axes.text(x, y, text, ha="center", va="center", fontsize=9)


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], label: str = "") -> None:
    look = {"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0, "linewidth": 1.2}
    axes.annotate("", end, start, arrowprops=look)
    if label:
        _text(axes, (start[0] + end[0]) / 2, start[1] + 1, label)
