"""What workers need from whatever connects them: messages in order, with arrays, between any two processes.

Two modules beside this one provide it: shared.py for the processes of one machine, mpi.py for many machines.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

ROOT = -1  # the number of the root, which gives commands and gets reports; workers count from 0
SLOTS = 2  # arrays that may be on their way from one process to another: one being read, one being written
CHUNK = 1 << 20  # bytes of a layer that are sent at once


class Transport(ABC):
    """Carries messages from process `me` to others and back: small objects, each with or without an array.

    Messages from one process to another arrive in order. `waited` adds up the seconds spent waiting for messages or
    for free slots.
    """

    def __init__(self, me: int) -> None:
        self.me, self.waited = me, 0.0

    @abstractmethod
    def send(self, to: int, message: Any, array: np.ndarray | None = None) -> None:
        """Send a message, and an array that nothing changes later; wait while `SLOTS` arrays are on their way.

        Raises `LostWorkerError` if the receiver is gone, unless MPI's launcher ends this process first.
        """

    @abstractmethod
    def receive(self, source: int) -> tuple[Any, np.ndarray | None]:
        """Wait for the next message; its array may be read until `release`. Raises `LostWorkerError` like `send`."""

    @abstractmethod
    def release(self, source: int) -> None:
        """Free the slot of the last array received, unless it is free already."""

    def is_same(self, one: int, other: int) -> bool:
        """Return whether two numbers stand for the same process: the root may also be a worker."""
        return one == other

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time of the `with` block as spent waiting."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.waited += time.perf_counter() - start

    def send_all(self, to: int, arrays: Sequence[np.ndarray]) -> int:
        """Send arrays of any size, in chunks that fit into every slot; return their bytes."""
        for array in arrays:
            for chunk in _chunks(array):
                self.send(to, None, chunk)
        return sum(array.nbytes for array in arrays)

    def receive_into(self, source: int, arrays: Sequence[np.ndarray]) -> None:
        """Fill arrays with those that `send_all` sends, which have the same shapes."""
        for array in arrays:
            for chunk in _chunks(array):
                chunk[...] = self.receive(source)[1]
                self.release(source)


def _chunks(array: np.ndarray) -> list[np.ndarray]:
    """Return an array as flat views of at most `CHUNK` bytes each."""
    flat, length = array.reshape(-1), CHUNK // array.itemsize
    return [flat[start : start + length] for start in range(0, flat.size, length)]
