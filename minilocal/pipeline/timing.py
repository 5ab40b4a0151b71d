"""How long each block takes here: measured before training, on a copy, to share the blocks out by.

The seconds decide who trains what, and never what is computed.
"""

from __future__ import annotations

import copy
import time
from itertools import pairwise
from statistics import median

import numpy as np

from minilocal.compute.parallel import one_blas_thread
from minilocal.optim import SGD
from minilocal.steps import block_step, frozen_forward
from minilocal.training.outcome import StepOutcome
from minilocal.training.trainer import Trainer

REPEATS = 3  # steps at each shift, behind one that warms things up


class BlockClock:
    """Takes a trainer's steps block by block, on a copy of its network and on its first minibatch, and times them."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self.network = trainer, copy.deepcopy(trainer.network)
        self.optimizer = SGD(trainer.lr, trainer.optimizer.momentum, trainer.optimizer.weight_decay)

    def step(self, turn: int) -> list[float]:
        """Return the seconds of each block in a step of a turn.

        The first block's hold the making of the minibatch and the frozen layers' forward.
        """
        network, schedule, optimizer = self.network, self.trainer.schedule, self.optimizer
        blocks, idle = schedule.blocks_at(turn, len(network)), schedule.idle_at(turn, len(network))
        batches = self.trainer.minibatches(0)
        with one_blas_thread(), np.errstate(all="ignore"):
            clock = [time.perf_counter()]
            x, labels = batches.pixels(0), batches.labels(0)
            x = frozen_forward(network, blocks[0].first - 1, x, labels, optimizer, idle)
            for block in blocks:
                x, result = block_step(network, block, x, labels, optimizer, idle)
                StepOutcome.of([result], network)
                clock.append(time.perf_counter())
        return [end - start for start, end in pairwise(clock)]


def block_seconds(trainer: Trainer, repeats: int = REPEATS) -> dict[int, list[float]]:
    """Return the median seconds of each block by boundary shift, as this process computes them; see `BlockClock`."""
    clock, seconds = BlockClock(trainer), {}
    for turn in range(trainer.schedule.period):
        taken = [clock.step(turn) for _ in range(1 + repeats)]
        seconds[trainer.schedule.shift_at(turn)] = [median(block) for block in zip(*taken[1:], strict=True)]
    return seconds
