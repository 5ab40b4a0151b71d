"""What workers need of whatever joins them: messages in order, with arrays behind them, between any two.

Two ways to do it stand beside this file: shared.py, for processes of one machine, and mpi.py, for many machines.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

ROOT = -1  # whoever gives commands and gets reports; workers have numbers from 0
SLOTS = 2  # arrays that may be on their way from one to another: one being read, one being written
PIECE = 1 << 20  # bytes of layers that are sent at once


class Transport(ABC):
    """Carries messages, small objects with an array behind each or none, from `me` to others and back.

    Messages from one to another arrive in order. `waited` adds up the seconds spent waiting, for messages or for room.
    """

    def __init__(self, me: int) -> None:
        self.me, self.waited = me, 0.0

    @abstractmethod
    def send(self, to: int, message: Any, array: np.ndarray | None = None) -> None:
        """Send a message, and an array that nobody changes any more; wait while `SLOTS` arrays are on their way.

        Raises `LostWorkerError` if the other one is gone.
        """

    @abstractmethod
    def receive(self, source: int) -> tuple[Any, np.ndarray | None]:
        """Wait for the next message; its array may be read until `release`. Raises `LostWorkerError` like `send`."""

    @abstractmethod
    def release(self, source: int) -> None:
        """Give back the place of the array that came last, if that has not been done."""

    def is_same(self, one: int, other: int) -> bool:
        """Return whether two of them are one process."""
        return one == other

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time of the block inside as spent waiting."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.waited += time.perf_counter() - start

    def send_all(self, to: int, arrays: Sequence[np.ndarray]) -> int:
        """Send arrays, in pieces that always find room; return their bytes."""
        for array in arrays:
            for piece in _pieces(array):
                self.send(to, None, piece)
        return sum(array.nbytes for array in arrays)

    def receive_into(self, source: int, arrays: Sequence[np.ndarray]) -> None:
        """Fill arrays with what `send_all` sends of arrays of the same shapes."""
        for array in arrays:
            for piece in _pieces(array):
                piece[...] = self.receive(source)[1]
                self.release(source)


def _pieces(array: np.ndarray) -> list[np.ndarray]:
    """Return an array as flat pieces of at most `PIECE` bytes: views of it."""
    flat, length = array.reshape(-1), PIECE // array.itemsize
    return [flat[start : start + length] for start in range(0, flat.size, length)]
