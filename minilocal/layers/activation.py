"""ReLU and dropout, each as a layer of its own.

These are the plain layers. By default networks use layers/fused.py instead, which does BatchNorm, ReLU and dropout in
one layer and gives the same bits; `--plain` trains with these.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minilocal.compute import memory, parallel
from minilocal.compute.streams import following_key
from minilocal.errors import InputError
from minilocal.kernels.activation import dropout
from minilocal.layers.base import Layer


class ReLU(Layer):
    """Rectify: y = max(x, 0); dx = dy where y > 0, else 0. Any shape.

    Source: tutorials/reference.md, "ReLU and dropout".
    """

    kept = ("y",)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return max(x, 0); in training, keep it."""
        y = memory.empty_like(x)
        parallel.run(lambda s: np.maximum(x[s], 0, out=y[s]), _chunks(x))
        if training:
            self.y = y
        return y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Return dy where the output was positive, else 0."""
        if not need_dx:
            return None
        y, dx = self.y, memory.empty_like(dy)
        parallel.run(lambda s: np.multiply(dy[s], ~(y[s] <= 0), out=dx[s]), _chunks(dy))  # NaN passes
        return dx


class Dropout(Layer):
    """Inverted dropout: in training each entry becomes 0 with probability rate, else x / (1 − rate). Any shape.

    The mask is a function of `key`, which the training step makes from seed, step and layer, and of the entry's index.
    No mask is drawn or stored: backward computes the same mask again and applies it to dy.

    Raises `InputError` unless 0 ≤ rate < 1. Source: tutorials/reference.md, "ReLU and dropout".
    """

    kept = ("used_key",)

    def __init__(self, rate: float, key: int = 0) -> None:
        super().__init__()
        self.rate, self.key = check_rate(rate), key

    def set_dropout_key(self, key: int) -> int:
        """Set the key of the next forward's mask, an integer of at most 62 bits; return the next dropout's."""
        self.key = key
        return following_key(key)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return x with entries dropped in training, else x itself."""
        if not training:
            return x
        self.used_key = self.key
        return self._masked(x)

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Return dy with the same entries dropped and the others scaled in the same way."""
        return self._masked(dy) if need_dx else None

    def _masked(self, x: np.ndarray) -> np.ndarray:
        if self.rate == 0:
            return x
        flat, threshold, inv_keep = x.reshape(-1), int(self.rate * 2**32), x.dtype.type(1 / (1 - self.rate))
        y, key = memory.empty_like(flat), self.used_key
        parallel.run(lambda s: dropout(flat[s], y[s], s.start, key, threshold, inv_keep), _chunks(flat))
        return y.reshape(x.shape)

    def __repr__(self) -> str:
        return f"Dropout({self.rate})"


def check_rate(rate: float) -> float:
    """Return the dropout rate; raise `InputError` unless it is at least 0 and below 1."""
    if not 0 <= rate < 1:
        raise InputError(f"dropout rate is {rate}; it must be at least 0 and below 1")
    return rate


def _chunks(x: np.ndarray) -> list[slice]:
    return parallel.chunks(len(x), x[:1].nbytes, parallel.CHUNK_BYTES // 2)
