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
class BlockCosts:
    """What a block costs in a step; to the first one belong the frozen layers in front of it.

    Attributes:
        block: its layers.
        macs: per image.
        trained: weights of its layers.
        frozen: weights of the layers in front that it runs forward.
        classifiers: weights of its classifier, and of idle ones that learn on its layers.
        stored: activations kept for backward, numbers per image.
    """

    block: Block
    macs: Macs
    trained: int
    frozen: int
    classifiers: int
    stored: int


@dataclass(frozen=True)
class StepCosts:
    """What a step costs while the blocks stand at one shift.

    Attributes:
        shift: by how many layers the boundaries have moved.
        idle: classifiers that learn although no block ends at their layers.
        parts: what each block costs.
        off_chip: words per minibatch.
    """

    shift: int
    idle: tuple[int, ...]
    parts: tuple[BlockCosts, ...]
    off_chip: int

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Return the blocks."""
        return tuple(part.block for part in self.parts)

    @property
    def macs(self) -> Macs:
        """Return the step's MACs per image."""
        return sum((part.macs for part in self.parts), Macs())

    @property
    def costliest(self) -> float:
        """Return the MACs per image of the costliest block, which sets the pace of a pipeline."""
        return max(part.macs.total for part in self.parts)

    @property
    def trained(self) -> int:
        """Return the weights of the trained layers."""
        return sum(part.trained for part in self.parts)

    @property
    def frozen(self) -> int:
        """Return the weights of the frozen layers."""
        return sum(part.frozen for part in self.parts)

    @property
    def classifiers(self) -> int:
        """Return the weights of the classifiers that learn."""
        return sum(part.classifiers for part in self.parts)

    @property
    def stored(self) -> int:
        """Return the activations kept for backward, numbers per image: the block that needs most (BP: all layers)."""
        return max(part.stored for part in self.parts)


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
    parts: list[BlockCosts] = []
    for block, macs in zip(blocks, by_block, strict=True):
        trained, in_front = layers[block.first - 1 : block.last], layers[: block.first - 1] if not parts else ()
        start = block.first - len(in_front)
        learning = [block.last, *(number for number in idle if start <= number <= block.last)]
        parts.append(
            BlockCosts(
                block=block,
                macs=macs,
                trained=sum(layer.weights for layer in trained),
                frozen=sum(layer.weights for layer in in_front),
                classifiers=sum(classifiers[number].weights for number in learning),
                stored=sum(layer.stored for layer in trained),
            )
        )
    accesses = off_chip_accesses(
        schedule,
        sum(part.trained for part in parts),
        sum(part.frozen for part in parts),
        sum(part.classifiers for part in parts),
        sum(part.stored for part in parts),
        batch_size,
    )
    return StepCosts(schedule.shift_at(turn), tuple(idle), tuple(parts), accesses)
