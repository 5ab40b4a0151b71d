"""Winograd's convolution: tiles of the output, the overlapping input patches they need, and 36 points in between."""

from __future__ import annotations

from typing import Any

from minilocal.course.figure import GREY, INK, PALE, arrow, box, frame, label

TILE, PATCH, KERNEL = 4, 6, 3
INPUTS, POINTS, OUTPUT = 16.5, 26.5, 38.0  # x coordinates of the columns in the right half


def draw_tiles() -> Any:
    """Return a figure: a map cut into 4×4 tiles, with two of its 6×6 patches, and how a patch becomes a tile."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 3.0))
    _draw_map(axes)
    _draw_way(axes)
    frame(axes, (-1.4, OUTPUT + TILE + 0.4), (-9, 9), aspect="equal")
    return figure


def _draw_map(axes: Any) -> None:
    columns, rows = 3 * TILE, 2 * TILE
    _grid(axes, 0, -TILE, columns, rows, line=PALE)
    for x in range(0, columns, TILE):
        for y in range(-TILE, TILE, TILE):
            box(axes, x, y, TILE, TILE, facecolor="none", edgecolor=INK, linewidth=1.2)
    for x, dashes, hatch in ((0, "-", "///"), (TILE, "--", "\\\\\\")):
        look: dict[str, Any] = {"edgecolor": GREY, "linestyle": dashes, "linewidth": 1.6, "hatch": hatch}
        box(axes, x - 1, -1, PATCH, PATCH, facecolor="none", **look)
    _text(axes, 6, 6, "6×6 patches overlap by 2")
    _text(axes, 6, -5, "4×4 tiles do not")


def _draw_way(axes: Any) -> None:
    """Draw patch and kernel, the 36 points of each, their products, and the resulting tile."""
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
    label(axes, POINTS + 3, 0, "⊙", fontsize=13)
    _arrow(axes, (POINTS + 4, 0), (OUTPUT - 0.4, 0))
    _text(axes, OUTPUT - 2.9, 1, "$A^\\top m\\, A$")
    _grid(axes, OUTPUT, -2, TILE, TILE)
    _text(axes, OUTPUT + 2, 3, "tile")


def _grid(axes: Any, x: float, y: float, columns: int, rows: int, fill: str = "white", line: str = GREY) -> None:
    """Draw a grid of unit squares whose lower left corner is (x, y)."""
    for column in range(columns):
        for row in range(rows):
            box(axes, x + column, y + row, 1, 1, facecolor=fill, edgecolor=line, linewidth=0.7)


def _text(axes: Any, x: float, y: float, text: str) -> None:
    label(axes, x, y, text, fontsize=9)


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], text: str = "") -> None:
    arrow(axes, start, end, linewidth=1.2)
    if text:
        _text(axes, (start[0] + end[0]) / 2, start[1] + 1, text)
