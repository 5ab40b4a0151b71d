"""Batch normalisation as a layer of its own.

This is the plain layer. By default networks use layers/fused.py instead, which does BatchNorm, ReLU and dropout in one
layer and gives the same bits; `--plain` trains with this one. Classifiers always use it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minilocal.compute import memory, parallel
from minilocal.errors import InputError, ShapeError
from minilocal.kernels import batchnorm as kernels
from minilocal.layers.base import Layer

LONG = 32  # numbers in a row, unless there are more channels
EPS = 1e-5
MOMENTUM = 0.1  # running ← 0.9·running + 0.1·batch


class BatchNorm(Layer):
    """Normalise over all axes but the last, then scale and shift: (N, C) or (N, H, W, C) → the same shape.

        x̂ = (x − mean) / sqrt(variance + 1e-5)         y = gamma·x̂ + beta

    In training, mean and (biased) variance are the batch's, and running averages of the mean and the unbiased variance
    are updated. Otherwise those averages are used. With M values per channel,

        dgamma = Σ dy·x̂      dbeta = Σ dy      dx = gamma / sqrt(variance + 1e-5) · (dy − dbeta/M − x̂·dgamma/M)

    Source: tutorials/reference.md, "Batch normalisation".

    Params: gamma (C), initially one; beta (C), zero. State: the running mean (C), zero, and variance (C), one.
    """

    kept: tuple[str, ...] = ("x", "mean", "inv_std")

    def __init__(self, channels: int, dtype: Any = np.float32) -> None:
        super().__init__()
        if channels < 1:
            raise InputError(f"BatchNorm({channels}): channels must be at least 1")
        self.add_param("gamma", np.ones(channels, dtype))
        self.add_param("beta", np.zeros(channels, dtype))
        self.add_state("mean", np.zeros(channels, dtype))
        self.add_state("variance", np.ones(channels, dtype))

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return the normalised x; in training, also update the running statistics."""
        rows = long_rows(x)
        mean, inv_std = self._statistics(rows, training)
        channels = mean, self.params["gamma"] * inv_std, self.params["beta"]
        y, (row_mean, scale, beta) = memory.empty_like(rows), repeated(rows, *channels)
        parallel.run(lambda s: kernels.normalise(rows[s], row_mean, scale, beta, y[s]), row_chunks(rows))
        if training:
            self.x, self.mean, self.inv_std = x, mean, inv_std
        return y.reshape(x.shape)

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Overwrite dL/dgamma and dL/dbeta; return dL/dx if need_dx."""
        x, rows = self.x, long_rows(self.x)
        dy_rows, (mean, inv_std, gamma) = (
            dy.reshape(rows.shape),
            repeated(rows, self.mean, self.inv_std, self.params["gamma"]),
        )
        dbeta, dgamma = sum_over_rows(
            rows, x.shape[-1], lambda s, total: kernels.gradient_sums(rows[s], dy_rows[s], mean, inv_std, total)
        )
        self.grads["gamma"][...], self.grads["beta"][...] = dgamma, dbeta
        if not need_dx:
            return None
        scale, (mean_dy, mean_dy_xhat) = gamma * inv_std, means(rows, dbeta, dgamma)
        dx = memory.empty_like(rows)
        parallel.run(
            lambda s: kernels.input_gradient(rows[s], dy_rows[s], mean, inv_std, scale, mean_dy, mean_dy_xhat, dx[s]),
            row_chunks(rows),
        )
        return dx.reshape(x.shape)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the same shape; raise `ShapeError` unless its last axis has C channels."""
        channels = len(self.params["gamma"])
        if not shape or shape[-1] != channels:
            raise ShapeError(f"BatchNorm takes {channels} channels on the last axis, not shape {shape}")
        return shape

    def _statistics(self, rows: np.ndarray, training: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and 1 / sqrt(variance + 1e-5), each (C): the batch's in training, else the running ones."""
        if training:
            mean, variance = self._batch_statistics(rows)
        else:
            mean, variance = self.state["mean"], self.state["variance"]
        return mean.astype(rows.dtype), (1 / np.sqrt(variance + EPS)).astype(rows.dtype)

    def _batch_statistics(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the batch's mean and variance, each (C) in float64, and update the running ones."""
        channels = len(self.state["mean"])
        m = rows.size // channels
        if m < 2:
            raise InputError(f"the batch has {m} value per channel; BatchNorm trains on at least 2 values per channel")
        origin = rows[0, :channels].astype(np.float64)
        (wide,) = repeated(rows, origin)
        first, second = sum_over_rows(rows, channels, lambda s, total: kernels.sums(rows[s], wide, total))
        mean, variance = origin + first / m, second / m - (first / m) ** 2
        for name, value in (("mean", mean), ("variance", variance * (m / (m - 1)))):
            running = self.state[name]
            running[...] = (1 - MOMENTUM) * running + MOMENTUM * value
        return mean, variance


def long_rows(x: np.ndarray) -> np.ndarray:
    """Return x (N, C) or (N, H, W, C) as rows of C numbers, or of a few pixels' channels if C is small.

    Kernels loop along rows; short rows would cost them more than the numbers do.
    """
    channels, values = x.shape[-1], x.size // x.shape[-1]
    pixels = 1
    while 2 * pixels * channels <= LONG and values % (2 * pixels) == 0:
        pixels *= 2
    return x.reshape(-1, pixels * channels)


def repeated(rows: np.ndarray, *channels: np.ndarray) -> list[np.ndarray]:
    """Return each array (C) as often as a row holds pixels, end to end."""
    return [np.broadcast_to(c, (rows.shape[1] // len(c), len(c))).reshape(-1) for c in channels]


def means(rows: np.ndarray, *sums: np.ndarray) -> list[np.ndarray]:
    """Return each sum (C) over the number of values per channel, in the dtype of the rows and repeated along a row."""
    return repeated(rows, *((total * len(total) / rows.size).astype(rows.dtype) for total in sums))


def row_chunks(rows: np.ndarray) -> list[slice]:
    """Cut rows into chunks that fit the cache together with their results."""
    return parallel.chunks(len(rows), rows.shape[1] * rows.itemsize, parallel.CHUNK_BYTES // 2)


def sum_over_rows(rows: np.ndarray, channels: int, add: Any) -> np.ndarray:
    """Return a (2, C) sum in float64; `add(chunk, total)` adds one chunk's share to total, which is as long as a row.

    Each chunk has its own total. The totals are added in order, so the sum does not depend on threads.
    """

    def task(chunk: slice) -> np.ndarray:
        total = np.zeros((2, rows.shape[1]))
        add(chunk, total)
        return total

    return np.sum(parallel.run(task, row_chunks(rows)), axis=0).reshape(2, -1, channels).sum(axis=1)
