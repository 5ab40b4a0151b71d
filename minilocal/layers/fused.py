"""BatchNorm, ReLU and dropout in one layer: fewer passes over the activations, the same bits.

The plain versions are batchnorm.py and activation.py: read those first. A test checks that this
layer and `Sequential(bn=BatchNorm(c), relu=ReLU(), dropout=Dropout(rate))` give the same bits. Networks use this one by
default; `--plain` trains with those three. On a CPU these layers wait for memory, not for arithmetic, so
it pays to go over the activations four times instead of eight.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minilocal.compute import memory, parallel
from minilocal.compute.streams import following_key
from minilocal.kernels.activation import gated_gradient_sums, gated_input_gradient, normalise_rectify_drop
from minilocal.layers.activation import check_rate
from minilocal.layers.batchnorm import BatchNorm, long_rows, means, repeated, row_chunks, sum_over_rows


class BatchNormReLUDropout(BatchNorm):
    """Normalise, rectify and drop out: (N, C) or (N, H, W, C) → the same shape.

        x̂ = (x − mean) / sqrt(variance + 1e-5)         y = drop(max(gamma·x̂ + beta, 0))

    Backward needs only y to know where the gradient passes: g = dy / (1 − rate) where y > 0, else 0. With M values per
    channel,

        dgamma = Σ g·x̂      dbeta = Σ g      dx = gamma / sqrt(variance + 1e-5) · (g − dbeta/M − x̂·dgamma/M)

    Params and state are as in BatchNorm, rate and key as in Dropout. Raises `InputError` unless 0 ≤ rate < 1.
    Source: tutorials/reference.md, "Batch normalisation" and "ReLU and dropout".
    """

    kept = ("x", "y", "mean", "inv_std")

    def __init__(self, channels: int, rate: float, dtype: Any = np.float32, key: int = 0) -> None:
        super().__init__(channels, dtype)
        self.rate, self.key = check_rate(rate), key

    def set_dropout_key(self, key: int) -> int:
        """Set the key of the next forward's mask, an integer of at most 62 bits; return the next dropout's."""
        self.key = key
        return following_key(key)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return x normalised and rectified; in training, also drop entries out and update the running statistics."""
        rows, y = long_rows(x), memory.empty_like(x)
        mean, inv_std = self._statistics(rows, training)
        row_mean, scale, beta = repeated(rows, mean, self.params["gamma"] * inv_std, self.params["beta"])
        threshold, inv_keep = (int(self.rate * 2**32), self._inv_keep()) if training else (0, x.dtype.type(1))
        y_rows, key = y.reshape(rows.shape), self.key
        parallel.run(
            lambda s: normalise_rectify_drop(
                rows[s], row_mean, scale, beta, y_rows[s], s.start, key, threshold, inv_keep
            ),
            row_chunks(rows),
        )
        if training:
            self.x, self.y, self.mean, self.inv_std = x, y, mean, inv_std
        return y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Overwrite dL/dgamma and dL/dbeta; return dL/dx if need_dx."""
        x, inv_keep = self.x, self._inv_keep()
        rows, y_rows, dy_rows = (long_rows(a) for a in (x, self.y, dy))
        mean, inv_std, gamma = repeated(rows, self.mean, self.inv_std, self.params["gamma"])
        dbeta, dgamma = sum_over_rows(
            rows,
            x.shape[-1],
            lambda s, total: gated_gradient_sums(rows[s], y_rows[s], dy_rows[s], mean, inv_std, inv_keep, total),
        )
        self.grads["gamma"][...], self.grads["beta"][...] = dgamma, dbeta
        if not need_dx:
            return None
        scale, (mean_g, mean_g_xhat) = gamma * inv_std, means(rows, dbeta, dgamma)
        dx = memory.empty_like(rows)
        parallel.run(
            lambda s: gated_input_gradient(
                rows[s], y_rows[s], dy_rows[s], mean, inv_std, inv_keep, scale, mean_g, mean_g_xhat, dx[s]
            ),
            row_chunks(rows),
        )
        return dx.reshape(x.shape)

    def _inv_keep(self) -> Any:
        """Return 1 / (1 − rate), the factor of entries that are not dropped, in the parameters' dtype."""
        return self.params["gamma"].dtype.type(1 / (1 - self.rate))
