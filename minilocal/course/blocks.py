"""A network's layers in a row, the classifiers where its blocks end, and how far each block's gradient goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minilocal.course.figure import INK, block_patch
from minilocal.plots import BLOCK_COLOURS, FROZEN
from minilocal.schedule import Block

SIZE, HEIGHT, ROW = 0.56, 0.42, 1.72  # of a layer's box, and the height of a row; layers are 1 apart
CLASSIFIER = -0.66  # where the classifiers' centres are, below the layers'


def draw_blocks(rows: Mapping[str, Sequence[Block]], layers: int) -> Any:
    """Return a figure with a row for each algorithm: its name → its blocks in a network of that many layers.

    Thin arrows are features on their way forward, thick ones in a block's colour its gradient on its way back; walls
    are where it stops. Layers in front of the first block are frozen.
    """
    import matplotlib.pyplot as plt

    width, height = layers + 1.85, ROW * len(rows)
    figure, axes = plt.subplots(figsize=(7.5, 7.5 * height / width))
    for row, (name, blocks) in enumerate(rows.items()):
        _draw_row(axes, -ROW * row, name, blocks, layers)
    axes.set(xlim=(-1.05, layers + 0.8), ylim=(0.72 - height, 0.72), aspect="equal")
    axes.axis("off")
    return figure


def _draw_row(axes: Any, y: float, name: str, blocks: Sequence[Block], layers: int) -> None:
    axes.text(-1.0, y, name, va="center", fontweight="bold")
    axes.text(0, y, "$x_0$", ha="center", va="center")
    for layer in range(1, layers + 1):
        fill = next((block_patch(n) for n, (i, j) in enumerate(blocks, 1) if i <= layer <= j), None)
        fill = fill or {"facecolor": FROZEN, "edgecolor": "#9A9A9A", "hatch": "////"}
        _box(axes, layer, y, f"$f_{layer}$", fill)
        _arrow(axes, (layer - 1 + (SIZE / 2 if layer > 1 else 0.16), y), (layer - SIZE / 2, y))
    for number, (first, last) in enumerate(blocks, 1):
        style = {"color": BLOCK_COLOURS[(number - 1) % len(BLOCK_COLOURS)], "linewidth": 2.2, "mutation_scale": 12}
        top, bottom = y - HEIGHT / 2, y + CLASSIFIER + HEIGHT / 2
        _box(axes, last, y + CLASSIFIER, f"$A_{last}$", {"facecolor": "white", "edgecolor": style["color"]})
        axes.text(last + 0.36, y + CLASSIFIER, f"$L_{last}$", va="center", fontsize=9)
        _arrow(axes, (last - 0.12, top), (last - 0.12, bottom))
        _arrow(axes, (last + 0.12, bottom), (last + 0.12, top), **style)
        for layer in range(last, first, -1):
            start, end = (layer - 0.08, y + HEIGHT / 2), (layer - 0.92, y + HEIGHT / 2)
            _arrow(axes, start, end, connectionstyle="arc3,rad=0.42", **style)
        axes.plot([first - 0.5] * 2, [y + 0.12, y + 0.46], color=INK, linestyle="-", linewidth=3)


def _box(axes: Any, x: float, y: float, text: str, fill: dict[str, Any]) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((x - SIZE / 2, y - HEIGHT / 2), SIZE, HEIGHT, linewidth=1.2, **fill))
    back = {"facecolor": "white", "edgecolor": "none", "pad": 1.2, "alpha": 0.85}
    axes.text(x, y, text, ha="center", va="center", fontsize=10, bbox=back)


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], **style: Any) -> None:
    style = {"color": INK, "linewidth": 1.0, "mutation_scale": 8} | style
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, **style})
