"""Cut work into chunks and run them on a pool of threads, while BLAS is held to one thread.

Work is cut here and nowhere else. Two rules make results equal to the last bit for any number of threads: chunks depend
on shapes alone (never on cores, cache sizes or timings), and each chunk has its own partial sum, added in chunk order.
Which thread computes a chunk varies; what it computes does not.

    run(task, chunks)      thread 0:  chunk 0   chunk 2   chunk 3 ...     (each thread takes the next chunk
                           thread 1:  chunk 1             chunk 4 ...      as soon as it is free)

Tasks spend their time in NumPy's BLAS and in kernels compiled with nogil=True. Both release Python's interpreter lock,
so threads really run side by side.
"""

from __future__ import annotations

import contextlib
import contextvars
import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from queue import SimpleQueue
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import OpenBLASController, ThreadpoolController

from minilocal.compute import memory
from minilocal.errors import InputError

T = TypeVar("T")

CHUNK_BYTES = 1 << 20  # the memory that one chunk touches should fit in a core's own cache
LEAST_BYTES = 1 << 18  # with less memory to touch, a chunk is done before another thread has woken up
LEAST_PRODUCTS = 1 << 21  # likewise: numbers to multiply
MOST_CHUNKS = 32  # unless the cache needs more; fewer would leave the cores of large machines idle

_local = threading.local()
_lock = threading.Lock()
_holders = 0  # how many `one_blas_thread` blocks are open, in all threads together
_limit: Any = None
_controller: ThreadpoolController | None = None
_jobs: SimpleQueue[tuple[Callable[[], None], SimpleQueue]] = SimpleQueue()
_helpers = 0  # how many helper threads there are, besides those that call `run`
_threads: int | None = None


def available_threads() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_threads(threads: int | None) -> None:
    """Use this many threads from now on; None means one per processor that this process may use.

    Raises `InputError` if `threads` is below 1.
    """
    global _threads
    if threads is not None and threads < 1:
        raise InputError(f"threads is {threads}; it must be at least 1")
    _threads = threads


def get_threads() -> int:
    """Return the number of threads in use."""
    return _threads or available_threads()


def chunks(items: int, item_bytes: int, chunk_bytes: int = CHUNK_BYTES) -> list[slice]:
    """Cut `items` items of `item_bytes` each into consecutive slices of about `chunk_bytes`.

    >>> chunks(10, 256, chunk_bytes=1024)
    [slice(0, 4, None), slice(4, 8, None), slice(8, 10, None)]
    """
    return _slices(items, max(1, chunk_bytes // max(1, item_bytes)))


def image_chunks(images: int, image_bytes: int) -> list[slice]:
    """Cut a batch of images so that a chunk fits the cache and up to `MOST_CHUNKS` threads have enough to do.

    >>> len(image_chunks(128, 10_000)), len(image_chunks(128, 10**6)), len(image_chunks(128, 100))
    (5, 64, 1)
    """
    fitting, least = 2 * CHUNK_BYTES // max(1, image_bytes), LEAST_BYTES // max(1, image_bytes)
    return _slices(images, max(1, min(fitting, max(least, -(-images // MOST_CHUNKS)))))


def lanes(images: int, most: int = 8) -> list[slice]:
    """Cut a batch into at most `most` lanes, consecutive slices; each lane can keep one partial sum.

    >>> lanes(10, most=3)
    [slice(0, 4, None), slice(4, 8, None), slice(8, 10, None)]
    """
    return _slices(images, -(-images // most))


def _slices(items: int, step: int) -> list[slice]:
    return [slice(i, min(i + step, items)) for i in range(0, items, max(1, step))]


def run(task: Callable[[Any], T], chunks: Sequence[Any]) -> list[T]:
    """Call `task(chunk)` for each chunk, on all threads, and return the results in the order of the chunks.

    If a task calls `run` itself, those chunks run one after another, on its thread. Raises what a task raises.
    """
    if inside():
        return [task(chunk) for chunk in chunks]
    helpers = min(get_threads(), len(chunks)) - 1
    with one_blas_thread():
        if helpers < 1:
            return [task(chunk) for chunk in chunks]
        results: list[Any] = [None] * len(chunks)
        numbers = count()

        def work() -> None:
            while (number := next(numbers)) < len(chunks):
                results[number] = task(chunks[number])

        done: SimpleQueue[BaseException | None] = SimpleQueue()
        _hire(helpers)
        for _ in range(helpers):
            # With a copy of the context, so that the caller's np.errstate applies in the helpers too.
            _jobs.put((partial(contextvars.copy_context().run, work), done))
        _local.inside = True
        try:
            work()  # the calling thread works too
        finally:
            _local.inside = False
            errors = [done.get() for _ in range(helpers)]
        for error in errors:
            if error is not None:
                raise error
        return results


def inside() -> bool:
    """Return whether the caller is a task on one of several threads, so that its own chunks would run in sequence.

    Work whose chunks aren't summed may then stay whole, which saves calls and gives the same bits.
    """
    return getattr(_local, "inside", False)


def _hire(helpers: int) -> None:
    """Start helper threads until there are at least that many; those without a job sleep."""
    global _helpers
    with _lock:
        while _helpers < helpers:
            threading.Thread(target=_help, name=f"minilocal-{_helpers}", daemon=True).start()
            _helpers += 1


def _help() -> None:
    """Do one job after another: the life of a helper thread.

    The standard library's pools take twice as long to hand over a job, and a step hands over several hundred.
    """
    _local.inside = True
    while True:
        work, done = _jobs.get()
        try:
            work()
            done.put(None)
        except BaseException as error:  # the thread that called `run` raises it
            done.put(error)
        del work, done  # or they would hold on to arrays while this thread sleeps


def _after_fork() -> None:
    """In a forked process, which has none of its parent's other threads: forget what they held, and the helpers."""
    global _helpers, _jobs, _lock, _holders, _limit
    _helpers, _jobs, _lock = 0, SimpleQueue(), threading.Lock()
    _local.inside, _holders = False, getattr(_local, "holders", 0)
    if _limit is not None and _holders == 0:
        _unowned(_limit.restore_original_limits)
        _limit = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread inside the `with` block, and give its threads back afterwards.

    It is safe to call OpenBLAS from several threads at once only while its own pool has one thread. Blocks may nest.
    Only the outermost one pays for the switch, so a training step wraps itself in one.
    """
    global _holders, _limit, _controller
    with _lock:
        _holders, _local.holders = _holders + 1, getattr(_local, "holders", 0) + 1
        if _holders == 1:
            if _controller is None:
                _controller = ThreadpoolController()
            _limit = _unowned(partial(_controller.limit, limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _lock:
            _holders, _local.holders = _holders - 1, _local.holders - 1
            if _holders == 0:
                _unowned(_limit.restore_original_limits)
                _limit = None


def _unowned(change: Callable[[], T]) -> T:
    """Change BLAS's limit from whichever thread this is, and leave it to all threads.

    Since threadpoolctl 3.8, the first thread that changes OpenBLAS's limit owns it: changes from other threads would be
    ignored without a word.
    """
    disown = getattr(OpenBLASController, "clear_controlling_thread", lambda force: None)
    disown(force=True)
    try:
        return change()
    finally:
        disown(force=True)


def scratch(name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return this thread's buffer of that name as an uninitialised array, in memory that is reused.

    The next call with the same name overwrites it, so it must never leave the task that asked for it.
    """
    buffers = _local.__dict__.setdefault("buffers", {})
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if name not in buffers or buffers[name].nbytes < size:
        buffers[name] = np.empty(size, np.uint8)
    return buffers[name][:size].view(dtype).reshape(shape)


def matmul(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Return the matrix product a @ b of a (M, K) and b (K, N), cut into chunks along the longer side of the result."""
    rows, columns = a.shape[0], b.shape[1]
    if out is None:
        out = memory.empty((rows, columns), a.dtype)
    result = out
    worthwhile = max(1, rows * columns * a.shape[1] // LEAST_PRODUCTS)
    if rows >= columns:
        run(
            lambda s: np.matmul(a[s], b, out=result[s]), lanes(rows, min(worthwhile, MOST_CHUNKS if rows > 1024 else 4))
        )
    else:
        run(lambda s: np.matmul(a, b[:, s], out=result[:, s]), lanes(columns, min(worthwhile, 4)))
    return out
