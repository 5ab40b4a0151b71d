"""Per-step and per-epoch results, and the sums over an epoch's steps."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from minilocal.compute.parallel import one_blas_thread
from minilocal.errors import InputError, NonFiniteError
from minilocal.networks.network import Network
from minilocal.schedule import Block
from minilocal.steps import BlockResult
from minilocal.training.evaluation import Score


class Position(NamedTuple):
    """How far training has got: the number of finished epochs, and of finished steps in the next one.

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
class StepResults:
    """A step's results by block, and for each trained layer the L2 norm of all its gradients together."""

    blocks: list[BlockResult]
    gradient_norms: dict[int, float]

    @classmethod
    def of(cls, blocks: list[BlockResult], network: Network) -> StepResults:
        """Return the results of the blocks just trained; raise `NonFiniteError` if a norm is not finite."""
        numbers = [number for result in blocks for number in range(result.block.first, result.block.last + 1)]
        return cls(blocks, {n: norm(network.layer(n).grads.values(), f"layer {n}'s gradient") for n in numbers})


@dataclass(frozen=True)
class BlockReport:
    """Per-epoch results of a block: mean training loss and accuracy, and its classifier's scores by held-out set.

    A block whose loss has no class scores has an accuracy of NaN, and no scores on held-out sets.
    """

    block: Block
    train: Score
    held_out: dict[str, Score]


@dataclass(frozen=True)
class LayerReport:
    """Per-epoch results of a layer: the number of the block that trained it, from 1 (0 if frozen), and two norms.

    `gradient_norm` is the L2 norm of all its parameters' gradients, averaged over the steps (0 if frozen), and
    `weight_norm` that of the parameters themselves at the end of the epoch.
    """

    layer: int
    block: int
    gradient_norm: float
    weight_norm: float


@dataclass(frozen=True)
class EpochReport:
    """Per-epoch results. Epochs count from 1 here, for people to read.

    `lr` is the learning rate of the epoch's last step; `images` is the number of training images seen. `alignment` has
    the cosine between gradients and BP's by layer, if the recipe asks for it; its time counts as evaluation.
    """

    epoch: int
    shift: int
    lr: float
    blocks: list[BlockReport]
    layers: list[LayerReport]
    images: int
    train_seconds: float
    evaluation_seconds: float
    alignment: dict[int, float] = field(default_factory=dict)

    @property
    def test(self) -> Score:
        """A_K's score on the test set."""
        return self.blocks[-1].held_out["test"]


class EpochTotals:
    """Sums over the steps of an epoch, counted from 0, that trains `blocks`; checkpoints within the epoch save them.

    `seconds` is the time from the start of the clock to the end of the last step.
    """

    def __init__(self, epoch: int, blocks: Sequence[Block]) -> None:
        self.epoch, self.blocks = epoch, tuple(blocks)
        self.steps, self.images, self.seconds = 0, 0, 0.0
        self.start_clock()
        self.losses, self.correct = np.zeros(len(blocks)), np.zeros(len(blocks))
        trained = range(blocks[0].first, blocks[-1].last + 1)
        self.gradient_norms: dict[int, float] = dict.fromkeys(trained, 0.0)

    @property
    def position(self) -> Position:
        """How far training has got."""
        return Position(self.epoch, self.steps)

    def start_clock(self) -> None:
        """Let the clock continue from `seconds`."""
        self._start = time.perf_counter() - self.seconds

    def add(self, results: StepResults, images: int) -> None:
        """Add the results of a step on that many images."""
        self.steps, self.images, self.seconds = self.steps + 1, self.images + images, time.perf_counter() - self._start
        self.losses += [result.loss for result in results.blocks]
        self.correct += [result.correct or 0 for result in results.blocks]  # without class scores, 0 means nothing
        for number in self.gradient_norms:
            self.gradient_norms[number] += results.gradient_norms[number]

    def block_reports(self, held_out: dict[str, dict[int, Score]]) -> list[BlockReport]:
        """Return means over the steps, with the scores on held-out sets by name and layer."""
        reports = []
        for block, loss, correct in zip(self.blocks, self.losses, self.correct, strict=True):
            scored = {name: scores[block.last] for name, scores in held_out.items() if block.last in scores}
            train = Score(loss / self.steps, correct / self.images if scored else math.nan)
            reports.append(BlockReport(block, train, scored))
        return reports

    def layer_reports(self, network: Network) -> list[LayerReport]:
        """Return each layer's report; `NonFiniteError` if the norm of its weights is not finite."""
        block_of = {layer: i for i, block in enumerate(self.blocks, 1) for layer in range(block.first, block.last + 1)}
        return [
            LayerReport(
                number,
                block_of.get(number, 0),
                self.gradient_norms.get(number, 0.0) / self.steps,
                norm(layer.params.values(), f"layer {number}'s weights"),
            )
            for number, layer in enumerate(network.layers, 1)
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the sums ready for JSON, which keeps every bit of a float."""
        arrays = {"losses": self.losses.tolist(), "correct": self.correct.tolist()}
        norms = list(self.gradient_norms.values())
        counts = {"epoch": self.epoch, "steps": self.steps, "images": self.images, "seconds": self.seconds}
        return counts | arrays | {"gradient_norms": norms}

    def fill_in(self, content: dict[str, Any]) -> None:
        """Restore what `as_dict` returned; raise `InputError` if that makes no sense."""
        try:
            self.steps, self.images = int(content["steps"]), int(content["images"])
            self.seconds = float(content["seconds"])
            self.losses[:], self.correct[:] = content["losses"], content["correct"]
            norms = list(map(float, content["gradient_norms"]))
            self.gradient_norms = dict(zip(self.gradient_norms, norms, strict=True))
            if not np.isfinite([self.seconds, *self.losses, *self.correct, *norms]).all():
                raise ValueError
        except (KeyError, TypeError, ValueError, OverflowError):
            raise InputError("its sums over the epoch make no sense") from None


def position_in(content: Any) -> Position:
    """Return the position in what `EpochTotals.as_dict` returned; `InputError` if it has none."""
    epoch, steps = (content.get("epoch"), content.get("steps")) if isinstance(content, dict) else (None, None)
    if not (type(epoch) is int and type(steps) is int and 0 <= epoch < 2**31 and 0 <= steps < 2**31):
        raise InputError("it does not say how far training was")
    return Position(epoch, steps)


def norm(arrays: Iterable[np.ndarray], what: str) -> float:
    """Return the L2 norm of all arrays' entries together; if not finite, raise `NonFiniteError` with `what`."""
    with one_blas_thread():  # with several, a dot product would depend on their number
        result = math.sqrt(sum(float(np.vdot(a, a)) for a in arrays))
    if not math.isfinite(result):
        raise NonFiniteError(f"the norm of {what} is {result}")
    return result
