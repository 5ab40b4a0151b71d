"""What is in memory at each moment of a training step: the activations that layers keep for their backward pass."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

from minilocal.bench.instruments import bytes_covered
from minilocal.course.figure import INK, block_patch
from minilocal.layers import Layer
from minilocal.layers.sequential import leaves
from minilocal.networks.network import Network
from minilocal.schedule import Block

SIGNS = {"forward": "→", "backward": "←", "update": "↻"}


class Moment(NamedTuple):
    """The moment behind a part's forward or backward pass or a block's update, and the bytes that each part keeps.

    A part is a layer's number, or "A3" for a classifier.
    """

    phase: str
    part: str
    kept: dict[str, int]

    @property
    def total(self) -> int:
        """Return the bytes of all parts."""
        return sum(self.kept.values())


@contextlib.contextmanager
def recorded(network: Network) -> Iterator[list[Moment]]:
    """Yield a list that gets, inside the `with` block, a `Moment` for each thing that a training step does.

    What a layer hands to the next one counts as the earlier layer's, and once.
    """
    parts = {str(number): layer for number, layer in enumerate(network.layers, 1)}
    parts |= {f"A{number}": classifier for number, classifier in sorted(network.auxiliary.items())}
    moments: list[Moment] = []

    def watch(phase: str, part: str, method: Any) -> Any:
        def watched(*arguments: Any, **options: Any) -> Any:
            result = method(*arguments, **options)
            moments.append(Moment(phase, part, _kept(parts)))
            return result

        return watched

    with contextlib.ExitStack() as stack:
        for part, layer in parts.items():
            for phase in ("forward", "backward"):
                stack.enter_context(patch.object(layer, phase, watch(phase, part, getattr(layer, phase))))
            if part.startswith("A"):  # a step updates and releases a block's classifier last
                stack.enter_context(patch.object(layer, "release", watch("update", part, layer.release)))
        yield moments


def _kept(parts: Mapping[str, Layer]) -> dict[str, int]:
    arrays: list[np.ndarray] = []
    kept, before = {}, 0
    for part, layer in parts.items():
        values = [getattr(leaf, name) for leaf in leaves(layer) for name in leaf.kept]
        arrays += [value for value in values if isinstance(value, np.ndarray)]
        kept[part], before = bytes_covered(arrays) - before, bytes_covered(arrays)
    return kept


def draw_moments(steps: Mapping[str, tuple[Sequence[Moment], Sequence[Block]]]) -> Any:
    """Return a figure with a row per step, its title → moments and blocks: a bar per moment, stacked by layer.

    Layers have their block's colour and their number; below each bar stands what has just been done, → forward,
    ← backward or ↻ update, and to which layer or block.
    """
    import matplotlib.pyplot as plt

    figure, rows = plt.subplots(
        len(steps), 1, figsize=(7.5, 2.3 * len(steps)), sharey=True, squeeze=False, layout="constrained"
    )
    top = max(moment.total for moments, _ in steps.values() for moment in moments) / 1e6
    for axes, (title, (moments, blocks)) in zip(rows[:, 0], steps.items(), strict=True):
        for place, moment in enumerate(moments):
            bottom = 0.0
            for part, size in moment.kept.items():
                _segment(axes, place, bottom, size / 1e6, part, blocks, top)
                bottom += size / 1e6
        peak = max(moment.total for moment in moments) / 1e6
        axes.axhline(peak, color=INK, linewidth=0.8, linestyle=":")
        axes.text(len(moments) - 0.5, peak, f"peak {peak:.1f} MB", ha="right", va="bottom", fontsize=9)
        axes.set_xticks(range(len(moments)), [_label(moment, blocks) for moment in moments], fontsize=8)
        axes.tick_params(axis="x", length=0)
        axes.set(title=title, ylabel="MB kept", xlim=(-0.6, len(moments) - 0.4), ylim=(0, 1.18 * top))
    return figure


def _label(moment: Moment, blocks: Sequence[Block]) -> str:
    what = str(_block(moment.part, blocks)[1]) if moment.phase == "update" else moment.part
    return f"{SIGNS[moment.phase]}\n{what}"


def _block(part: str, blocks: Sequence[Block]) -> tuple[int, Block]:
    """Return the number of a part's block, from 1, and the block."""
    layer = int(part.removeprefix("A"))
    return next((i, block) for i, block in enumerate(blocks, 1) if block.first <= layer <= block.last)


def _segment(axes: Any, place: int, bottom: float, size: float, part: str, blocks: Sequence[Block], top: float) -> None:
    if not size:
        return
    axes.bar(place, size, 0.86, bottom, linewidth=0.6, **block_patch(_block(part, blocks)[0]))
    if size > 0.075 * top:
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.6}
        axes.text(place, bottom + size / 2, part, ha="center", va="center", fontsize=7, bbox=box)
