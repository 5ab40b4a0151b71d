"""How long each block takes on this machine, measured on a copy of the network before training.

The times decide which worker trains which blocks, but never change what is computed.
"""

from __future__ import annotations

import copy
import time
from itertools import pairwise
from statistics import median

import numpy as np

from minilocal.compute.parallel import one_blas_thread
from minilocal.steps import block_step, frozen_forward
from minilocal.training.results import StepResults
from minilocal.training.trainer import Trainer

REPEATS = 3  # steps at each shift, after one to warm up


class BlockClock:
    """Takes a trainer's steps block by block, on a copy of its network and its first minibatch, and times them."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self.network = trainer, copy.deepcopy(trainer.network)
        self.optimizer = trainer.recipe.optimizer()

    def step(self, epoch: int) -> list[float]:
        """Return the seconds of each block in a step of an epoch, counted from 0.

        The first block's seconds include making the minibatch and running the frozen layers forward.
        """
        network, optimizer, trainer = self.network, self.optimizer, self.trainer
        step = trainer.recipe.step(epoch, 0, trainer.steps_per_epoch, len(network))
        batches = trainer.minibatches(0)
        with one_blas_thread(), np.errstate(all="ignore"):
            clock = [time.perf_counter()]
            x, labels = batches.pixels(0), batches.labels(0)
            x = frozen_forward(network, step.blocks[0].first - 1, x, labels, optimizer, step.idle)
            for block in step.blocks:
                x, result = block_step(network, block, x, labels, optimizer, step.idle)
                StepResults.of([result], network)
                clock.append(time.perf_counter())
        return [end - start for start, end in pairwise(clock)]


def block_seconds(trainer: Trainer, repeats: int = REPEATS) -> dict[int, list[float]]:
    """Return the median seconds of each block by boundary shift, as this process computes them; see `BlockClock`."""
    clock, seconds, schedule = BlockClock(trainer), {}, trainer.recipe.schedule
    for epoch in range(schedule.period):
        taken = [clock.step(epoch) for _ in range(1 + repeats)]
        seconds[schedule.shift_at(epoch)] = [median(block) for block in zip(*taken[1:], strict=True)]
    return seconds
