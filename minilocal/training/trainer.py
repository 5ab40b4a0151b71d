"""Epochs: batches → step → report. What is written and shown is the caller's business."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from minilocal.datasets.batches import Minibatches
from minilocal.datasets.prepare import Data
from minilocal.errors import InputError, NonFiniteError
from minilocal.networks.network import Network
from minilocal.optim import SGD, learning_rate
from minilocal.schedule import Block, Schedule, parse
from minilocal.steps import BlockResult
from minilocal.training.diagnosis import damaged
from minilocal.training.engine import Engine
from minilocal.training.evaluation import Score
from minilocal.training.reports import EpochReport, Position
from minilocal.training.sums import EpochSums

OnStep = Callable[[int, int, list[BlockResult]], None]


class Trainer:
    """Trains a network by a schedule, epoch by epoch.

        for report in Trainer(network, "G3S2", data, epochs=10).epochs():
            print(report.epoch, report.test.accuracy)

    `on_step(epoch, images, results)` is called after every step, with the number of images that it saw. `on_pause()` is
    called where `is_due(position)` says that training is to be saved or given up, which is asked after every step and
    every batch of an evaluation. `sums` holds what the epoch has added up so far, and behind an epoch those of the next
    one, still empty. If `lr_epochs` is given, learning rates are those of so many epochs, of which the first `epochs`
    are trained. `engine` takes the steps: in this process, unless another is put in its place.
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
        lr_epochs: int | None = None,
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
        self.lr, self.lr_schedule, self.lr_epochs = lr, lr_schedule, lr_epochs or epochs
        self.crop, self.flip, self.seed = crop, data.flip if flip is None else flip, seed
        self.on_step = on_step
        self.is_due: Callable[[Position], bool] = lambda position: False
        self.on_pause: Callable[[], object] = lambda: None
        self.engine = Engine(self)
        self.sums = EpochSums(0)
        self.optimizer = SGD(lr, momentum, weight_decay)
        if epochs < 1:
            raise InputError(f"epochs is {epochs}; it must be at least 1")
        if self.lr_epochs < epochs:
            raise InputError(f"lr_epochs is {lr_epochs}; learning rates must last for all {epochs} epochs")
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

    @property
    def settings(self) -> dict[str, Any]:
        """Return what a training's numbers depend on besides its network and data, ready for JSON."""
        return {
            "algo": self.schedule.title,
            "batch_size": self.batch_size,
            "lr": self.lr,
            "lr_schedule": self.lr_schedule,
            "lr_epochs": self.lr_epochs,
            "momentum": self.optimizer.momentum,
            "weight_decay": self.optimizer.weight_decay,
            "crop": self.crop,
            "flip": self.flip,
            "seed": self.seed,
            "steps_per_epoch": self.steps_per_epoch,
        }

    def epochs(self, first: int = 0) -> Iterator[EpochReport]:
        """Train epoch after epoch, from epoch `first` (counted from 0), and yield a report of each."""
        for epoch in range(first, self.last_epoch):
            yield self.train_epoch(epoch)

    @np.errstate(all="ignore")  # a run that diverges says so by its loss, not by NumPy's warnings
    def train_epoch(self, epoch: int) -> EpochReport:
        """Train one epoch, counted from 0, and evaluate every classifier that a block had in it.

        If `sums` are of this epoch, the steps that they have added up are not done again.
        Raises `NonFiniteError`, which names epoch, step, block and layer, if a loss, gradient or weight is not finite.
        """
        if self.sums.epoch != epoch:
            self.sums = EpochSums(epoch)
        sums = self.sums
        steps, start = self.steps_per_epoch, time.perf_counter() - sums.seconds
        while sums.steps < steps:
            try:
                for outcome in self.engine.steps(epoch, self._numbers(sums.position)):
                    _, turn = self.step_and_turn(epoch, sums.steps)
                    sums.part(self.schedule, turn, len(self.network)).add(outcome, self.batch_size)
                    sums.steps, sums.seconds = sums.steps + 1, time.perf_counter() - start
                    if self.on_step is not None:
                        self.on_step(epoch, self.batch_size, outcome.results)
            except NonFiniteError as error:
                raise self.diverged(f"{error} in step {sums.steps + 1} of epoch {epoch + 1}") from None
            self.pause()
        trained = time.perf_counter()
        held_out = self._evaluate(epoch, [block for part in sums.parts.values() for block in part.blocks])
        try:
            parts = [part.report(held_out, self.network) for part in sums.parts.values()]
        except NonFiniteError as error:
            raise self.diverged(f"{error} after step {steps} of epoch {epoch + 1}") from None
        self.sums = EpochSums(epoch + 1)
        return EpochReport(
            epoch=epoch + 1,
            lr=self.learning_rate((epoch + 1) * steps - 1),
            parts=parts,
            images=steps * self.batch_size,
            train_seconds=sums.seconds,
            evaluation_seconds=time.perf_counter() - trained,
        )

    def _numbers(self, position: Position) -> Iterator[int]:
        """Yield an epoch's next steps, from a position up to where a pause is due, or the epoch ends."""
        for number in range(position.step, self.steps_per_epoch):
            yield number
            if self.is_due(Position(position.epoch, number + 1)):
                return

    def _evaluate(self, epoch: int, blocks: Sequence[Block]) -> dict[str, dict[int, Score]]:
        """Return the scores of the blocks' classifiers by held-out set and layer."""
        held_out = self.engine.evaluate({block.last for block in blocks})
        self.engine.collect()
        for name, scores in held_out.items():
            for block in blocks:
                if not math.isfinite(loss := scores[block.last].loss):
                    what = (
                        damaged(self.network, blocks, statistics=True)
                        or f"the {name} loss of block {block} (layer {block.last}) is {loss}"
                    )
                    raise self.diverged(f"{what} after step {self.steps_per_epoch} of epoch {epoch + 1}")
        return held_out

    def pause(self) -> None:
        """Call `on_pause` if that is due where training is."""
        if self.is_due(self.sums.position):
            self.engine.collect()
            self.on_pause()

    def minibatches(self, epoch: int) -> Minibatches:
        """Return the minibatches of an epoch, counted from 0."""
        return Minibatches(self.data.train, self.batch_size, self.seed, epoch, self.crop, self.flip)

    def step_and_turn(self, epoch: int, number: int) -> tuple[int, int]:
        """Return a step's number since the start of training, and its turn, from its number in the epoch."""
        step = epoch * self.steps_per_epoch + number
        return step, self.schedule.turn_at(epoch, step, self.seed)

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0 since the start of training."""
        return learning_rate(self.lr_schedule, self.lr, step, self.lr_epochs * self.steps_per_epoch)

    def diverged(self, what: str) -> NonFiniteError:
        """Return the error that says what is not finite, where, and what to try."""
        return NonFiniteError(f"{what}; try a smaller --lr than {self.lr:g}")
