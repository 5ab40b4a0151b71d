"""BatchNorm, ReLU and dropout in one: fewer passes over the activations, the same numbers.

The readable statement is `Sequential(bn=BatchNorm(c), relu=ReLU(), dropout=Dropout(rate))` in batchnorm.py and
activation.py; a test holds this layer to it, bit for bit. On a CPU these layers wait for memory, not for arithmetic,
so each pass that is saved counts: eight become four.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minilocal.compute import memory, parallel
from minilocal.kernels import activation as kernels
from minilocal.layers.activation import check_rate
from minilocal.layers.base import check_input
from minilocal.layers.batchnorm import BatchNorm, row_chunks, sum_over_rows


class BatchNormReLUDropout(BatchNorm):
    """Normalise, rectify and drop: (N, C) or (N, H, W, C) → the same shape.

        x̂ = (x − mean) / sqrt(variance + 1e-5)         y = drop(max(gamma·x̂ + beta, 0))

    Backward sees from y alone where the gradient passes: g = dy / (1 − rate) where y > 0, and 0 elsewhere. With M
    values per channel,

        dgamma = Σ g·x̂      dbeta = Σ g      dx = gamma / sqrt(variance + 1e-5) · (g − dbeta/M − x̂·dgamma/M)

    Params and state: BatchNorm's. `key`: Dropout's.
    Source: tutorials/reference.md, "Batch normalisation" and "ReLU and dropout".
    """

    kept = ("x", "y", "mean", "inv_std")

    def __init__(self, channels: int, rate: float, dtype: Any = np.float32, key: int = 0) -> None:
        super().__init__(channels, dtype)
        self.rate, self.key = check_rate(rate), key

    def set_dropout_key(self, key: int) -> None:
        """Fix the mask of the next forward, an integer of at most 62 bits."""
        self.key = key

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return the normalised, rectified and, in training, dropped x; in training, update the running statistics."""
        check_input(self, x)
        rows, y = x.reshape(-1, x.shape[-1]), memory.empty_like(x)
        mean, inv_std = self._statistics(rows, training)
        scale, beta = self.params["gamma"] * inv_std, self.params["beta"]
        threshold, kept = (int(self.rate * 2**32), self._kept()) if training else (0, x.dtype.type(1))
        y_rows, key = y.reshape(rows.shape), self.key
        parallel.run(
            lambda s: kernels.normalise_rectify_drop(
                rows[s], mean, scale, beta, y_rows[s], s.start, key, threshold, kept
            ),
            row_chunks(rows),
        )
        if training:
            self.x, self.y, self.mean, self.inv_std = x, y, mean, inv_std
        return y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Overwrite dL/dgamma and dL/dbeta; return dL/dx if need_dx."""
        x, mean, inv_std, kept = self.recall("x"), self.recall("mean"), self.recall("inv_std"), self._kept()
        rows, y_rows, dy_rows = (a.reshape(-1, x.shape[-1]) for a in (x, self.recall("y"), dy))
        dbeta, dgamma = sum_over_rows(
            rows,
            lambda s, total: kernels.gated_gradient_sums(rows[s], y_rows[s], dy_rows[s], mean, inv_std, kept, total),
        )
        self.grads["gamma"][...], self.grads["beta"][...] = dgamma, dbeta
        if not need_dx:
            return None
        scale = self.params["gamma"] * inv_std
        mean_g, mean_g_xhat = (dbeta / len(rows)).astype(x.dtype), (dgamma / len(rows)).astype(x.dtype)
        dx = memory.empty_like(rows)
        parallel.run(
            lambda s: kernels.gated_input_gradient(
                rows[s], y_rows[s], dy_rows[s], mean, inv_std, kept, scale, mean_g, mean_g_xhat, dx[s]
            ),
            row_chunks(rows),
        )
        return dx.reshape(x.shape)

    def _kept(self) -> Any:
        """Return the factor of what dropout keeps, as a number of the parameters' type."""
        return self.params["gamma"].dtype.type(1 / (1 - self.rate))
