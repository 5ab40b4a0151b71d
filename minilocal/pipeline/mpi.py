"""Processes of one machine or many, joined by MPI: `mpiexec -n 5 python -m minilocal.train --parallel mpi`.

Rank k is worker k; rank 0 is the root besides. A message goes as one MPI message, and an array behind it as another,
straight from the memory where it lies. Waiting is looking again and again, with short sleeps in between: MPI's own way
of waiting would keep a processor busy that others need.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from mpi4py import MPI

from minilocal.compute import memory
from minilocal.errors import LostWorkerError
from minilocal.pipeline.transport import ROOT, SLOTS, Transport

SHORTEST, LONGEST = 2e-5, 1e-3  # seconds of a sleep


class MPITransport(Transport):
    """Joins worker `me`, or the root, to others.

    What rank 0 sends to itself, as root to worker 0 or back, goes to `deliver`, and what it gets from itself is in
    `mailbox`. `check` is called while waiting, to raise if that makes no sense any more.
    """

    def __init__(self, me: int, comm: MPI.Comm, check: Callable[[], None]) -> None:
        super().__init__(me)
        self.comm, self.check = comm, check
        self.mailbox: deque[Any] = deque()
        self.deliver: Callable[[Any], object] = self.mailbox.append
        self.sent: dict[int, deque[MPI.Request]] = {}

    def send(self, to: int, message: Any, array: np.ndarray | None = None) -> None:
        """Send a message, and an array that MPI fetches from where it lies."""
        if self.is_same(to, self.me):
            self.deliver(message)
            return
        under_way, address = self.sent.setdefault(to, deque()), (_rank(to), _tag(self.me, to))
        with _noticing_loss():
            if array is None:
                self.comm.send((message, None, None), *address)
                return
            while len(under_way) >= SLOTS:
                self._wait(under_way.popleft().Test)
            self.comm.send((message, array.shape, array.dtype.str), *address)
            under_way.append(self.comm.Isend(array, *address))

    def receive(self, source: int) -> tuple[Any, np.ndarray | None]:
        """Wait for the next message, and its array."""
        if self.is_same(source, self.me):
            return self.mailbox.popleft(), None
        address = _rank(source), _tag(source, self.me)
        with _noticing_loss():
            self._wait(lambda: self.comm.Iprobe(*address))
            message, shape, dtype = self.comm.recv(None, *address)
            if shape is None:
                return message, None
            array = memory.empty(shape, np.dtype(dtype))
            self._wait(self.comm.Irecv(array, *address).Test)
            return message, array

    def release(self, source: int) -> None:
        """Do nothing: received arrays have memory of their own."""

    def is_same(self, one: int, other: int) -> bool:
        """Return whether two of them are one process: the root and worker 0 are."""
        return _rank(one) == _rank(other)

    def finish(self) -> None:
        """Wait until all that was sent has been fetched."""
        with _noticing_loss():
            for under_way in self.sent.values():
                while under_way:
                    self._wait(under_way.popleft().Test)

    def _wait(self, ready: Callable[[], bool]) -> None:
        pause = SHORTEST
        with self.waiting():
            while not ready():
                self.check()
                time.sleep(pause)
                pause = min(2 * pause, LONGEST)


@contextmanager
def _noticing_loss() -> Iterator[None]:
    """Turn what MPI itself may say when a rank is gone into `LostWorkerError`."""
    try:
        yield
    except MPI.Exception as error:
        raise LostWorkerError(f"MPI says: {error}") from None


def _rank(member: int) -> int:
    return 0 if member == ROOT else member


def _tag(source: int, to: int) -> int:
    """Return what tells apart messages between the same two ranks: rank 0 sends, and gets, as root or as worker."""
    return (source == ROOT) + 2 * (to == ROOT)
