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

    def _empty_input(self, dy: np.ndarray) -> np.ndarray:
        (h, w), (n, p, q, c) = self.window, dy.shape
        return memory.empty((n, p * h, q * w, c), dy.dtype)

    def _windows(self, x: np.ndarray) -> np.ndarray:
        """Return x (N, P·h, Q·w, C) as (N·P, h, Q, w, C)."""
        (h, w), (n, height, width, c) = self.window, x.shape
        return x.reshape(n * height // h, h, width // w, w, c)

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
        windows, rows, winners = self._windows(x), _rows(y), _rows(winner)
        integer = np.dtype(f"i{x.itemsize}")

        def task(s: slice) -> None:
            best, place = (
                parallel.scratch("best", x.shape[3:], x.dtype),
                parallel.scratch("place", x.shape[3:], integer),
            )
            kernels.max_pool(windows[s], rows[s], winners[s], best, place)

        parallel.run(task, _chunks(windows))
        if training:
            self.winner = winner
        return y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Return dx: dy at the place of each window's maximum, zero elsewhere."""
        if not need_dx:
            return None
        winner = self.winner
        dx = self._empty_input(dy)
        windows, rows, winners = self._windows(dx), _rows(dy), _rows(winner)
        parallel.run(lambda s: kernels.max_pool_backward(rows[s], winners[s], windows[s]), _chunks(windows))
        return dx


class AvgPool2d(_Pool2d):
    """The mean of each window: x (N, P·h, Q·w, C) → y (N, P, Q, C); the gradient spreads evenly over the window.

    Source: tutorials/reference.md, "Pooling".
    """

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return the means."""
        y = self._empty_output(x)
        windows, rows = self._windows(x), _rows(y)
        parallel.run(lambda s: kernels.avg_pool(windows[s], rows[s]), _chunks(windows))
        return y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Return dx: dy / (h·w) at each place in its window."""
        if not need_dx:
            return None
        dx = self._empty_input(dy)
        windows, rows = self._windows(dx), _rows(dy)
        parallel.run(lambda s: kernels.avg_pool_backward(rows[s], windows[s]), _chunks(windows))
        return dx


def _rows(y: np.ndarray) -> np.ndarray:
    """Return y (N, P, Q, C) as (N·P, Q, C)."""
    return y.reshape(-1, *y.shape[2:])


def _chunks(windows: np.ndarray) -> list[slice]:
    return parallel.image_chunks(len(windows), windows[:1].nbytes)
