"""Max and average pooling over windows that tile the map (stride = window)."""

from __future__ import annotations

from typing import Any

import numpy as np

from minilocal.compute import memory, parallel
from minilocal.errors import InputError, ShapeError
from minilocal.kernels import pooling as kernels
from minilocal.layers.base import Layer


class _Pool2d(Layer):
    """What both kinds share: a window (h, w) that must divide the map.

    Raises `InputError` if a side of the window is below 1.
    """

    def __init__(self, window: int | tuple[int, int] = 2) -> None:
        super().__init__()
        self.window = (window, window) if isinstance(window, int) else (int(window[0]), int(window[1]))
        if min(self.window) < 1:
            raise InputError(f"pooling window is {self.window}; both sides must be at least 1")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (H/h, W/w, C) for (H, W, C)."""
        if len(shape) != 3:
            raise ShapeError(f"{type(self).__name__} takes maps (height, width, channels), not of shape {shape}")
        (h, w), (height, width, channels) = self.window, shape
        if height % h or width % w:
            raise ShapeError(f"a {h}×{w} pooling window does not divide a {height}×{width} map")
        return height // h, width // w, channels

    def _empty_output(self, x: np.ndarray, dtype: np.dtype | None = None) -> np.ndarray:
        return memory.empty((len(x), *self.output_shape(x.shape[1:])), dtype or x.dtype)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.window[0]}×{self.window[1]})"


class MaxPool2d(_Pool2d):
    """The maximum of each window: x (N, P·h, Q·w, C) → y (N, P, Q, C).

    The gradient goes to the place of the maximum: the first one, if several are equal.
    Source: tutorials/reference.md, "Pooling".
    """

    kept = ("winner",)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return the maxima; in training, keep their places."""
        places = np.min_scalar_type(self.window[0] * self.window[1] - 1)
        y, winner = self._empty_output(x), self._empty_output(x, places)
        integer = np.dtype(f"i{x.itemsize}")

        def task(s: slice) -> None:
            best, place = (
                parallel.scratch("best", x.shape[3:], x.dtype),
                parallel.scratch("place", x.shape[3:], integer),
            )
            kernels.max_pool(x[s], y[s], winner[s], best, place, *self.window)

        parallel.run(task, _chunks(x))
        if training:
            self.winner = winner
        return y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Return dx: dy at the place of each window's maximum, zero elsewhere."""
        if not need_dx:
            return None
        winner = self.winner
        dx = _empty_input(dy, self.window)
        parallel.run(lambda s: kernels.max_pool_backward(dy[s], winner[s], dx[s], *self.window), _chunks(dx))
        return dx


class AvgPool2d(_Pool2d):
    """The mean of each window: x (N, P·h, Q·w, C) → y (N, P, Q, C); the gradient spreads evenly over the window.

    Source: tutorials/reference.md, "Pooling".
    """

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return the means."""
        y = self._empty_output(x)
        parallel.run(lambda s: kernels.avg_pool(x[s], y[s], *self.window), _chunks(x))
        return y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Return dx: dy / (h·w) at each place in its window."""
        if not need_dx:
            return None
        dx = _empty_input(dy, self.window)
        parallel.run(lambda s: kernels.avg_pool_backward(dy[s], dx[s], *self.window), _chunks(dx))
        return dx


def _empty_input(dy: np.ndarray, window: tuple[int, int]) -> np.ndarray:
    n, p, q, c = dy.shape
    return memory.empty((n, p * window[0], q * window[1], c), dy.dtype)


def _chunks(x: np.ndarray) -> list[slice]:
    return parallel.image_chunks(len(x), x[:1].nbytes)
