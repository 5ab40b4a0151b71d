"""Batch normalisation's four passes over (rows, channels): two forward, two backward.

    forward    1  sums            Σ(x − x₀), Σ(x − x₀)²         → mean, variance, per channel
               2  normalise       y = (x − mean)·scale + beta
    backward   1  gradient_sums   Σ dy, Σ dy·x̂                  → d beta, d gamma, per channel
               2  input_gradient  dx = scale·(dy − mean(dy) − x̂·mean(dy·x̂))

       channels ─►
    r  x x x x        A map (N, H, W, C) is N·H·W rows of C channels. Statistics are down the columns, and the inner
    o  x x x x        loop still runs along a row, where numbers are neighbours: C sums grow side by side.
    w  x x x x
    s  ▼ ▼ ▼ ▼  Σ

Sums are taken in float64. Each call sees one chunk of rows and adds to that chunk's own sums.
"""

from __future__ import annotations

import numpy as np

from minilocal.compute.compilation import kernel


@kernel
def sums(x: np.ndarray, origin: np.ndarray, total: np.ndarray) -> None:
    """Add Σ(x − origin) and Σ(x − origin)² over x's rows to total (2, C).

    Any origin gives the same variance; one near the data keeps the difference of two large numbers small.
    """
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            d = np.float64(x[r, c]) - origin[c]
            total[0, c] += d
            total[1, c] += d * d


@kernel
def normalise(x: np.ndarray, mean: np.ndarray, scale: np.ndarray, beta: np.ndarray, y: np.ndarray) -> None:
    """Write (x − mean)·scale + beta to y; scale is gamma / sqrt(variance + eps)."""
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            y[r, c] = (x[r, c] - mean[c]) * scale[c] + beta[c]


@kernel
def gradient_sums(x: np.ndarray, dy: np.ndarray, mean: np.ndarray, inv_std: np.ndarray, total: np.ndarray) -> None:
    """Add Σ dy and Σ dy·x̂ over the rows to total (2, C), with x̂ = (x − mean)·inv_std."""
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            total[0, c] += dy[r, c]
            total[1, c] += dy[r, c] * ((x[r, c] - mean[c]) * inv_std[c])


@kernel
def input_gradient(
    x: np.ndarray,
    dy: np.ndarray,
    mean: np.ndarray,
    inv_std: np.ndarray,
    scale: np.ndarray,
    mean_dy: np.ndarray,
    mean_dy_xhat: np.ndarray,
    dx: np.ndarray,
) -> None:
    """Write scale·(dy − mean(dy) − x̂·mean(dy·x̂)) to dx."""
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            xhat = (x[r, c] - mean[c]) * inv_std[c]
            dx[r, c] = scale[c] * (dy[r, c] - mean_dy[c] - xhat * mean_dy_xhat[c])
