"""Training time from the cost model: how long a step takes on a processor that four numbers describe.

A step takes as long as its multiply-adds or its off-chip traffic, whichever is slower, because the processor transfers
data while it computes. What a block moves depends on whether it fits on the chip. Source: Lee, Lee & Jeon 2021, section
III-D (Fig. 10); tutorials/reference.md, "Training time".
"""

from __future__ import annotations

from dataclasses import dataclass

from minilocal.costs.algorithm import AlgorithmCosts
from minilocal.costs.step import BlockCosts, StepCosts


@dataclass(frozen=True)
class Processor:
    """A processor.

    Attributes:
        what: the kind of machine that has such numbers.
        macs: multiply-adds per second.
        memory: on-chip memory in bytes.
        bandwidth: bytes per second to and from off-chip memory.
        word: bytes per number.
    """

    what: str
    macs: float
    memory: float
    bandwidth: float
    word: int

    def moved(self, block: BlockCosts, batch_size: int) -> int:
        """Return the bytes that a block moves between the chip and off-chip memory in a step.

        If its weights and activations fit on the chip, its weights are read once, and written if trained. If not,
        weights are read in the forward and in the backward pass and written, and activations are written and read.
        """
        trained, activations = block.trained + block.classifiers, batch_size * block.stored
        if (trained + activations) * self.word <= self.memory:
            return (2 * trained + block.frozen) * self.word
        return (3 * trained + block.frozen + 2 * activations) * self.word

    def step_seconds(self, step: StepCosts, batch_size: int) -> float:
        """Return how long a step takes."""
        moved = sum(self.moved(block, batch_size) for block in step.by_block)
        return max(step.macs.total * batch_size / self.macs, moved / self.bandwidth)

    def seconds(self, algorithm: AlgorithmCosts, batch_size: int = 128) -> float:
        """Return how long an algorithm's step takes, as a mean over its shifts."""
        times = [self.step_seconds(step, batch_size) for step in algorithm.steps]
        return sum(times) / len(times)


# Round numbers of the right order of magnitude for such machines, not those of any particular product.
PROCESSORS = {
    "edge": Processor("an edge device's training chip, 8-bit floats", 0.25e12, 0.5e6, 4e9, 1),
    "cpu": Processor("two processor cores", 0.2e12, 4e6, 20e9, 4),
    "gpu": Processor("a graphics card", 10e12, 6e6, 500e9, 4),
    "npu": Processor("a neural processor with a lot of on-chip memory, 16-bit floats", 50e12, 64e6, 50e9, 2),
}
