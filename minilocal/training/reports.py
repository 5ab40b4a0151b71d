"""What an epoch of training says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from minilocal.schedule import Block
from minilocal.training.evaluation import Score


class Position(NamedTuple):
    """How far training is: the whole epochs that lie behind, and the steps of the next one.

    >>> print(Position(3, 20), Position(3, 0), Position(0, 0), sep=", ")
    step 20 of epoch 4, epoch 3, the initial weights
    """

    epoch: int
    step: int

    def __str__(self) -> str:
        if self.step:
            return f"step {self.step} of epoch {self.epoch + 1}"
        return f"epoch {self.epoch}" if self.epoch else "the initial weights"


@dataclass(frozen=True)
class BlockReport:
    """One block's epoch: mean training loss and accuracy, and its classifier's scores on held-out sets by name."""

    block: Block
    train: Score
    held_out: dict[str, Score]


@dataclass(frozen=True)
class LayerReport:
    """One layer's epoch: the block that trained it (its number from 1, 0 if frozen) and two norms.

    `gradient_norm` is the L2 norm of all its parameters' gradients, averaged over steps (0 if frozen), and
    `weight_norm` that of the parameters themselves at the epoch's end.
    """

    layer: int
    block: int
    gradient_norm: float
    weight_norm: float


@dataclass(frozen=True)
class PartReport:
    """The steps of an epoch that had the same boundary shift: how many, its blocks and all layers."""

    shift: int
    steps: int
    blocks: list[BlockReport]
    layers: list[LayerReport]


@dataclass(frozen=True)
class EpochReport:
    """All that one epoch says of itself; epochs count from 1 here, for people to read.

    It has one part, or as many as it had different shifts where boundaries move within epochs, in the order in which
    these first came. `shift`, `blocks` and `layers` are the last part's.
    """

    epoch: int
    lr: float
    parts: list[PartReport]
    images: int
    train_seconds: float
    evaluation_seconds: float

    @property
    def shift(self) -> int:
        """Return the boundary shift."""
        return self.parts[-1].shift

    @property
    def blocks(self) -> list[BlockReport]:
        """Return each block's report."""
        return self.parts[-1].blocks

    @property
    def layers(self) -> list[LayerReport]:
        """Return each layer's report."""
        return self.parts[-1].layers

    @property
    def test(self) -> Score:
        """Return A_K's score on the test set."""
        return self.blocks[-1].held_out["test"]
