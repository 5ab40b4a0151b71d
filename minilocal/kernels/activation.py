"""Dropout, alone and in one pass with its neighbours BatchNorm and ReLU.

Dropout's mask is computed, not drawn: a hash of (key, index) says which entries stay. A counter-based generator
needs no state and no stored mask, and chunks may run in any order, on any thread.

A CBRD layer's three elementwise steps, one after the other, walk over its activations eight times forward and
backward. Done together, two passes forward and two backward are enough:

    forward    1  sums (kernels/batchnorm.py)    Σ(x − x₀), Σ(x − x₀)²
               2  normalise_rectify_drop         y = drop(max((x − mean)·scale + beta, 0))
    backward   1  gated_gradient_sums            Σ g, Σ g·x̂      with g = dy·kept where y > 0, else 0
               2  gated_input_gradient           dx = scale·(g − mean(g) − x̂·mean(g·x̂))

      x          normalised      rectified       dropped = y         dy            g
    3  1 −2        1  0 −2         1  0  0         1·k  0  0        a  b  c       a·k  0  0        k = kept
    5 −1  4   ──►  3 −1  2   ──►   3  0  2   ──►    0   0  2·k      d  e  f   ──►  0   0  f·k

Every box but x, y and dy stays in a register. The gate needs no mask either: an entry that was rectified or dropped
is a zero in y. It is written "not y <= 0", so that a NaN passes. `kept` = 1 / (1 − rate).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minilocal.compute.compilation import kernel

# Numbers of 64 bits that never exceed 32, so that nothing overflows. The compiler sees that, and a vector holds as many
# of them as it holds float32 activations.
U64 = np.uint64
NONE, MASK, SHIFT16, SHIFT15 = U64(0), U64(0xFFFFFFFF), U64(16), U64(15)
FACTOR1, FACTOR2 = U64(0x7FEB352D), U64(0x846CA68B)

ZERO = np.float32(0)  # an integer would turn the float32 number in the other branch into float64


@kernel
def mix(h: Any) -> Any:
    """Return a well-mixed 32-bit hash of the 32-bit number h (xor-shift, multiply, twice).

    The constants are "lowbias32" of Chris Wellons' search for 32-bit mixing functions.
    """
    h = ((h ^ (h >> SHIFT16)) * FACTOR1) & MASK
    h = ((h ^ (h >> SHIFT15)) * FACTOR2) & MASK
    return h ^ (h >> SHIFT16)


@kernel
def stays(index: Any, low: Any, high: Any, threshold: Any) -> Any:
    """Return whether dropout keeps an entry: its hash under the key's two halves is at least threshold."""
    return threshold == NONE or mix(mix((index + low) & MASK) ^ high) >= threshold


@kernel
def dropout(x: np.ndarray, y: np.ndarray, first: int, key: int, threshold: int, kept: float) -> None:
    """Write x·kept to y where dropout keeps an entry, zero elsewhere.

    x and y are flat, x[0] is entry number `first` of the whole array, key has 62 bits, and threshold is the
    dropout rate times 2³². Calling it with dy for x gives the input gradient.
    """
    low, high, limit, start = U64(key) & MASK, U64(key) >> U64(32), U64(threshold), U64(first)
    for i in range(x.size):
        y[i] = x[i] * kept if stays(start + U64(i), low, high, limit) else ZERO


@kernel
def normalise_rectify_drop(
    x: np.ndarray,
    mean: np.ndarray,
    scale: np.ndarray,
    beta: np.ndarray,
    y: np.ndarray,
    first: int,
    key: int,
    threshold: int,
    kept: float,
) -> None:
    """Write drop(max((x − mean)·scale + beta, 0)) to y, for x and y (rows, C) that begin at row `first`."""
    channels = x.shape[1]
    low, high, limit = U64(key) & MASK, U64(key) >> U64(32), U64(threshold)
    for r in range(x.shape[0]):
        start = U64((first + r) * channels)
        for c in range(channels):
            value = (x[r, c] - mean[c]) * scale[c] + beta[c]
            gate = not value <= 0 and stays(start + U64(c), low, high, limit)
            y[r, c] = value * kept if gate else ZERO


@kernel
def gated_gradient_sums(
    x: np.ndarray, y: np.ndarray, dy: np.ndarray, mean: np.ndarray, inv_std: np.ndarray, kept: float, total: np.ndarray
) -> None:
    """Add Σ g and Σ g·x̂ over the rows to total (2, C), with g = dy·kept where y > 0 and 0 elsewhere."""
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            g = dy[r, c] * kept if not y[r, c] <= 0 else ZERO
            total[0, c] += g
            total[1, c] += g * ((x[r, c] - mean[c]) * inv_std[c])


@kernel
def gated_input_gradient(
    x: np.ndarray,
    y: np.ndarray,
    dy: np.ndarray,
    mean: np.ndarray,
    inv_std: np.ndarray,
    kept: float,
    scale: np.ndarray,
    mean_g: np.ndarray,
    mean_g_xhat: np.ndarray,
    dx: np.ndarray,
) -> None:
    """Write scale·(g − mean(g) − x̂·mean(g·x̂)) to dx, with g = dy·kept where y > 0 and 0 elsewhere."""
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            g = dy[r, c] * kept if not y[r, c] <= 0 else ZERO
            xhat = (x[r, c] - mean[c]) * inv_std[c]
            dx[r, c] = scale[c] * (g - mean_g[c] - xhat * mean_g_xhat[c])
