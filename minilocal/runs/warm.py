"""Compile kernels in two processes at once, when a new installation trains for the first time.

Numba compiles one kernel after another, under a lock. So while this process compiles the kernels of the forward pass,
which it needs first, another compiles those of the backward pass, and leaves them in the cache for this one.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from subprocess import DEVNULL

import numpy as np

from minilocal.compute.parallel import available_threads
from minilocal.kernels import activation, batchnorm, pooling, sgd
from minilocal.layers import direct, winograd


@contextlib.contextmanager
def helped(say: Callable[[str], object]) -> Iterator[Callable[[str], None]]:
    """Yield `say`, but the first call also starts the other process, where there is a second processor for it."""
    started: list[subprocess.Popen] = []

    def say_and_start(sentence: str) -> None:
        say(sentence)
        if not started and available_threads() > 1:
            command = [sys.executable, "-c", "from minilocal.runs.warm import compile_backward; compile_backward()"]
            with contextlib.suppress(OSError):  # then this process compiles everything
                started.append(subprocess.Popen(command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL))

    try:
        yield say_and_start
    finally:
        for process in started:
            process.terminate()
            process.wait()


def compile_backward() -> None:
    """Call the kernels of a backward pass and of the update once, on small arrays, in the order of a training step."""
    rows, sums, c, one = np.zeros((2, 16), np.float32), np.zeros((2, 16)), np.zeros(16, np.float32), np.float32(1)
    windows, pooled = np.zeros((2, 2, 2, 2, 16), np.float32), np.zeros((2, 2, 16), np.float32)
    image, x, y = (np.zeros((2, 8, 8, channels), np.float32) for channels in (1, 16, 32))
    weight, first_weight = np.zeros((3, 3, 16, 32), np.float32), np.zeros((3, 3, 1, 16), np.float32)
    batchnorm.gradient_sums(rows, rows, c, c, sums)
    batchnorm.input_gradient(rows, rows, c, c, c, c, c, rows)
    pooling.avg_pool_backward(pooled, windows)
    activation.gated_gradient_sums(rows, rows, rows, c, c, one, sums)
    activation.gated_input_gradient(rows, rows, rows, c, c, one, c, c, c, rows)
    winograd.weight_gradient(x, y, weight)
    pooling.max_pool_backward(pooled, pooled.astype(np.uint8), windows)
    direct.weight_gradient(image, x, first_weight, 1, 1)
    sgd.sgd(c, c, c, one, one, one)
