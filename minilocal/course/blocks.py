"""A network's layers in a row, the classifiers where its blocks end, and how far each block's gradient goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minilocal.course.figure import FROZEN_PATCH, INK, WHITE, arrow, block_line, block_patch, box, frame, label
from minilocal.schedule import Block

SIZE, HEIGHT, ROW = 0.56, 0.42, 1.72  # width and height of a layer's box, and height of a row; layers are 1 apart
CLASSIFIER = -0.66  # height of the classifiers' centres, relative to the layers'


def draw_blocks(rows: Mapping[str, Sequence[Block]], layers: int) -> Any:
    """Return a figure with a row for each algorithm: its name → its blocks in a network with that many layers.

    Thin arrows are features on their way forward, thick arrows in a block's colour its gradient on the way back, which
    stops at a wall. Layers before the first block are frozen.
    """
    import matplotlib.pyplot as plt

    width, height = layers + 1.85, ROW * len(rows)
    figure, axes = plt.subplots(figsize=(7.5, 7.5 * height / width))
    for row, (name, blocks) in enumerate(rows.items()):
        _draw_row(axes, -ROW * row, name, blocks, layers)
    frame(axes, (-1.05, layers + 0.8), (0.72 - height, 0.72), aspect="equal")
    return figure


def _draw_row(axes: Any, y: float, name: str, blocks: Sequence[Block], layers: int) -> None:
    label(axes, -1.0, y, name, ha="left", fontweight="bold")
    label(axes, 0, y, "$x_0$")
    for layer in range(1, layers + 1):
        fill = next((block_patch(n) for n, (i, j) in enumerate(blocks, 1) if i <= layer <= j), FROZEN_PATCH)
        _box(axes, layer, y, f"$f_{layer}$", fill)
        _arrow(axes, (layer - 1 + (SIZE / 2 if layer > 1 else 0.16), y), (layer - SIZE / 2, y))
    for number, (first, last) in enumerate(blocks, 1):
        thick = {"color": block_line(number)["color"], "linewidth": 2.2, "mutation_scale": 12}
        top, bottom = y - HEIGHT / 2, y + CLASSIFIER + HEIGHT / 2
        _box(axes, last, y + CLASSIFIER, f"$A_{last}$", {"facecolor": "white", "edgecolor": thick["color"]})
        label(axes, last + 0.36, y + CLASSIFIER, f"$L_{last}$", ha="left", fontsize=9)
        _arrow(axes, (last - 0.12, top), (last - 0.12, bottom))
        _arrow(axes, (last + 0.12, bottom), (last + 0.12, top), **thick)
        for layer in range(last, first, -1):
            start, end = (layer - 0.08, y + HEIGHT / 2), (layer - 0.92, y + HEIGHT / 2)
            _arrow(axes, start, end, connectionstyle="arc3,rad=0.42", **thick)
        axes.plot([first - 0.5] * 2, [y + 0.12, y + 0.46], color=INK, linestyle="-", linewidth=3)


def _box(axes: Any, x: float, y: float, text: str, fill: dict[str, Any]) -> None:
    box(axes, x - SIZE / 2, y - HEIGHT / 2, SIZE, HEIGHT, linewidth=1.2, **fill)
    label(axes, x, y, text, fontsize=10, bbox=WHITE | {"pad": 1.2, "alpha": 0.85})


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], **look: Any) -> None:
    arrow(axes, start, end, **{"linewidth": 1.0, "mutation_scale": 8} | look)
