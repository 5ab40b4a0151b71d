"""The paths of gradients in each epoch: layers down, epochs across, a panel for each algorithm.

They are drawn complete, or at one moment of an epoch's training step, as a frame of an animation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from minilocal.console.plots import FROZEN
from minilocal.course.figure import GREY, INK, arrow, block_patch, box, hide_ticks_and_spines
from minilocal.schedule import Block, parse

KEPT = "#BDBDBD"  # colour of a layer that has run forward and waits for its gradient


def draw_gradient_paths(algorithms: Sequence[str], layers: int, epochs: int = 4, moment: int | None = None) -> Any:
    """Return a figure with a panel for each algorithm.

    A block is a bar in its colour, with an arrow from its classifier back to its first layer, and a wall where the
    gradient stops. `moment` counts from 0 through one step of each epoch, which takes 2·layers moments: later epochs
    are empty, and layers of the current one are empty, grey (run forward, kept for backward) or coloured (trained).
    """
    import matplotlib.pyplot as plt

    now = epochs if moment is None else moment // (2 * layers)
    height = 0.85 + 0.34 * layers
    figure, panels = plt.subplots(1, len(algorithms), figsize=(7.5, height), sharey=True, layout="none")
    figure.subplots_adjust(left=0.06, right=0.995, bottom=0.5 / height, top=1 - 0.28 / height, wspace=0.07)
    for axes, name in zip(panels, algorithms, strict=True):
        for epoch in range(epochs):
            blocks = parse(name).blocks_at(epoch, layers)
            if epoch < now:
                _draw_frozen(axes, epoch + 1, blocks[0].first - 1)
                for number, block in enumerate(blocks, 1):
                    _draw_block(axes, epoch + 1, block, number)
            elif epoch == now and moment is not None:
                _draw_moment(axes, epoch + 1, blocks, moment % (2 * layers))
        axes.set(xlim=(0.5, epochs + 0.5), ylim=(layers + 0.55, 0.35), title=name, xlabel="epoch")
        axes.set_xticks(range(1, epochs + 1))
        axes.set_yticks(range(1, layers + 1))
        hide_ticks_and_spines(axes, "left", "bottom")
        if moment is not None:
            label = axes.get_xticklabels()[now]
            label.set(fontweight="bold", bbox={"facecolor": "white", "edgecolor": INK, "pad": 2})
    panels[0].set(ylabel="layer")
    return figure


def animate_gradient_paths(algorithms: Sequence[str], layers: int, epochs: int = 4) -> Iterator[Any]:
    """Yield the frames: the complete picture, then a figure for each moment of one step per epoch."""
    yield draw_gradient_paths(algorithms, layers, epochs)
    for moment in range(2 * layers * epochs):
        yield draw_gradient_paths(algorithms, layers, epochs, moment)


def states_at(blocks: Sequence[Block], moment: int) -> dict[int, str]:
    """Return the state of each layer that a step has reached: "frozen", "kept" or "trained".

    A step takes one moment for each layer that it runs forward, and one for each layer that the gradient passes, block
    after block as in `local_step`. At moment 0 layer 1 has run forward.

    >>> states_at([Block(2, 3)], 1), states_at([Block(2, 3)], 3)
    ({1: 'frozen', 2: 'kept'}, {1: 'frozen', 2: 'kept', 3: 'trained'})
    """
    work = [(layer, "frozen") for layer in range(1, blocks[0].first)]
    for first, last in blocks:
        work += [(layer, "kept") for layer in range(first, last + 1)]
        work += [(layer, "trained") for layer in range(last, first - 1, -1)]
    return dict(work[: moment + 1])


def _draw_moment(axes: Any, epoch: int, blocks: Sequence[Block], moment: int) -> None:
    states = states_at(blocks, moment)
    _draw_frozen(axes, epoch, sum(state == "frozen" for state in states.values()))
    for layer, state in states.items():
        if state == "kept":
            _bar(axes, epoch, layer, layer, facecolor=KEPT, edgecolor="white")
    for number, (first, last) in enumerate(blocks, 1):
        reached = [layer for layer in range(first, last + 1) if states.get(layer) == "trained"]
        if reached:
            _draw_block(axes, epoch, Block(reached[0], last), number, wall=reached[0] == first)


def _draw_frozen(axes: Any, epoch: int, last: int) -> None:
    if last:
        _bar(axes, epoch, 1, last, facecolor=FROZEN, edgecolor=GREY, hatch="////", linewidth=0)


def _draw_block(axes: Any, epoch: int, block: Block, number: int, wall: bool = True) -> None:
    _bar(axes, epoch, block.first, block.last, **block_patch(number))
    start, end = (epoch, block.last + 0.44), (epoch, block.first - 0.32)
    look = {"arrowstyle": "simple,head_width=0.75,head_length=0.6,tail_width=0.26", "mutation_scale": 15}
    arrow(axes, start, end, color=None, facecolor="white", edgecolor=INK, linewidth=0.7, **look)
    if wall:
        axes.plot([epoch - 0.46, epoch + 0.46], [block.first - 0.5] * 2, color=INK, linestyle="-", linewidth=2.4)


def _bar(axes: Any, epoch: int, first: int, last: int, **look: Any) -> None:
    box(axes, epoch - 0.44, first - 0.48, 0.88, last - first + 0.96, **look)
