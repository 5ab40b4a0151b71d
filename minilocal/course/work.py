"""The products of a training step as areas: coloured ones are computed, blank ones are saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minilocal.course.figure import FROZEN_PATCH, GREY, INK, block_patch, box, hide_ticks_and_spines, label
from minilocal.schedule import Block

PRODUCTS = ("forward", "weight gradient", "input gradient")
WIDE = 0.025  # share of all MACs above which a layer has room for its number


def draw_work(macs: Sequence[float], steps: Mapping[str, Sequence[Block]]) -> Any:
    """Return a figure with a strip for each step (title → its blocks): a column per layer, a row per product.

    `macs` are the layers' multiply-adds and the widths of their columns, so that areas are multiply-adds. Blocks have
    their colours; layers before the first block are frozen, and only run forward.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(steps), 1, figsize=(7.5, 0.3 + 1.05 * len(steps)), sharex=True, squeeze=False)
    for axis, (title, blocks) in zip(axes[:, 0], steps.items(), strict=True):
        block_of = {layer: number for number, b in enumerate(blocks, 1) for layer in range(b.first, b.last + 1)}
        firsts = {block.first for block in blocks}
        left = 0.0
        for layer, width in enumerate(macs, 1):
            trained = layer in block_of
            for row, computed in enumerate((True, trained, trained and layer not in firsts)):
                look: dict[str, Any] = {"facecolor": "white", "edgecolor": GREY, "linestyle": ":"}
                if computed:
                    look = block_patch(block_of[layer]) if trained else FROZEN_PATCH
                box(axis, left, 2 - row, width, 0.9, linewidth=0.5, **look)
            if axis is axes[0, 0] and width > WIDE * sum(macs):
                label(axis, left + width / 2, 3.0, str(layer), va="bottom", fontsize=8, color=INK)
            left += width
        axis.set(xlim=(0, left), ylim=(-0.05, 2.95), xticks=[])
        axis.set_yticks([2.45, 1.45, 0.45], PRODUCTS, fontsize=7)
        axis.set_ylabel(title, rotation=0, ha="right", va="center", labelpad=8)
        hide_ticks_and_spines(axis)
    axes[0, 0].set_title("layer, as wide as it is costly", fontsize=8, pad=14)
    return figure
