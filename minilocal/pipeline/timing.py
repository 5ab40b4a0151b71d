"""How long each block takes here: measured before training, on a copy, to share the blocks out by.

The seconds decide who trains what, and never what is computed.
"""

from __future__ import annotations

import copy
import time
from itertools import pairwise
from statistics import median

import numpy as np

from minilocal.network import Network
from minilocal.optim import SGD
from minilocal.outcome import StepOutcome
from minilocal.parallel import one_blas_thread
from minilocal.steps import block_step, frozen_forward
from minilocal.trainer import Trainer

REPEATS = 3  # steps at each shift, behind one that warms things up


def block_seconds(trainer: Trainer, repeats: int = REPEATS) -> dict[int, list[float]]:
    """Return the median seconds of each block by boundary shift, as this process computes them.

    The first block's hold the making of the minibatch and the frozen layers' forward. The trainer's network and
    optimizer stay as they are.
    """
    network = copy.deepcopy(trainer.network)
    optimizer = SGD(trainer.lr, trainer.optimizer.momentum, trainer.optimizer.weight_decay)
    seconds = {}
    with one_blas_thread(), np.errstate(all="ignore"):
        for turn in range(trainer.schedule.period):
            taken = [_step(trainer, network, optimizer, turn) for _ in range(1 + repeats)]
            seconds[trainer.schedule.shift_at(turn)] = [median(block) for block in zip(*taken[1:], strict=True)]
    return seconds


def _step(trainer: Trainer, network: Network, optimizer: SGD, turn: int) -> list[float]:
    blocks, idle = trainer.schedule.blocks_at(turn, len(network)), trainer.schedule.idle_at(turn, len(network))
    batches = trainer.minibatches(0)
    clock = [time.perf_counter()]
    x, labels = batches.pixels(0), batches.labels(0)
    x = frozen_forward(network, blocks[0].first - 1, x, labels, optimizer, idle)
    for block in blocks:
        x, result = block_step(network, block, x, labels, optimizer, idle)
        StepOutcome.of([result], network)
        clock.append(time.perf_counter())
    return [end - start for start, end in pairwise(clock)]
