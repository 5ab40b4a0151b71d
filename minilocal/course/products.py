"""Matrix products as rectangles: sides that must agree are drawn equally long."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from minilocal.course.figure import INK, PALE

GAP, PAD = 0.9, 1.6  # between the matrices of a product, and between products


def draw_products(
    products: Mapping[str, str], lengths: Mapping[str, float], fills: Mapping[str, dict[str, Any]] | None = None
) -> Any:
    """Return a figure with products side by side, each written as its title → "x (N, in) · W (in, C) = z (N, C)".

    Names may be formulas without blanks. `lengths` gives the side that each size is drawn with, `fills` the patch
    options of matrices by name, such as `block_patch(1)`.
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
                axes.text(x + GAP / 2, 0, sign, ha="center", va="center", fontsize=14)
                x += GAP
            _draw(axes, x, lengths[columns], lengths[rows], name, f"({rows}, {columns})", (fills or {}).get(name, {}))
            x += lengths[columns]
        axes.text((start + x) / 2, height / 2 + 0.85, title, ha="center", va="bottom")
        x += PAD
    axes.set(xlim=(-0.4, width + 0.4), ylim=(-height / 2 - 0.15, height / 2 + 1.5), aspect="equal")
    axes.axis("off")
    return figure


def _draw(axes: Any, x: float, width: float, height: float, name: str, shape: str, fill: dict[str, Any]) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((x, -height / 2), width, height, **({"facecolor": PALE, "edgecolor": INK} | fill)))
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.85} if fill else None
    axes.text(x + width / 2, 0, name, ha="center", va="center", fontsize=12, bbox=box)
    axes.text(x + width / 2, height / 2 + 0.1, shape, ha="center", va="bottom", fontsize=9, color=INK)
