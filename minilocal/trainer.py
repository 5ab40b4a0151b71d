"""Epochs: batches → step → report. What is written and shown is the caller's business."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from minilocal.batches import Minibatches
from minilocal.data import Data
from minilocal.engine import Engine, StepOutcome, norm
from minilocal.errors import InputError
from minilocal.evaluation import Score
from minilocal.network import Network
from minilocal.optim import SGD, learning_rate
from minilocal.schedule import Block, Schedule, parse
from minilocal.steps import BlockResult, NonFiniteLossError


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


OnStep = Callable[[int, int, list[BlockResult]], None]


class Trainer:
    """Trains a network by a schedule, epoch by epoch.

        for report in Trainer(network, "G3S2", data, epochs=10).epochs():
            print(report.epoch, report.test.accuracy)

    `on_step(epoch, images, results)` is called after every step, with the number of images that it saw.
    """

    def __init__(
        self,
        network: Network,
        algo: str | Schedule,
        data: Data,
        *,
        epochs: int,
        batch_size: int = 128,
        lr: float = 0.1,
        lr_schedule: str = "cosine",
        momentum: float = 0.9,
        weight_decay: float = 5e-4,
        crop: bool = True,
        flip: bool | None = None,
        seed: int = 0,
        on_step: OnStep | None = None,
    ) -> None:
        self.network, self.data = network, data
        self.schedule = parse(algo) if isinstance(algo, str) else algo
        self.last_epoch, self.batch_size = epochs, batch_size
        self.lr, self.lr_schedule = lr, lr_schedule
        self.crop, self.flip, self.seed = crop, data.flip if flip is None else flip, seed
        self.on_step = on_step
        self.engine = Engine(self)  # who takes the steps
        self.optimizer = SGD(lr, momentum, weight_decay)
        if epochs < 1:
            raise InputError(f"epochs is {epochs}; it must be at least 1")
        if not 2 <= batch_size <= len(data.train):
            raise InputError(
                f"batch size is {batch_size}; it must be at least 2 and at most the training images, {len(data.train)}"
            )
        for number in self.schedule.classifiers(len(network)):
            network.classifier(number)  # says so if the network was built for another algorithm

    @property
    def steps_per_epoch(self) -> int:
        """Return the number of whole minibatches in the training set."""
        return len(self.data.train) // self.batch_size

    def minibatches(self, epoch: int) -> Minibatches:
        """Return the minibatches of an epoch, counted from 0."""
        return Minibatches(self.data.train, self.batch_size, self.seed, epoch, self.crop, self.flip)

    def step_and_turn(self, epoch: int, number: int) -> tuple[int, int]:
        """Return a step's number since the start of training, and its turn, given its number within an epoch."""
        step = epoch * self.steps_per_epoch + number
        return step, self.schedule.turn_at(epoch, step, self.seed)

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0 since the start of training."""
        return learning_rate(self.lr_schedule, self.lr, step, self.last_epoch * self.steps_per_epoch)

    def epochs(self, first: int = 0) -> Iterator[EpochReport]:
        """Train epoch after epoch, from epoch `first` (counted from 0), and yield a report of each."""
        for epoch in range(first, self.last_epoch):
            yield self.train_epoch(epoch)

    @np.errstate(all="ignore")  # a run that diverges says so by its loss, not by NumPy's warnings
    def train_epoch(self, epoch: int) -> EpochReport:
        """Train one epoch, counted from 0, and evaluate every classifier that a block had in it.

        Raises `TrainingError`, which names epoch, step and block, if a loss is not finite.
        """
        steps = self.steps_per_epoch
        parts: dict[int, _Part] = {}  # by shift: one, unless boundaries move within epochs
        start = time.perf_counter()
        number = 0
        try:
            for outcome in self.engine.steps(epoch, range(steps)):
                _, turn = self.step_and_turn(epoch, number)
                shift = self.schedule.shift_at(turn)
                part = parts.setdefault(shift, _Part(shift, self.schedule.blocks_at(turn, len(self.network))))
                part.add(outcome, self.batch_size)
                number += 1
                if self.on_step is not None:
                    self.on_step(epoch, self.batch_size, outcome.results)
        except NonFiniteLossError as error:
            raise self._diverged(f"{error} in step {number + 1} of epoch {epoch + 1}") from None
        trained = time.perf_counter()
        held_out = self._evaluate(epoch, [block for part in parts.values() for block in part.blocks])
        self.engine.collect()
        return EpochReport(
            epoch=epoch + 1,
            lr=self.learning_rate(epoch * steps + number - 1),
            parts=[part.report(held_out, self.network) for part in parts.values()],
            images=steps * self.batch_size,
            train_seconds=trained - start,
            evaluation_seconds=time.perf_counter() - trained,
        )

    def _evaluate(self, epoch: int, blocks: Sequence[Block]) -> dict[str, dict[int, Score]]:
        """Return the scores of the blocks' classifiers by held-out set and layer."""
        held_out = self.engine.evaluate({block.last for block in blocks})
        for name, scores in held_out.items():
            for block in blocks:
                if not math.isfinite(loss := scores[block.last].loss):
                    when = f"after step {self.steps_per_epoch} of epoch {epoch + 1}"
                    raise self._diverged(f"the {name} loss of block {block} is {loss} {when}")
        return held_out

    def _diverged(self, what: str) -> NonFiniteLossError:
        return NonFiniteLossError(f"{what}; try a smaller --lr than {self.lr:g}")


class _Part:
    """Sums over the steps of an epoch that have the same blocks."""

    def __init__(self, shift: int, blocks: list[Block]) -> None:
        self.shift, self.blocks = shift, blocks
        self.steps = self.images = 0
        self.losses, self.correct = np.zeros(len(blocks)), np.zeros(len(blocks))
        self.gradient_norms: dict[int, float] = dict.fromkeys(range(blocks[0].first, blocks[-1].last + 1), 0.0)

    def add(self, outcome: StepOutcome, images: int) -> None:
        """Count a step."""
        self.steps += 1
        self.images += images
        self.losses += [result.loss for result in outcome.results]
        self.correct += [result.correct for result in outcome.results]
        for number in self.gradient_norms:
            self.gradient_norms[number] += outcome.gradient_norms[number]

    def report(self, held_out: dict[str, dict[int, Score]], network: Network) -> PartReport:
        """Return means over the steps, and the scores on held-out sets."""
        blocks = [
            BlockReport(
                block,
                Score(loss / self.steps, correct / self.images),
                {name: scores[block.last] for name, scores in held_out.items()},
            )
            for block, loss, correct in zip(self.blocks, self.losses, self.correct, strict=True)
        ]
        block_of = {layer: i for i, block in enumerate(self.blocks, 1) for layer in range(block.first, block.last + 1)}
        layers = [
            LayerReport(
                number,
                block_of.get(number, 0),
                self.gradient_norms.get(number, 0.0) / self.steps,
                norm(layer.params.values()),
            )
            for number, layer in enumerate(network.layers, 1)
        ]
        return PartReport(self.shift, self.steps, blocks, layers)
