"""Who takes a trainer's steps and evaluates its network: this process, one after the other.

pipeline/ has another way.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from minilocal.evaluation import Score, evaluate
from minilocal.network import Network
from minilocal.parallel import one_blas_thread
from minilocal.steps import BlockResult, backprop_step, local_step

if TYPE_CHECKING:
    from minilocal.trainer import Trainer


@dataclass(frozen=True)
class StepOutcome:
    """What a step did: its blocks' results, and by trained layer the L2 norm of all its gradients together."""

    results: list[BlockResult]
    gradient_norms: dict[int, float]


class Engine:
    """Takes steps and evaluates in this process."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer

    def steps(self, epoch: int, numbers: Iterable[int]) -> Iterator[StepOutcome]:
        """Take an epoch's steps of these numbers, and yield what each did once it is done.

        Raises `NonFiniteLossError` when it comes to a step in which a loss is not finite.
        """
        trainer = self.trainer
        network, optimizer, seed = trainer.network, trainer.optimizer, trainer.seed
        batches = trainer.minibatches(epoch)
        for number in numbers:
            step, turn = trainer.step_and_turn(epoch, number)
            x, labels = batches.pixels(number), batches.labels(number)
            optimizer.lr = trainer.learning_rate(step)
            if trainer.schedule.block_size is None:
                results = backprop_step(network, x, labels, optimizer, seed, step)
            else:
                blocks = trainer.schedule.blocks_at(turn, len(network))
                idle = trainer.schedule.idle_at(turn, len(network))
                results = local_step(network, blocks, x, labels, optimizer, seed, step, idle)
            yield StepOutcome(results, gradient_norms(network, results))

    def evaluate(self, classifiers: Collection[int]) -> dict[str, dict[int, Score]]:
        """Return the scores of the classifiers on those layers, by held-out set."""
        data, network = self.trainer.data, self.trainer.network
        return {name: evaluate(network, images, classifiers) for name, images in data.held_out.items()}

    def collect(self) -> None:
        """See to it that the trainer's network and optimizer hold all that was trained."""


def gradient_norms(network: Network, results: Iterable[BlockResult]) -> dict[int, float]:
    """Return the gradient norm of every layer of the blocks that have these results."""
    numbers = (number for result in results for number in range(result.block.first, result.block.last + 1))
    return {number: norm(network.layer(number).grads.values()) for number in numbers}


def norm(arrays: Iterable[np.ndarray]) -> float:
    """Return the L2 norm of all arrays' entries together."""
    with one_blas_thread():  # a dot product by several BLAS threads would depend on how many
        return math.sqrt(sum(float(np.vdot(a, a)) for a in arrays))
