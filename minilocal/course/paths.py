"""The gradient's path: which layers a loss reaches, and where it stops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minilocal.course.figure import GREY, INK, block_patch
from minilocal.figures import FROZEN
from minilocal.schedule import Block

BOX, HIGH = 0.72, 0.5  # a layer's box: width and height, beside 1 from layer to layer


def draw_paths(rows: Mapping[str, Sequence[Block]], layers: int) -> Any:
    """Return a figure with a network per row, its title → the blocks that learn; layers in front of them are frozen.

    Forward runs to the right in thin arrows. Each block's gradient runs to the left in a thick arrow of its colour,
    from its classifier to its first layer, and ends at a bar.
    """
    import matplotlib.pyplot as plt

    step = 1.75  # from row to row
    figure, axes = plt.subplots(figsize=(7.5, 7.5 * step * len(rows) / (layers + 1.6)))
    for number, (title, blocks) in enumerate(rows.items()):
        y = -step * number
        axes.text(-0.75, y, title, ha="right", va="center", fontsize=11, fontweight="bold")
        axes.text(-0.45, y, "$x_0$", ha="center", va="center")
        _arrow(axes, (-0.25, y), (0.14, y), color=GREY, linewidth=0.8)
        for layer in range(1, layers + 1):
            mine = next((i for i, b in enumerate(blocks, 1) if b.first <= layer <= b.last), 0)
            _layer(axes, layer, y, mine)
            if layer < layers:
                _arrow(axes, (layer - 0.5 + BOX / 2, y), (layer + 0.5 - BOX / 2, y), color=GREY, linewidth=0.8)
        for i, block in enumerate(blocks, 1):
            _gradient(axes, block, y, i)
    axes.set(xlim=(-1.6, layers + 0.1), ylim=(-step * (len(rows) - 1) - 0.65, 1.15), aspect="equal")
    axes.axis("off")
    return figure


def _layer(axes: Any, layer: int, y: float, block: int) -> None:
    from matplotlib.patches import Rectangle

    look = block_patch(block) if block else {"facecolor": FROZEN, "edgecolor": "#9A9A9A", "hatch": "////"}
    axes.add_patch(Rectangle((layer - 0.5 - BOX / 2, y - HIGH / 2), BOX, HIGH, linewidth=0.8, **look))
    _word(axes, layer - 0.5, y, f"$f_{{{layer}}}$")


def _gradient(axes: Any, block: Block, y: float, number: int) -> None:
    from matplotlib.patches import Rectangle

    look, place, above, below = block_patch(number), block.last - 0.5, y + 0.75, y - HIGH / 2 - 0.17
    axes.add_patch(Rectangle((place - 0.2, above - 0.17), 0.4, 0.34, linewidth=0.8, **look))
    _word(axes, place, above, f"$A_{{{block.last}}}$")
    _arrow(axes, (place - 0.06, y + HIGH / 2), (place - 0.06, above - 0.17), color=GREY, linewidth=0.8)
    line = {"color": look["facecolor"], "linewidth": 2.5}
    _arrow(axes, (place + 0.08, above - 0.17), (place + 0.08, y + HIGH / 2), **line)
    left = block.first - 0.5 - BOX / 2
    _arrow(axes, (place + BOX / 2, below), (left, below), **line)
    axes.plot([left - 0.02] * 2, [below - 0.12, below + 0.12], color=INK, linewidth=2, linestyle="-")


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], **line: Any) -> None:
    axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "shrinkA": 0, "shrinkB": 0, **line})


def _word(axes: Any, x: float, y: float, text: str) -> None:
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.2}
    axes.text(x, y, text, ha="center", va="center", fontsize=10, bbox=box)
