"""The cost model: what one training step costs.

    MACs      forward of every layer; weight gradient of every trained one; input gradient of every trained one but
              the first of its block; 3 × forward of every block's classifier (forward and both gradients);
              forward and gradients within them of idle classifiers that learn
    off chip  BP: weights read twice and written once, activations written and read
              local learning: on-chip memory holds a block, so weights are read once (and written if trained), and
              activations stay on chip

Source: Lee, Lee & Jeon 2021, sections III-A and III-B; tutorials/reference.md, "Cost model".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minilocal.costs.sizes import ClassifierSize, LayerSize
from minilocal.schedule import Block, Schedule


@dataclass(frozen=True)
class Macs:
    """Multiply-adds per image, by what they are for: the three products of the layers, and all of the classifiers'."""

    forward: float = 0
    weight_gradient: float = 0
    input_gradient: float = 0
    classifiers: float = 0

    def __add__(self, other: Macs) -> Macs:
        return Macs(
            self.forward + other.forward,
            self.weight_gradient + other.weight_gradient,
            self.input_gradient + other.input_gradient,
            self.classifiers + other.classifiers,
        )

    @property
    def total(self) -> float:
        """Return all multiply-adds."""
        return self.forward + self.weight_gradient + self.input_gradient + self.classifiers


def block_macs(
    layers: Sequence[int],
    classifiers: Mapping[int, int],
    blocks: Sequence[Block],
    idle: Mapping[int, int] | None = None,
) -> list[Macs]:
    """Return what each block of a step computes per image; the first one also runs the frozen layers forward.

    `layers` are the forward MACs of all K layers, `classifiers` those of the blocks' classifiers by layer, `idle` all
    MACs of those that learn alone, each counted with the block that its layer is in. The step's MACs are the sum of its
    blocks'.

    >>> block_macs([100, 200, 300], {2: 10, 3: 20}, [Block(1, 2), Block(3, 3)])[0]
    Macs(forward=300, weight_gradient=300, input_gradient=200, classifiers=30)
    """
    costs = []
    for block in blocks:
        trained = layers[block.first - 1 : block.last]
        start = 1 if block == blocks[0] else block.first  # of the layers that it runs forward
        alone = sum(macs for number, macs in (idle or {}).items() if start <= number <= block.last)
        costs.append(
            Macs(
                forward=sum(layers[start - 1 : block.last]),
                weight_gradient=sum(trained),
                input_gradient=sum(trained[1:]),  # a block's first layer hands no gradient on
                classifiers=3 * classifiers[block.last] + alone,
            )
        )
    return costs


def off_chip_accesses(
    schedule: Schedule, trained: int, frozen: int, classifiers: int, stored: int, batch_size: int
) -> int:
    """Return the words that go to or come from off-chip memory in a step on one minibatch.

    BP reads every weight twice (forward, backward) and writes it once, and writes and reads every layer's activations.
    Local learning reads all weights once and writes the trained ones; no activation leaves the chip.

    Args:
        schedule: BP or local learning. A GX with one block for all layers counts as local: it has a chip to hold them.
        trained: weights of trained layers.
        frozen: weights of frozen layers.
        classifiers: weights of the classifiers that learn.
        stored: numbers per image of the activations of all layers, as stored for the next layer.
        batch_size: images per minibatch. The images themselves are not counted.
    """
    if schedule.block_size is None:
        return 3 * (trained + classifiers) + 2 * batch_size * stored
    return 2 * (trained + classifiers) + frozen


@dataclass(frozen=True)
class StepCosts:
    """What a step costs while the blocks stand at one shift.

    Attributes:
        shift: by how many layers the boundaries have moved.
        blocks: the blocks.
        idle: classifiers that learn although no block ends at their layers.
        macs: per image.
        costliest: MACs per image of the costliest block, which sets the pace of a pipeline.
        trained: weights of the trained layers.
        frozen: weights of the frozen layers.
        classifiers: weights of the classifiers that learn.
        stored: activations kept for backward, numbers per image: the block that needs most (BP: all layers).
        off_chip: words per minibatch.
    """

    shift: int
    blocks: tuple[Block, ...]
    idle: tuple[int, ...]
    macs: Macs
    costliest: float
    trained: int
    frozen: int
    classifiers: int
    stored: int
    off_chip: int


def step_costs(
    layers: Sequence[LayerSize],
    classifiers: Mapping[int, ClassifierSize],
    schedule: Schedule,
    turn: int,
    batch_size: int,
) -> StepCosts:
    """Return what a step costs in a turn (from 0) of a schedule, given the sizes of all layers and classifiers."""
    blocks, idle = schedule.blocks_at(turn, len(layers)), schedule.idle_at(turn, len(layers))
    by_block = block_macs(
        [layer.macs for layer in layers],
        {block.last: classifiers[block.last].macs for block in blocks},
        blocks,
        {number: classifiers[number].idle_macs for number in idle},
    )
    in_front = blocks[0].first - 1
    trained = sum(layer.weights for layer in layers[in_front:])
    frozen = sum(layer.weights for layer in layers[:in_front])
    active = sum(classifiers[number].weights for number in (*(block.last for block in blocks), *idle))
    stored = [sum(layer.stored for layer in layers[block.first - 1 : block.last]) for block in blocks]
    return StepCosts(
        shift=schedule.shift_at(turn),
        blocks=tuple(blocks),
        idle=tuple(idle),
        macs=sum(by_block, Macs()),
        costliest=max(macs.total for macs in by_block),
        trained=trained,
        frozen=frozen,
        classifiers=active,
        stored=max(stored),
        off_chip=off_chip_accesses(schedule, trained, frozen, active, sum(stored), batch_size),
    )
