"""The columns of im2col: an image, the patches that output pixels see, and the rows of `cols` that they become."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minilocal.course.figure import GREY, INK, PALE, arrow, box, frame, label

STYLES: tuple[Any, ...] = ("-", (0, (3, 1.5)))  # of the outlines of marked patches, which may overlap
SHADES = ("#BDBDBD", "#E4E4E4")


def draw_columns(image: np.ndarray, k: int, padding: int, marked: Sequence[tuple[int, int]]) -> Any:
    """Return a figure of one channel (H, W) of small integers, its (P·Q, k·k) columns at stride 1, W and y.

    `marked` names up to two output pixels (p, q), whose patches, rows and results are outlined.
    """
    import matplotlib.pyplot as plt

    padded = np.pad(image, padding)
    rows, columns = (size - k + 1 for size in padded.shape)
    cols = np.array([padded[p : p + k, q : q + k].ravel() for p in range(rows) for q in range(columns)])
    figure, axes = plt.subplots(figsize=(7.5, 4.4))
    small = 0.62  # size of a cell of the matrices; a cell of the image has size 1
    height = small * len(cols)
    middle = (height - len(padded)) / 2
    top_weight, top_y = (height - small * k * k) / 2, (height - 0.8 * rows) / 2
    x_cols = len(padded) + 2.6
    x_weight = x_cols + small * k * k + 1.3
    x_y = x_weight + small + 1.5

    inside = np.pad(np.ones_like(image), padding)
    for (i, j), value in np.ndenumerate(padded):
        _cell(axes, j, middle + i, 1, str(value), "white" if inside[i, j] else PALE, GREY if not inside[i, j] else INK)
    for (row, column), value in np.ndenumerate(cols):
        _cell(axes, x_cols + small * column, small * row, small, str(value), "white", INK)
    for tap in range(k * k):
        _cell(axes, x_weight, top_weight + small * tap, small, f"$w_{tap}$", PALE, INK)
    for p, q in np.ndindex(rows, columns):
        _cell(axes, x_y + q * 0.8, top_y + 0.8 * p, 0.8, "", "white", INK)
    for number, (p, q) in enumerate(marked):
        row = p * columns + q
        _outline(axes, q, middle + p, k, k, number)
        _outline(axes, x_cols, small * row, small * k * k, small, number)
        _outline(axes, x_y + 0.8 * q, top_y + 0.8 * p, 0.8, 0.8, number)
        start, end = (q + k + 0.05, middle + p + k / 2), (x_cols - 0.1, small * (row + 0.5))
        arrow(axes, start, end, arrowstyle="->", linestyle=STYLES[number])
    for x, top, text in (
        (len(padded) / 2, middle, f"image with its border\n{len(image)}×{image.shape[1]}, padding {padding}"),
        (x_cols + small * k * k / 2, 0, f"cols\n({len(cols)}, {k * k})"),
        (x_weight + small / 2, top_weight, f"W\n({k * k}, 1)"),
        (x_y + 0.4 * columns, top_y, f"y\n({len(cols)}, 1), as {rows}×{columns}"),
    ):
        label(axes, x, top - 0.25, text, va="bottom", fontsize=9)
    label(axes, (x_cols + small * k * k + x_weight) / 2, height / 2, "·", fontsize=16)
    label(axes, (x_weight + small + x_y) / 2, height / 2, "=", fontsize=16)
    frame(axes, (-0.2, x_y + 0.8 * columns + 0.2), (height + 0.2, -1.9), aspect="equal")
    return figure


def _cell(axes: Any, x: float, y: float, size: float, text: str, face: str, ink: str) -> None:
    box(axes, x, y, size, size, facecolor=face, edgecolor="#C8C8C8", linewidth=0.5)
    label(axes, x + size / 2, y + size / 2, text, fontsize=7, color=ink, zorder=4)


def _outline(axes: Any, x: float, y: float, width: float, height: float, number: int) -> None:
    box(axes, x, y, width, height, facecolor=SHADES[number], edgecolor="none", alpha=0.6, zorder=2)
    box(axes, x, y, width, height, fill=False, edgecolor="black", lw=1.6, ls=STYLES[number], zorder=3)
