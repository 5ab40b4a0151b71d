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

# Garbage collection may give a block back at any moment, in any thread. Single operations on these dicts are safe
# then; that is why there is no running sum of bytes, and no lock.
_free: defaultdict[int, list[mmap.mmap]] = defaultdict(list)  # size → blocks nobody uses
_in_use: dict[int, int] = {}  # address → size of the blocks handed out
_most_in_use = 0  # bytes, at any one time
_taken = 0  # bytes ever asked of the system


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an uninitialised array, like `np.empty`, in memory that an earlier array may have left.

    Raises `MemoryError` if the system has none.
    """
    global _most_in_use
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size < SMALL:
        return np.empty(shape, dtype)
    block = _smallest_free(size) or _fresh(size)
    # Views of `whole` keep it alive, because the block is no array that they could refer to instead.
    whole = np.frombuffer(block, np.uint8, count=size)
    address = whole.__array_interface__["data"][0]
    _in_use[address] = len(block)
    weakref.finalize(whole, _give_back, address, block).atexit = False
    _most_in_use = max(_most_in_use, bytes_in_use())
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
    if bytes_in_use() + bytes_free() > HOARD * _most_in_use:  # another network trains now, or other batches
        _free.clear()
        _most_in_use = bytes_in_use()
    _taken += size
    try:
        return mmap.mmap(-1, size)
    except OSError as error:
        raise MemoryError(f"the system has no {size:,} bytes of memory left") from error


def _give_back(address: int, block: mmap.mmap) -> None:
    _in_use.pop(address, None)
    _free[len(block)].append(block)


def empty_like(array: np.ndarray) -> np.ndarray:
    """Return an uninitialised array of another's shape and dtype."""
    return empty(array.shape, array.dtype)


def bytes_in_use() -> int:
    """Return how many bytes are handed out."""
    return sum(_in_use.copy().values())


def bytes_free() -> int:
    """Return how many bytes wait to be used again."""
    return sum(size * len(blocks) for size, blocks in _free.copy().items())


def bytes_taken() -> int:
    """Return how many bytes the system was ever asked for; it stands still once sizes repeat."""
    return _taken
