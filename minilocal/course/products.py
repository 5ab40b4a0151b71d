"""Matrix products as rectangles: sides that must agree have the same length."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from minilocal.course.figure import INK, PALE, WHITE, box, frame, label

GAP, PAD = 0.9, 1.6  # between the matrices of a product, and between products


def draw_products(
    products: Mapping[str, str], lengths: Mapping[str, float], fills: Mapping[str, dict[str, Any]] | None = None
) -> Any:
    """Return a figure with products side by side, each given as title → "x (N, in) · W (in, C) = z (N, C)".

    Names may be formulas without spaces. `lengths` maps each size to the length of its side in the drawing, `fills`
    names of matrices to patch options such as `block_patch(1)`.
    """
    import matplotlib.pyplot as plt

    read = {title: re.findall(r"(\S+) \(([^,]+), ([^)]+)\)", product) for title, product in products.items()}
    height = max(lengths[rows] for matrices in read.values() for _, rows, _ in matrices)
    width = sum(lengths[columns] for matrices in read.values() for _, _, columns in matrices)
    width += 2 * GAP * len(read) + PAD * (len(read) - 1)
    figure, axes = plt.subplots(figsize=(7.5, 7.5 * (height + 1.65) / (width + 0.8)))
    x = 0.0
    for title, matrices in read.items():
        start = x
        for sign, (name, rows, columns) in zip(("", "·", "="), matrices, strict=True):
            if sign:
                label(axes, x + GAP / 2, 0, sign, fontsize=14)
                x += GAP
            _draw(axes, x, lengths[columns], lengths[rows], name, f"({rows}, {columns})", (fills or {}).get(name, {}))
            x += lengths[columns]
        label(axes, (start + x) / 2, height / 2 + 0.85, title, va="bottom")
        x += PAD
    frame(axes, (-0.4, width + 0.4), (-height / 2 - 0.15, height / 2 + 1.5), aspect="equal")
    return figure


def _draw(axes: Any, x: float, width: float, height: float, name: str, shape: str, fill: dict[str, Any]) -> None:
    box(axes, x, -height / 2, width, height, **({"facecolor": PALE, "edgecolor": INK} | fill))
    label(axes, x + width / 2, 0, name, fontsize=12, bbox=WHITE | {"pad": 1.5, "alpha": 0.85} if fill else None)
    label(axes, x + width / 2, height / 2 + 0.1, shape, va="bottom", fontsize=9, color=INK)
