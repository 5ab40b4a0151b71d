"""ReLU and dropout: what stands between two products."""

from __future__ import annotations

from typing import Any

import numpy as np

from minilocal.compute import memory, parallel
from minilocal.errors import InputError
from minilocal.kernels.activation import dropout
from minilocal.layers.base import Layer


class ReLU(Layer):
    """Rectify: y = max(x, 0), dx = dy where y > 0 and 0 elsewhere; any shape.

    Source: tutorials/reference.md, "ReLU and dropout".
    """

    kept = ("y",)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return max(x, 0)."""
        y = memory.empty_like(x)
        parallel.run(lambda s: np.maximum(x[s], 0, out=y[s]), _chunks(x))
        if training:
            self.y = y
        return y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Return dy where the output was positive."""
        if not need_dx:
            return None
        y, dx = self.recall("y"), memory.empty_like(dy)
        parallel.run(lambda s: np.multiply(dy[s], ~(y[s] <= 0), out=dx[s]), _chunks(dy))  # lets a NaN pass
        return dx


class Dropout(Layer):
    """Inverted dropout: in training each entry becomes 0 with probability rate, else x / (1 − rate); any shape.

    The mask is a function of `key` (set by the training step from seed, step and layer) and of the entry's
    index. Nothing is drawn or stored: backward applies the same mask to dy by computing it again.
    Source: tutorials/reference.md, "ReLU and dropout".
    """

    kept = ("used_key",)

    def __init__(self, rate: float, key: int = 0) -> None:
        super().__init__()
        self.rate, self.key = check_rate(rate), key

    def set_dropout_key(self, key: int) -> None:
        """Fix the mask of the next forward, an integer of at most 62 bits."""
        self.key = key

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return x with entries dropped in training, x itself otherwise."""
        if not training:
            return x
        self.used_key = self.key
        return self._masked(x)

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Return dy under the same mask and scale."""
        if not need_dx:
            return None
        self.recall("used_key")
        return self._masked(dy)

    def _masked(self, x: np.ndarray) -> np.ndarray:
        if self.rate == 0:
            return x
        flat, threshold, scale = x.reshape(-1), int(self.rate * 2**32), x.dtype.type(1 / (1 - self.rate))
        y = memory.empty_like(flat)
        key = self.used_key
        parallel.run(lambda s: dropout(flat[s], y[s], s.start, key, threshold, scale), _chunks(flat))
        return y.reshape(x.shape)

    def __repr__(self) -> str:
        return f"Dropout({self.rate})"


def check_rate(rate: float) -> float:
    """Return a dropout rate; `InputError` unless it is at least 0 and below 1."""
    if not 0 <= rate < 1:
        raise InputError(f"dropout rate is {rate}; it must be at least 0 and below 1")
    return rate


def _chunks(x: np.ndarray) -> list[slice]:
    return parallel.chunks(len(x), x[:1].nbytes, parallel.CHUNK_BYTES // 2)
