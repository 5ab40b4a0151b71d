"""Batch normalisation's four passes over (rows, channels): two forward, two backward.

These are the plain kernels, called by layers/batchnorm.py. By default layers/fused.py runs instead, with the kernels of
kernels/activation.py, which do ReLU and dropout in the same passes; both use `sums`. `--plain` trains with these.

    forward    1  sums            Σ(x − x₀), Σ(x − x₀)²         → mean and variance per channel
               2  normalise       y = (x − mean)·scale + beta
    backward   1  gradient_sums   Σ dy, Σ dy·x̂                  → dbeta and dgamma per channel
               2  input_gradient  dx = scale·(dy − mean(dy) − x̂·mean(dy·x̂))

       channels ─►
    r  x x x x        A map (N, H, W, C) is N·H·W rows of C channels. Statistics are taken down the columns, but the
    o  x x x x        inner loop runs along a row, where numbers are neighbours in memory: C sums grow side by side.
    w  x x x x
    s  ▼ ▼ ▼ ▼  Σ

Sums are float64. Each call sees one chunk of rows and adds to that chunk's own sums.
"""

from __future__ import annotations

import numpy as np

from minilocal.compute.compilation import Array, kernel


@kernel
def sums(x: Array, origin: Array, total: Array) -> None:
    """Add Σ(x − origin) and Σ(x − origin)² over x's rows to total (2, C).

    Any origin gives the same variance. One near the data avoids subtracting two large, nearly equal numbers.
    """
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            d = np.float64(x[r, c]) - origin[c]
            total[0, c] += d
            total[1, c] += d * d


@kernel
def normalise(x: Array, mean: Array, scale: Array, beta: Array, y: Array) -> None:
    """Write (x − mean)·scale + beta to y; scale is gamma / sqrt(variance + eps)."""
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            y[r, c] = (x[r, c] - mean[c]) * scale[c] + beta[c]


@kernel
def gradient_sums(x: Array, dy: Array, mean: Array, inv_std: Array, total: Array) -> None:
    """Add Σ dy and Σ dy·x̂ over the rows to total (2, C), with x̂ = (x − mean)·inv_std."""
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            total[0, c] += dy[r, c]
            total[1, c] += dy[r, c] * ((x[r, c] - mean[c]) * inv_std[c])


@kernel
def input_gradient(
    x: Array, dy: Array, mean: Array, inv_std: Array, scale: Array, mean_dy: Array, mean_dy_xhat: Array, dx: Array
) -> None:
    """Write scale·(dy − mean(dy) − x̂·mean(dy·x̂)) to dx; the means are per channel, in the dtype of x."""
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            xhat = (x[r, c] - mean[c]) * inv_std[c]
            dx[r, c] = scale[c] * (dy[r, c] - mean_dy[c] - xhat * mean_dy_xhat[c])
