"""Dropout whose mask is computed, not drawn: a hash of (key, index) says which entries stay.

A counter-based generator needs no state and no stored mask. Backward calls the same kernel with the same key;
chunks may run in any order, on any thread.
"""

from __future__ import annotations

import numpy as np

from minilocal.kernels import kernel

MASK = 0xFFFFFFFF


@kernel
def mix(h: int) -> int:
    """Return a well-mixed 32-bit hash of the 32-bit number h (xor-shift, multiply, twice).

    The constants are "lowbias32" of Chris Wellons' search for 32-bit mixing functions.
    """
    h = ((h ^ (h >> 16)) * 0x7FEB352D) & MASK
    h = ((h ^ (h >> 15)) * 0x846CA68B) & MASK
    return h ^ (h >> 16)


@kernel
def dropout(x: np.ndarray, y: np.ndarray, first: int, key: int, threshold: int, scale: float) -> None:
    """Write x·scale to y where the hash of an entry's index is at least threshold, zero elsewhere.

    x and y are flat, x[0] is entry number `first` of the whole array, key has 62 bits, and threshold is the
    dropout rate times 2³². Calling it with dy for x gives the input gradient.
    """
    low, high = key & MASK, key >> 32
    for i in range(x.size):
        stays = mix(mix((first + i + low) & MASK) ^ high) >= threshold
        y[i] = x[i] * scale if stays else 0
