"""Dropout, alone and fused with its neighbours BatchNorm and ReLU.

`dropout` is the plain kernel: layers/activation.py calls it. The three kernels below it serve layers/fused.py, which
runs by default; they give the same bits as kernels/batchnorm.py, ReLU and `dropout` one after another.

Dropout's mask is computed, not drawn: a hash of (key, index) says which entries stay. Such a counter-based
generator needs neither state nor a stored mask, and chunks may run in any order, on any thread.

One after another, BatchNorm, ReLU and dropout pass over a layer's activations eight times, forward and backward
together. Fused, they need only two passes each way:

    forward    1  sums (kernels/batchnorm.py)    Σ(x − x₀), Σ(x − x₀)²
               2  normalise_rectify_drop         y = drop(max((x − mean)·scale + beta, 0))
    backward   1  gated_gradient_sums            Σ g, Σ g·x̂      with g = dy·inv_keep where y > 0, else 0
               2  gated_input_gradient           dx = scale·(g − mean(g) − x̂·mean(g·x̂))

      x          normalised      rectified       dropped = y         dy            g
    3  1 −2        1  0 −2         1  0  0         1·k  0  0        a  b  c       a·k  0  0        k = inv_keep
    5 −1  4   ──►  3 −1  2   ──►   3  0  2   ──►    0   0  2·k      d  e  f   ──►  0   0  f·k        = 1 / (1 − rate)

Of these six arrays only x, y and dy are in memory; the others live in registers. The gate needs no stored mask either:
where ReLU or dropout made an entry zero, y is zero. It is written "not y <= 0", so that a NaN passes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minilocal.compute.compilation import Array, inlined, kernel

# 64-bit integers whose values fit in 32 bits, so that nothing overflows. The compiler notices, and puts as many of them
# into a vector register as float32 activations.
U64 = np.uint64
NONE, MASK, SHIFT16, SHIFT15 = U64(0), U64(0xFFFFFFFF), U64(16), U64(15)
FACTOR1, FACTOR2 = U64(0x7FEB352D), U64(0x846CA68B)

ZERO = np.float32(0)  # an integer zero would make the other branch's float32 number a float64


@inlined
def mix(h: Any) -> Any:
    """Return a well-mixed 32-bit hash of the 32-bit number h (xor-shift, multiply, twice).

    The constants are those of "lowbias32", found by Chris Wellons' search for 32-bit hash functions.
    """
    h = ((h ^ (h >> SHIFT16)) * FACTOR1) & MASK
    h = ((h ^ (h >> SHIFT15)) * FACTOR2) & MASK
    return h ^ (h >> SHIFT16)


@inlined
def stays(index: Any, low: Any, high: Any, threshold: Any) -> Any:
    """Return whether dropout lets an entry stay: its hash under the key's two halves is at least threshold."""
    return threshold == NONE or mix(mix((index + low) & MASK) ^ high) >= threshold


@kernel
def dropout(x: Array, y: Array, first: int, key: int, threshold: int, inv_keep: float) -> None:
    """Write x·inv_keep to y where an entry stays, and zero elsewhere.

    x and y are flat; x[0] is entry number `first` of the whole array. The key has 62 bits, threshold is rate·2³², and
    inv_keep is 1 / (1 − rate). Called with dy in place of x, this gives the input gradient.
    """
    low, high, limit, start = U64(key) & MASK, U64(key) >> U64(32), U64(threshold), U64(first)
    for i in range(x.size):
        y[i] = x[i] * inv_keep if stays(start + U64(i), low, high, limit) else ZERO


@kernel
def normalise_rectify_drop(
    x: Array, mean: Array, scale: Array, beta: Array, y: Array, first: int, key: int, threshold: int, inv_keep: float
) -> None:
    """Write drop(max((x − mean)·scale + beta, 0)) to y, for x and y (rows, C).

    x[0] is row number `first` of the whole array; scale is gamma / sqrt(variance + eps); key, threshold and inv_keep
    are those of `dropout`.
    """
    channels = x.shape[1]
    low, high, limit = U64(key) & MASK, U64(key) >> U64(32), U64(threshold)
    for r in range(x.shape[0]):
        start = U64((first + r) * channels)
        for c in range(channels):
            value = (x[r, c] - mean[c]) * scale[c] + beta[c]
            gate = not value <= 0 and stays(start + U64(c), low, high, limit)
            y[r, c] = value * inv_keep if gate else ZERO


@kernel
def gated_gradient_sums(
    x: Array, y: Array, dy: Array, mean: Array, inv_std: Array, inv_keep: float, total: Array
) -> None:
    """Add Σ g and Σ g·x̂ over the rows to total (2, C), with g = dy·inv_keep where y > 0, else 0."""
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            g = dy[r, c] * inv_keep if not y[r, c] <= 0 else ZERO
            total[0, c] += g
            total[1, c] += g * ((x[r, c] - mean[c]) * inv_std[c])


@kernel
def gated_input_gradient(
    x: Array,
    y: Array,
    dy: Array,
    mean: Array,
    inv_std: Array,
    inv_keep: float,
    scale: Array,
    mean_g: Array,
    mean_g_xhat: Array,
    dx: Array,
) -> None:
    """Write scale·(g − mean(g) − x̂·mean(g·x̂)) to dx, with g = dy·inv_keep where y > 0, else 0."""
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            g = dy[r, c] * inv_keep if not y[r, c] <= 0 else ZERO
            xhat = (x[r, c] - mean[c]) * inv_std[c]
            dx[r, c] = scale[c] * (g - mean_g[c] - xhat * mean_g_xhat[c])
