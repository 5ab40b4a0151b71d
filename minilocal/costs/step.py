"""The cost model: what one training step costs.

    MACs      the forward pass of every layer and of whitening; the weight gradient of every trained layer; the input
              gradient of every trained layer, but in the first layer of each block only inside it, where a residual
              block's second convolution has one; 3 × the forward pass of each block's classifier (forward and both
              gradients); the forward pass and the gradients inside idle classifiers that learn
    off chip  BP: weights are read twice and written once, activations are written and read
              local learning: on-chip memory holds a block, so weights are read once (and written if trained), and
              activations stay on the chip

Source: Lee, Lee & Jeon 2021, sections III-A and III-B; tutorials/reference.md, "Cost model".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

from minilocal.costs.sizes import ClassifierSize, LayerSize
from minilocal.schedule import Block, Schedule


@dataclass(frozen=True)
class Macs:
    """Multiply-adds per image by purpose: the three products of the layers, and everything in the classifiers."""

    forward: float = 0
    weight_gradient: float = 0
    input_gradient: float = 0
    classifiers: float = 0

    def __add__(self, other: Macs) -> Macs:
        return Macs(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __truediv__(self, count: int) -> Macs:
        return Macs(*(number / count for number in astuple(self)))

    @property
    def total(self) -> float:
        """All multiply-adds."""
        return sum(astuple(self))


def block_macs(
    layers: Sequence[int],
    classifiers: Mapping[int, int],
    blocks: Sequence[Block],
    idle: Mapping[int, int] | None = None,
    inner: Sequence[int] | None = None,
) -> list[Macs]:
    """Return what each block of a step computes per image; the first one also runs the frozen layers forward.

    `layers` are the forward MACs of all K layers, and `classifiers` those of the blocks' classifiers by layer. `idle`
    are all MACs of the idle classifiers that learn, by layer; each counts for the block that contains its layer.
    `inner` are the forward MACs of the products inside each layer, whose input is not the layer's own: these have an
    input gradient in a block's first layer too. Without it there are none. The MACs of the step are the sum over its
    blocks.

    >>> block_macs([100, 200, 300], {2: 10, 3: 20}, [Block(1, 2), Block(3, 3)])[0]
    Macs(forward=300, weight_gradient=300, input_gradient=200, classifiers=30)
    """
    costs = []
    for block in blocks:
        trained = layers[block.first - 1 : block.last]
        start = 1 if block == blocks[0] else block.first  # the first layer that it runs forward
        idle_macs = sum(macs for number, macs in (idle or {}).items() if start <= number <= block.last)
        costs.append(
            Macs(
                forward=sum(layers[start - 1 : block.last]),
                weight_gradient=sum(trained),
                # A block's first layer passes no gradient on.
                input_gradient=(inner[block.first - 1] if inner else 0) + sum(trained[1:]),
                classifiers=3 * classifiers[block.last] + idle_macs,
            )
        )
    return costs


def off_chip_accesses(
    schedule: Schedule, trained: int, frozen: int, classifiers: int, stored: int, batch_size: int
) -> int:
    """Return the number of words moved to or from off-chip memory in a step on one minibatch.

    BP reads every weight twice (forward, backward) and writes it once, and writes and reads every layer's activations.
    Local learning reads all weights once and writes the trained ones; no activation leaves the chip.

    Args:
        schedule: BP or local learning. A GX with one block for all layers counts as local: its chip can hold them all.
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
    """What a block costs in a step. The frozen layers before the first block count for that block.

    Attributes:
        block: its layers.
        macs: multiply-adds per image.
        trained: weights of its layers.
        frozen: weights of the frozen layers that it runs forward.
        classifiers: weights of its classifier, and of idle classifiers that learn on its layers.
        stored: activations kept for backward, numbers per image.
    """

    block: Block
    macs: Macs
    trained: int
    frozen: int
    classifiers: int
    stored: int


@dataclass(frozen=True)
class Costs:
    """What a step costs, or several steps on average.

    Attributes:
        macs: multiply-adds per image.
        costliest: multiply-adds per image of the costliest block, which sets the pace of a pipeline.
        trained: weights of trained layers.
        frozen: weights of layers that only run forward.
        classifiers: weights of the classifiers that learn.
        stored: activations kept for backward, numbers per image, of the block that keeps most (BP: all layers).
        off_chip: off-chip accesses, words per minibatch.
    """

    macs: Macs
    costliest: float
    trained: float
    frozen: float
    classifiers: float
    stored: float
    off_chip: float


@dataclass(frozen=True)
class StepCosts(Costs):
    """What a step costs at one boundary shift.

    Attributes:
        shift: number of layers by which the boundaries have moved.
        idle: layers whose classifiers learn although no block ends there.
        by_block: what each block costs.
    """

    shift: int
    idle: tuple[int, ...]
    by_block: tuple[BlockCosts, ...]

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks that are trained."""
        return tuple(costs.block for costs in self.by_block)


def step_costs(
    layers: Sequence[LayerSize],
    classifiers: Mapping[int, ClassifierSize],
    schedule: Schedule,
    epoch: int,
    batch_size: int,
) -> StepCosts:
    """Return what a step costs in an epoch, counted from 0, given the sizes of all layers and classifiers."""
    blocks, idle = schedule.blocks_at(epoch, len(layers)), schedule.idle_at(epoch, len(layers))
    macs = block_macs(
        [layer.macs for layer in layers],
        {block.last: classifiers[block.last].macs for block in blocks},
        blocks,
        {number: classifiers[number].idle_macs for number in idle},
        [layer.inner_macs for layer in layers],
    )
    macs[0] += Macs(forward=layers[0].frozen_macs)
    by_block: list[BlockCosts] = []
    for block, its_macs in zip(blocks, macs, strict=True):
        start = block.first if by_block else 1  # the first layer that it runs forward
        before, its_layers = layers[start - 1 : block.first - 1], layers[block.first - 1 : block.last]
        numbers = [block.last, *(number for number in idle if start <= number <= block.last)]
        by_block.append(
            BlockCosts(
                block=block,
                macs=its_macs,
                trained=sum(layer.weights for layer in its_layers),
                frozen=sum(layer.weights for layer in before) + (0 if by_block else layers[0].frozen_weights),
                classifiers=sum(classifiers[number].weights for number in numbers),
                stored=sum(layer.stored for layer in its_layers),
            )
        )
    trained, frozen, learning = (
        sum(getattr(costs, use) for costs in by_block) for use in ("trained", "frozen", "classifiers")
    )
    stored = [costs.stored for costs in by_block]
    return StepCosts(
        macs=sum(macs, Macs()),
        costliest=max(its_macs.total for its_macs in macs),
        trained=trained,
        frozen=frozen,
        classifiers=learning,
        stored=max(stored),
        off_chip=off_chip_accesses(schedule, trained, frozen, learning, sum(stored), batch_size),
        shift=schedule.shift_at(epoch),
        idle=tuple(idle),
        by_block=tuple(by_block),
    )
