"""Processes of one machine, connected by pipes for messages and by shared memory for arrays.

A channel leads from one process to another. It has a pipe, and a ring of slots in memory that both processes see. The
sender copies an array into a slot, and the receiver reads it there:

    sender   copies features into a slot ─► "slot 0 holds an array of this shape" ─►   reads them there   receiver
                                         ◄─         "slot 0 is free again"        ◄─   when done

A pipe reports at once that the process at its other end has died. So no process waits for a dead one: when a process
dies, its neighbours end, then their neighbours.
"""

from __future__ import annotations

import errno
import mmap
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np

from minilocal.errors import InputError, LostWorkerError
from minilocal.pipeline.transport import SLOTS, Transport

PAGE = 4096  # bytes; slots begin at multiples of it
LOOK = 1.0  # seconds between two looks at the other processes, while waiting for them

Pair = tuple[int, int]  # the sender's and the receiver's number


@dataclass
class Channel:
    """One end of a channel: its pipe, where its slots begin in the shared memory, and the size of a slot."""

    pipe: Connection
    start: int
    slot_bytes: int
    free: list[int] = field(default_factory=lambda: list(range(SLOTS)))  # the slots that the sender may write
    reading: int | None = None  # the slot that the receiver reads

    def array(self, memory: SharedMemory, slot: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """Return a slot as an array: a view of the memory."""
        return np.ndarray(shape, dtype, memory.buf, self.start + slot * self.slot_bytes)


Ends = tuple[dict[int, Channel], dict[int, Channel]]  # a process's ends of the channels to others, and from others


class SharedTransport(Transport):
    """Connects this process to others, by its ends of the channels to them and from them.

    If a process is gone, it raises `LostWorkerError` with the text that `loss()` returns. While it waits, it calls
    `look()` every second.
    """

    def __init__(
        self,
        me: int,
        memory: SharedMemory,
        ends: Ends,
        loss: Callable[[], str] = lambda: "another process is gone",
        look: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(me)
        self.memory, (self.to, self.source), self.loss, self.look = memory, ends, loss, look

    def send(self, to: int, message: Any, array: np.ndarray | None = None) -> None:
        """Send a message; an array is copied into a slot as soon as one is free."""
        channel = self.to[to]
        with self._noticing_loss():
            if array is None:
                channel.pipe.send((message, None))
                return
            while not channel.free:
                with self.waiting():
                    channel.free.append(self._next(channel.pipe))
            place = channel.free.pop(0), array.shape, array.dtype.str
            channel.array(self.memory, *place)[...] = array
            channel.pipe.send((message, place))

    def receive(self, source: int) -> tuple[Any, np.ndarray | None]:
        """Wait for the next message; its array is the slot itself."""
        channel = self.source[source]
        with self._noticing_loss(), self.waiting():
            message, place = self._next(channel.pipe)
        if place is None:
            return message, None
        channel.reading = place[0]
        return message, channel.array(self.memory, *place)

    def release(self, source: int) -> None:
        """Let the sender reuse the slot that was being read, if there is one."""
        channel = self.source[source]
        if channel.reading is not None:
            with self._noticing_loss():
                channel.pipe.send(channel.reading)
            channel.reading = None

    def _next(self, pipe: Connection) -> Any:
        while self.look is not None and not pipe.poll(LOOK):
            self.look()
        return pipe.recv()

    @contextmanager
    def _noticing_loss(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError):
            raise LostWorkerError(self.loss()) from None


def join(context: SpawnContext, sizes: Mapping[Pair, int]) -> tuple[SharedMemory, dict[int, Ends]]:
    """Return shared memory, and for each process its ends of the channels to others and from others.

    `sizes` are the bytes of a slot on each channel. Raises `InputError` if the system has too little shared memory or
    too few pipes.
    """
    ends: dict[int, Ends] = {member: ({}, {}) for pair in sizes for member in pair}
    start = 0
    try:
        with explaining(f"the workers need {len(sizes)} pipes", "try fewer workers"):
            for (source, target), size in sizes.items():
                slot_bytes = -(-size // PAGE) * PAGE
                sender, receiver = (Channel(pipe, start, slot_bytes) for pipe in context.Pipe())
                ends[source][0][target], ends[target][1][source] = sender, receiver
                start += SLOTS * slot_bytes
        with explaining(
            f"the system can't provide {start / 1e6:,.0f} MB of shared memory for the workers' features",
            "try a smaller batch or fewer workers, raise the limit (in a container, --shm-size) or leave out --workers",
        ):
            return _reserve(start), ends
    except InputError:
        for member in ends:
            close(ends[member])
        raise


def close(ends: Ends) -> None:
    """Close a process's ends of channels."""
    for channel in (*ends[0].values(), *ends[1].values()):
        channel.pipe.close()


@contextmanager
def explaining(what: str, remedy: str) -> Iterator[None]:
    """Turn an `OSError` in the `with` block into an `InputError` with the system's reason and the remedy for it."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            remedy = "try fewer workers, or raise the limit on open files (ulimit -n)"
        raise InputError(f"{what} ({error.strerror}); {remedy}") from None


def _reserve(size: int) -> SharedMemory:
    """Return shared memory, all of it set aside now: if a page were missing later, the system would end the process."""
    if os.name == "posix":
        resource_tracker.ensure_running()  # now, because without it memory can't be given back either
    mmap.mmap(-1, size).close()  # if that fails, it fails without a traceback from the tracker
    memory = SharedMemory(f"minilocal-{os.getpid()}-{secrets.token_hex(4)}", create=True, size=size)
    place = Path("/dev/shm") / memory.name  # on Linux; other systems set the memory aside when they create it
    try:
        if place.exists():
            with place.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, size)
    except OSError:
        memory.close()
        memory.unlink()
        raise
    return memory
