"""Epochs: batches → step → report. What is written and shown is the caller's business."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from minilocal.batches import training_batches
from minilocal.data import Data
from minilocal.errors import InputError
from minilocal.evaluation import Score, evaluate
from minilocal.network import Network
from minilocal.optim import SGD, learning_rate
from minilocal.parallel import one_blas_thread
from minilocal.schedule import Block, Schedule, parse
from minilocal.steps import BlockResult, NonFiniteLossError, backprop_step, local_step


@dataclass(frozen=True)
class BlockReport:
    """One block's epoch: mean training loss and accuracy, and its classifier's scores on held-out sets by name."""

    block: Block
    train: Score
    held_out: dict[str, Score]


@dataclass(frozen=True)
class LayerReport:
    """One layer's epoch: the block that trained it (its number from 1, 0 if frozen) and two mean norms.

    `gradient_norm` is the L2 norm of all its parameters' gradients, averaged over steps (0 if frozen), and
    `weight_norm` that of the parameters themselves at the epoch's end.
    """

    layer: int
    block: int
    gradient_norm: float
    weight_norm: float


@dataclass(frozen=True)
class EpochReport:
    """All that one epoch says of itself; epochs count from 1 here, for people to read."""

    epoch: int
    shift: int
    lr: float
    blocks: list[BlockReport]
    layers: list[LayerReport]
    images: int
    train_seconds: float
    evaluation_seconds: float

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

    def epochs(self) -> Iterator[EpochReport]:
        """Train epoch after epoch and yield a report of each."""
        for epoch in range(self.last_epoch):
            yield self.train_epoch(epoch)

    @np.errstate(all="ignore")  # a run that diverges says so by its loss, not by NumPy's warnings
    def train_epoch(self, epoch: int) -> EpochReport:
        """Train one epoch, counted from 0, and evaluate every classifier that was active in it.

        Raises `TrainingError`, which names epoch, step and block, if a loss is not finite.
        """
        blocks = self.schedule.blocks_at(epoch, len(self.network))
        steps = self.steps_per_epoch
        losses, correct = np.zeros(len(blocks)), np.zeros(len(blocks))
        gradient_norms = np.zeros(len(self.network))
        start = time.perf_counter()
        batches = training_batches(self.data.train, self.batch_size, self.seed, epoch, self.crop, self.flip)
        for number, (x, labels) in enumerate(batches):
            step = epoch * steps + number
            self.optimizer.lr = learning_rate(self.lr_schedule, self.lr, step, self.last_epoch * steps)
            try:
                results = self._step(blocks, x, labels, step)
            except NonFiniteLossError as error:
                raise self._diverged(f"{error} in step {number + 1} of epoch {epoch + 1}") from None
            losses += [result.loss for result in results]
            correct += [result.correct for result in results]
            for layer in range(blocks[0].first - 1, len(self.network)):
                gradient_norms[layer] += norm(self.network.layers[layer].grads.values())
            if self.on_step is not None:
                self.on_step(epoch, len(labels), results)
        trained = time.perf_counter()
        train = [
            Score(loss / steps, right / (steps * self.batch_size)) for loss, right in zip(losses, correct, strict=True)
        ]
        block_reports = self._evaluate(epoch, blocks, train)
        return EpochReport(
            epoch=epoch + 1,
            shift=self.schedule.shift_at(epoch),
            lr=self.optimizer.lr,
            blocks=block_reports,
            layers=self._layer_reports(blocks, gradient_norms / steps),
            images=steps * self.batch_size,
            train_seconds=trained - start,
            evaluation_seconds=time.perf_counter() - trained,
        )

    def _step(self, blocks: Sequence[Block], x: np.ndarray, labels: np.ndarray, step: int) -> list[BlockResult]:
        if self.schedule.block_size is None:
            return backprop_step(self.network, x, labels, self.optimizer, self.seed, step)
        return local_step(self.network, blocks, x, labels, self.optimizer, self.seed, step)

    def _evaluate(self, epoch: int, blocks: Sequence[Block], train: Sequence[Score]) -> list[BlockReport]:
        ends = [block.last for block in blocks]
        held_out = {name: evaluate(self.network, part, ends) for name, part in self.data.held_out.items()}
        for name, scores in held_out.items():
            for block in blocks:
                if not math.isfinite(loss := scores[block.last].loss):
                    when = f"after step {self.steps_per_epoch} of epoch {epoch + 1}"
                    raise self._diverged(f"the {name} loss of block {block} is {loss} {when}")
        return [
            BlockReport(block, score, {name: scores[block.last] for name, scores in held_out.items()})
            for block, score in zip(blocks, train, strict=True)
        ]

    def _diverged(self, what: str) -> NonFiniteLossError:
        return NonFiniteLossError(f"{what}; try a smaller --lr than {self.lr:g}")

    def _layer_reports(self, blocks: Sequence[Block], gradient_norms: np.ndarray) -> list[LayerReport]:
        block_of = {layer: i for i, block in enumerate(blocks, 1) for layer in range(block.first, block.last + 1)}
        return [
            LayerReport(
                number,
                block_of.get(number, 0),
                float(gradient_norms[number - 1]),
                norm(layer.params.values()),
            )
            for number, layer in enumerate(self.network.layers, 1)
        ]


def norm(arrays: Iterable[np.ndarray]) -> float:
    """Return the L2 norm of all arrays' entries together."""
    with one_blas_thread():  # a dot product by several BLAS threads would depend on how many
        return math.sqrt(sum(float(np.vdot(a, a)) for a in arrays))
