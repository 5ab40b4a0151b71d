"""What is in memory at each moment of a training step: the activations that layers keep for backward."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

from minilocal.bench.instruments import bytes_covered
from minilocal.course.figure import INK, WHITE, block_patch, label
from minilocal.layers import Layer
from minilocal.layers.sequential import leaves
from minilocal.networks.network import Network
from minilocal.schedule import Block

SIGNS = {"forward": "→", "backward": "←", "update": "↻"}


class Moment(NamedTuple):
    """The moment after a layer's forward or backward pass, or after a block's update, and the bytes that layers keep.

    `phase` is "forward", "backward" or "update"; `part` names the layer by its number, or a classifier, like "A3".
    """

    phase: str
    part: str
    kept: dict[str, int]

    @property
    def total(self) -> int:
        """Return the bytes that all layers keep."""
        return sum(self.kept.values())


@contextlib.contextmanager
def recorded(network: Network) -> Iterator[list[Moment]]:
    """Yield a list that gets, inside the `with` block, a `Moment` for each thing that a training step does.

    An array that a layer passes to the next one counts once, as the earlier layer's.
    """
    layers = {str(number): layer for number, layer in enumerate(network.layers, 1)}
    layers |= {f"A{number}": classifier for number, classifier in sorted(network.auxiliary.items())}
    moments: list[Moment] = []

    def watch(method: str, name: str, phase: str) -> Any:
        original = getattr(layers[name], method)

        def watched(*arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            moments.append(Moment(phase, name, _kept(layers)))
            return result

        return patch.object(layers[name], method, watched)

    with contextlib.ExitStack() as stack:
        for name in layers:
            stack.enter_context(watch("forward", name, "forward"))
            stack.enter_context(watch("backward", name, "backward"))
            if name.startswith("A"):  # a step updates and releases a block's classifier last
                stack.enter_context(watch("release", name, "update"))
        yield moments


def _kept(layers: Mapping[str, Layer]) -> dict[str, int]:
    arrays: list[np.ndarray] = []
    kept, before = {}, 0
    for name, layer in layers.items():
        values = [getattr(leaf, attribute) for leaf in leaves(layer) for attribute in leaf.kept]
        arrays += [value for value in values if isinstance(value, np.ndarray)]
        kept[name], before = bytes_covered(arrays) - before, bytes_covered(arrays)
    return kept


def draw_moments(steps: Mapping[str, tuple[Sequence[Moment], Sequence[Block]]]) -> Any:
    """Return a figure with a row per step, title → its moments and blocks: a bar per moment, stacked by layer.

    Layers have their block's colour and their number. The label below each bar says what has just happened,
    → forward, ← backward or ↻ update, and to which layer or block.
    """
    import matplotlib.pyplot as plt

    size = 7.5, 2.3 * len(steps)
    figure, rows = plt.subplots(len(steps), 1, figsize=size, sharey=True, squeeze=False, layout="constrained")
    top = max(moment.total for moments, _ in steps.values() for moment in moments) / 1e6
    for axes, (title, (moments, blocks)) in zip(rows[:, 0], steps.items(), strict=True):
        for place, moment in enumerate(moments):
            bottom = 0.0
            for layer, kept in moment.kept.items():
                _segment(axes, place, bottom, kept / 1e6, layer, blocks, top)
                bottom += kept / 1e6
        peak = max(moment.total for moment in moments) / 1e6
        axes.axhline(peak, color=INK, linewidth=0.8, linestyle=":")
        label(axes, len(moments) - 0.5, peak, f"peak {peak:.1f} MB", ha="right", va="bottom", fontsize=9)
        axes.set_xticks(range(len(moments)), [_tick(moment, blocks) for moment in moments], fontsize=8)
        axes.tick_params(axis="x", length=0)
        axes.set(title=title, ylabel="MB kept", xlim=(-0.6, len(moments) - 0.4), ylim=(0, 1.18 * top))
    return figure


def _tick(moment: Moment, blocks: Sequence[Block]) -> str:
    what = str(_block(moment.part, blocks)[1]) if moment.phase == "update" else moment.part
    return f"{SIGNS[moment.phase]}\n{what}"


def _block(layer: str, blocks: Sequence[Block]) -> tuple[int, Block]:
    """Return the number of a layer's block, from 1, and the block."""
    number = int(layer.removeprefix("A"))
    return next((i, block) for i, block in enumerate(blocks, 1) if block.first <= number <= block.last)


def _segment(
    axes: Any, place: int, bottom: float, size: float, layer: str, blocks: Sequence[Block], top: float
) -> None:
    if not size:
        return
    axes.bar(place, size, 0.86, bottom, linewidth=0.6, **block_patch(_block(layer, blocks)[0]))
    if size > 0.075 * top:
        label(axes, place, bottom + size / 2, layer, fontsize=7, bbox=WHITE | {"alpha": 0.85, "pad": 0.6})
