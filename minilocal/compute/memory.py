"""Memory for activations, reused in each step.

A training step needs arrays of tens of megabytes, and the next step needs arrays of the same sizes. Asking the system
for new memory each time would take longer than some layers do, because it clears and maps every page. So `empty`
returns blocks that earlier arrays have freed. A block is freed as soon as nothing refers to its array any more, or to a
view of it:

    y = empty((128, 32, 32, 64), np.float32)      a block of 32 MiB, free or new
    del y                                         free again, for the next array of that size

Nothing has to be returned by hand, and an array that a layer keeps for backward can't be handed out twice.
"""

from __future__ import annotations

import math
import mmap
import weakref
from collections import defaultdict
from typing import Any

import numpy as np

SMALL = 1 << 16  # bytes; for smaller arrays NumPy's own allocator does as well
ROOMY = 4  # a block may be at most this many times as large as its array
HOARD = 3  # times `_most_in_use`; if we hold more bytes than that, array sizes have changed

# By default a forked child would share the pages, and its numbers would appear in the parent's arrays.
PRIVATE: dict[str, int] = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}

# Garbage collection may free a block at any moment, in any thread. Single operations on these dicts are safe even then;
# a running sum of bytes would not be, and a lock could deadlock.
_free: defaultdict[int, list[mmap.mmap]] = defaultdict(list)  # size → free blocks
_in_use: dict[int, int] = {}  # address → size of the blocks in use
_most_in_use = 0  # the most bytes in use at any one time since `_free` was last emptied


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an uninitialised array, like `np.empty`, in memory that an earlier array may have used.

    Raises `MemoryError` if the system has no memory left.
    """
    global _most_in_use
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size < SMALL:
        return np.empty(shape, dtype)
    block = _smallest_free(size) or _fresh(size)
    # Views refer to `whole` and so keep it alive; if its memory were an array too, they would refer to that instead.
    whole = np.frombuffer(block, np.uint8, count=size)
    address = whole.__array_interface__["data"][0]
    _in_use[address] = len(block)
    weakref.finalize(whole, _give_back, address, block).atexit = False
    _most_in_use = max(_most_in_use, bytes_in_use())
    return whole.view(dtype).reshape(shape)


def _smallest_free(size: int) -> mmap.mmap | None:
    """Take the smallest free block that is large enough and not much too large, if there is one."""
    for fitting in sorted(s for s in list(_free) if size <= s <= ROOMY * size):
        try:
            return _free[fitting].pop()
        except IndexError:  # no block of this size is left, or another thread was faster
            continue
    return None


def _fresh(size: int) -> mmap.mmap:
    """Ask the system for a new block."""
    global _most_in_use
    if bytes_in_use() + bytes_free() > HOARD * _most_in_use:  # another network trains now, or batches have another size
        _free.clear()
        _most_in_use = bytes_in_use()
    try:
        return mmap.mmap(-1, size, **PRIVATE)
    except OSError as error:
        raise MemoryError(f"the system can't give {size:,} bytes of memory") from error


def _give_back(address: int, block: mmap.mmap) -> None:
    _in_use.pop(address, None)
    _free[len(block)].append(block)


def empty_like(array: np.ndarray) -> np.ndarray:
    """Return an uninitialised array with another one's shape and dtype."""
    return empty(array.shape, array.dtype)


def bytes_in_use() -> int:
    """Return how many bytes the arrays in use occupy."""
    return sum(_in_use.copy().values())


def bytes_free() -> int:
    """Return how many bytes are free for reuse."""
    return sum(size * len(blocks) for size, blocks in _free.copy().items())
