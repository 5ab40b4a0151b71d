"""Processes on one machine or many, joined by MPI: `mpiexec -n 5 python -m minilocal.train --parallel mpi`.

Rank k is worker k; rank 0 is also the root. A message is one MPI message; the array that goes with it is another, sent
straight from where it lies in memory. To wait, a rank polls, with short sleeps in between: MPI's own way of waiting
would keep a processor busy that others need.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from minilocal.compute import memory
from minilocal.pipeline.transport import ROOT, SLOTS, Transport

SHORTEST, LONGEST = 2e-5, 1e-3  # seconds of sleep between two polls


class MPITransport(Transport):
    """Joins worker `me`, or the root, to the others, through `comm`, a communicator of mpi4py.

    Rank 0 is both root and worker 0. What it sends from one to the other is given to `deliver`; what it receives from
    the other lies in `mailbox`. If another rank dies, the MPI launcher ends this process.
    """

    def __init__(self, me: int, comm: Any) -> None:
        super().__init__(me)
        self.comm = comm
        self.mailbox: deque[Any] = deque()
        self.deliver: Callable[[Any], object] = self.mailbox.append
        self.sent: dict[int, deque[Any]] = {}  # by receiver: requests of arrays that are still on their way

    def send(self, to: int, message: Any, array: np.ndarray | None = None) -> None:
        """Send a message, and an array, which MPI reads from where it lies."""
        if self.is_same(to, self.me):
            self.deliver(message)
            return
        address = _rank(to), _tag(self.me, to)
        if array is None:
            self.comm.send((message, None, None), *address)
            return
        sent = self.sent.setdefault(to, deque())
        while len(sent) >= SLOTS:
            self._wait(sent.popleft().Test)
        self.comm.send((message, array.shape, array.dtype.str), *address)
        sent.append(self.comm.Isend(array, *address))

    def receive(self, source: int) -> tuple[Any, np.ndarray | None]:
        """Wait for the next message and its array."""
        if self.is_same(source, self.me):
            return self.mailbox.popleft(), None
        address = _rank(source), _tag(source, self.me)
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
        """Return whether two numbers stand for the same process: those of the root and worker 0 do."""
        return _rank(one) == _rank(other)

    def finish(self) -> None:
        """Wait until all arrays sent have been received."""
        for sent in self.sent.values():
            while sent:
                self._wait(sent.popleft().Test)

    def _wait(self, ready: Callable[[], bool]) -> None:
        pause = SHORTEST
        with self.waiting():
            while not ready():
                time.sleep(pause)
                pause = min(2 * pause, LONGEST)


def _rank(member: int) -> int:
    return 0 if member == ROOT else member


def _tag(source: int, to: int) -> int:
    """Return what tells messages between the same two ranks apart: rank 0 acts as root or as worker 0."""
    return (source == ROOT) + 2 * (to == ROOT)
