"""The training loop: `Trainer.train_epoch`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np

from minilocal.datasets.batches import Minibatches, evaluation_batch
from minilocal.datasets.prepare import Data
from minilocal.errors import InputError, NonFiniteError
from minilocal.layers.sequential import leaves
from minilocal.layers.whitening import Whitening
from minilocal.networks.network import Network
from minilocal.steps import backprop_step, local_step
from minilocal.training.alignment import alignment
from minilocal.training.diagnosis import damaged, diagnosed
from minilocal.training.evaluation import Score, evaluate
from minilocal.training.recipe import Recipe, Step
from minilocal.training.results import EpochReport, EpochTotals, Position, StepResults

WHITENED = 5000  # the images that whitening is fitted to, at most


class Workers(Protocol):
    """Other processes that take the trainer's steps, each training blocks of its own; see pipeline/."""

    def take(self, step: Step) -> Iterable[StepResults]:
        """Have the workers take a step; return an iterator over results of earlier steps, in order."""

    def finish(self) -> Iterable[StepResults]:
        """Return an iterator over the results of all steps under way, which waits for each."""

    def collect(self) -> None:
        """Copy all that was trained into the trainer's network and optimizer."""

    def evaluate(self, classifiers: Collection[int]) -> dict[str, dict[int, Score]]:
        """Return the scores of the classifiers on those layers, by held-out set."""


def _nothing(*_: object) -> None:
    """Do nothing; unlike a lambda, this can be pickled."""


class Trainer:
    """Trains a network on data by a recipe, epoch by epoch.

        for report in Trainer(network, data, Recipe(algo="G3S2", epochs=10)).epochs():
            print(report.epoch, report.test.accuracy)

    Attributes:
        totals: sums over the steps of the current epoch; after an epoch, those of the next one, still zero.
        workers: processes that take the steps instead of this one, or None.
        on_step: called as `on_step(epoch, images, results)` after each step, with its number of images and a list of
            `BlockResult`.
        is_due: `is_due(position)` says whether to save (or stop) training there; asked after every step and every batch
            of an evaluation.
        save: called when that is due.

    Raises `InputError` if the batch is larger than the training set, the network was built for another algorithm, or a
    loss of your own can't smooth labels, or crops can't be mirrored, as the recipe says.
    """

    def __init__(self, network: Network, data: Data, recipe: Recipe, on_step: Callable[..., object] = _nothing) -> None:
        self.network, self.data, self.recipe, self.on_step = network, data, recipe, on_step
        if recipe.batch_size > len(data.train):
            raise InputError(
                f"batch size is {recipe.batch_size}; it must be at most the number of training images, "
                f"{len(data.train)}"
            )
        network.classifier()  # raises if the network has no class scores
        for number in recipe.schedule.classifiers(len(network)):
            network.loss(number)  # raises if the network was built for another algorithm
        self.smooth_labels()
        self.minibatches(0)  # raises if the images are too small for its crops
        for layer in leaves(network.layers[0]):
            if isinstance(layer, Whitening) and not layer.fitted:
                layer.fit(evaluation_batch(data.train, 0, WHITENED)[0])
        self.optimizer = recipe.optimizer()
        self.totals = self.new_totals(0)
        self.workers: Workers | None = None
        self.is_due: Callable[[Position], object] = _nothing
        self.save: Callable[[], object] = _nothing

    def epochs(self) -> Iterator[EpochReport]:
        """Train the epochs that remain and yield a report of each."""
        for epoch in range(self.totals.epoch, self.recipe.epochs):
            yield self.train_epoch(epoch)

    @np.errstate(all="ignore")  # the loss shows that a run diverges; NumPy need not warn
    def train_epoch(self, epoch: int) -> EpochReport:
        """Train one epoch, counted from 0, evaluate the classifier of each of its blocks, and return the report.

        Steps already in `totals` are not repeated. Raises `NonFiniteError`, which names epoch, step, block
        and layer, if a loss, gradient or weight becomes NaN or infinite.
        """
        network, recipe, optimizer, seed = self.network, self.recipe, self.optimizer, self.recipe.seed
        batches = self.begin(epoch)
        for step in recipe.steps(epoch, self.totals.steps, self.steps_per_epoch, len(network)):
            with self.explaining(batches):
                if self.workers is not None:
                    finished = self.workers.take(step)  # workers run ahead, so these are results of earlier steps
                else:
                    x, labels = batches.pixels(step.index), batches.labels(step.index)
                    optimizer.lr = step.lr
                    if recipe.schedule.block_size is None:
                        blocks = backprop_step(network, x, labels, optimizer, seed, step.number)
                    else:
                        blocks = local_step(network, step.blocks, x, labels, optimizer, seed, step.number, step.idle)
                    finished = [StepResults.of(blocks, network)]
                self.add(finished)
            if self.is_due(Position(epoch, step.index + 1)):
                self.pause()
        self.finish()
        return self.report()

    def begin(self, epoch: int) -> Minibatches:
        """Begin an epoch, counted from 0, or resume it if `totals` are its own; return its minibatches."""
        if self.totals.epoch != epoch:
            self.totals = self.new_totals(epoch)
        self.totals.start_clock()
        self.smooth_labels()  # again, because another trainer may have trained the network in between
        return self.minibatches(epoch)

    def smooth_labels(self) -> None:
        """Have all losses smooth labels as the recipe says; `InputError` for a loss that can't."""
        smoothing = self.recipe.label_smoothing
        for loss in self.network.losses.values():
            if hasattr(loss, "smoothing"):
                loss.smoothing = smoothing
            elif smoothing:
                raise InputError(f"label_smoothing is {smoothing}, but {loss} has none; use CrossEntropy")

    def minibatches(self, epoch: int) -> Minibatches:
        """Return the minibatches of an epoch, counted from 0."""
        recipe, flip = self.recipe, self.data.flip if self.recipe.flip is None else self.recipe.flip
        return Minibatches(
            self.data.train,
            recipe.batch_size,
            recipe.seed,
            epoch,
            recipe.crop,
            flip,
            recipe.crop_margin,
            mirror=recipe.crop_border == "mirror",
            alternate=recipe.flips == "alternate",
        )

    def add(self, finished: Iterable[StepResults]) -> None:
        """Count finished steps."""
        for results in finished:
            self.totals.add(results, self.recipe.batch_size)
            self.on_step(self.totals.epoch, self.recipe.batch_size, results.blocks)

    def finish(self) -> None:
        """Wait for the steps that workers have begun."""
        if self.workers is not None:
            with self.explaining():
                self.add(self.workers.finish())

    def pause(self) -> None:
        """Save training as it is between two steps."""
        self.finish()
        if self.workers is not None:
            self.workers.collect()
        self.save()

    def pause_if_due(self) -> None:
        """Save training, between two batches of an evaluation, if that is due."""
        if self.is_due(self.totals.position):
            self.pause()

    def report(self) -> EpochReport:
        """Evaluate after the last step of an epoch; return the report and begin the next epoch's totals."""
        totals, start = self.totals, time.perf_counter()
        held_out = self.evaluate([block.last for block in totals.blocks if block.last in self.network.auxiliary])
        try:
            layers = totals.layer_reports(self.network)
            cosines = self.alignment() if self.recipe.alignment else {}
        except NonFiniteError as error:
            raise self.diverged(f"{error} after step {totals.steps} of epoch {totals.epoch + 1}") from None
        last = self.recipe.step(totals.epoch, totals.steps - 1, self.steps_per_epoch, len(self.network))
        self.totals = self.new_totals(totals.epoch + 1)
        return EpochReport(
            epoch=totals.epoch + 1,
            shift=last.shift,
            lr=last.lr,
            blocks=totals.block_reports(held_out),
            layers=layers,
            images=totals.images,
            train_seconds=totals.seconds,
            evaluation_seconds=time.perf_counter() - start,
            alignment=cosines,
        )

    def alignment(self) -> dict[int, float]:
        """Return how this epoch's gradients align with BP's, on the run's very first minibatch and dropout masks."""
        batches = self.minibatches(0)
        return alignment(self.network, self.totals.blocks, batches.pixels(0), batches.labels(0), self.recipe.seed)

    def evaluate(self, classifiers: Collection[int]) -> dict[str, dict[int, Score]]:
        """Return the scores of the classifiers on those layers, by held-out set; refuse a loss that is not finite."""
        if self.workers is not None:
            held_out = self.workers.evaluate(classifiers)
            self.workers.collect()
        else:
            held_out = {
                name: evaluate(self.network, images, classifiers, self.pause_if_due)
                for name, images in self.data.held_out.items()
            }
        totals = self.totals
        for name, scores in held_out.items():
            for block in totals.blocks:
                if block.last in scores and not math.isfinite(loss := scores[block.last].loss):
                    what = (
                        damaged(self.network, totals.blocks, statistics=True)
                        or f"the {name} loss of block {block} (layer {block.last}) is {loss}"
                    )
                    raise self.diverged(f"{what} after step {totals.steps} of epoch {totals.epoch + 1}")
        return held_out

    @property
    def steps_per_epoch(self) -> int:
        """The number of whole minibatches in the training set."""
        return len(self.data.train) // self.recipe.batch_size

    def new_totals(self, epoch: int) -> EpochTotals:
        """Return the sums of an epoch, counted from 0, before its first step."""
        return EpochTotals(epoch, self.recipe.schedule.blocks_at(epoch, len(self.network)))

    @contextmanager
    def explaining(self, batches: Minibatches | None = None) -> Iterator[None]:
        """Turn a `NonFiniteError` of the step after those in `totals` into one that says what went wrong, and where."""
        try:
            yield
        except NonFiniteError as error:
            totals = self.totals
            if batches is not None and self.workers is None:  # workers find out for themselves
                error = diagnosed(error, self.network, totals.blocks, batches.pixels(totals.steps))
            raise self.diverged(f"{error} in step {totals.steps + 1} of epoch {totals.epoch + 1}") from None

    def diverged(self, what: str) -> NonFiniteError:
        """Return the error that says what is not finite, where, and what to try."""
        return NonFiniteError(f"{what}; try a smaller --lr than {self.recipe.lr:g}")
