"""Memory for activations, used again step after step.

A training step needs arrays of tens of megabytes, and the next step needs arrays of the same sizes. Asking the
system for fresh memory each time costs more than some layers do: every page of it is cleared and mapped anew. So
`empty` hands out blocks that earlier arrays have given back. An array gives its block back by itself when nobody
refers to it, or to a view of it, any more:

    y = empty((128, 32, 32, 64), np.float32)      a block of 32 MiB, from the system or from the free ones
    del y                                         free again, for the next array of that size

Nothing needs to be returned by hand, and what a layer keeps for backward cannot be handed out twice.
"""

from __future__ import annotations

import math
import mmap
import weakref
from collections import defaultdict
from typing import Any

import numpy as np

SMALL = 1 << 16  # bytes; below, NumPy's own allocator does as well
ROOMY = 4  # a block may be so many times as large as what is put into it
HOARD = 3  # times the most bytes ever in use at once: holding more means that sizes have changed

_free: defaultdict[int, list[mmap.mmap]] = defaultdict(list)  # size → blocks nobody uses
_in_use = _most_in_use = 0  # bytes handed out
_taken = 0  # bytes ever asked of the system


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an uninitialised array, like `np.empty`, in memory that an earlier array may have left."""
    global _in_use, _most_in_use
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size < SMALL:
        return np.empty(shape, dtype)
    block = _smallest_free(size) or _fresh(size)
    # Views of `whole` keep it alive, because the block is no array that they could refer to instead.
    whole = np.frombuffer(block, np.uint8, count=size)
    weakref.finalize(whole, _give_back, block).atexit = False
    _in_use += len(block)
    _most_in_use = max(_most_in_use, _in_use)
    return whole.view(dtype).reshape(shape)


def _smallest_free(size: int) -> mmap.mmap | None:
    """Take the smallest free block that is large enough, but not much too large."""
    for fitting in sorted(s for s in list(_free) if size <= s <= ROOMY * size):
        try:
            return _free[fitting].pop()
        except IndexError:  # there is none of this size, or another thread was faster
            continue
    return None


def _fresh(size: int) -> mmap.mmap:
    """Ask the system for a block."""
    global _most_in_use, _taken
    if _in_use + free_bytes() > HOARD * _most_in_use:  # another network trains now, or other batches
        _free.clear()
        _most_in_use = _in_use
    _taken += size
    return mmap.mmap(-1, size)


def empty_like(array: np.ndarray) -> np.ndarray:
    """Return an uninitialised array of another's shape and dtype."""
    return empty(array.shape, array.dtype)


def free_bytes() -> int:
    """Return how many bytes wait to be used again."""
    return sum(size * len(blocks) for size, blocks in list(_free.items()))


def taken_bytes() -> int:
    """Return how many bytes the system was ever asked for; it stands still once sizes repeat."""
    return _taken


def _give_back(block: mmap.mmap) -> None:
    # Garbage collection may call this at any moment, in any thread: it takes no lock.
    global _in_use
    _in_use -= len(block)
    _free[len(block)].append(block)
