"""Processes of one machine, joined by pipes for messages and by shared memory for arrays.

A way leads from one process to another: a pipe, and a ring of slots in memory that both see. An array is copied into a
slot and read where it lies:

    sender   copies features into a slot ─► "slot 0 holds an array of this shape" ─►   reads them there   receiver
                                         ◄─       "a slot is free again"          ◄─   when done

A pipe says at once that the process at its other end is no more. So nobody waits for the dead: where one process dies,
its neighbours end, and theirs in turn.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np

from minilocal.errors import InputError, LostWorkerError
from minilocal.pipeline.transport import SLOTS, Transport

PAGE = 4096  # slots begin at multiples of it
Pair = tuple[int, int]  # from whom, to whom


@dataclass
class Way:
    """One process's end of a way: of the pipe, and where in the shared memory the slots begin, and their size."""

    pipe: Connection
    start: int
    slot_bytes: int
    slot: int = 0  # the next one to write, or to read
    free: int = SLOTS  # slots that the sender may write
    reading: bool = False  # whether the receiver reads one

    def array(self, memory: SharedMemory, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """Return the next slot as an array: a view of the memory."""
        return np.ndarray(shape, dtype, memory.buf, self.start + self.slot * self.slot_bytes)

    def turn(self) -> None:
        """Go to the next slot."""
        self.slot = (self.slot + 1) % SLOTS


class SharedTransport(Transport):
    """Joins this process to others by ways to them and ways from them, by their numbers.

    Given `others`, handles that get ready when a process ends, waiting ends with them too. `loss()` says who is gone.
    """

    def __init__(
        self,
        me: int,
        memory: SharedMemory,
        to: Mapping[int, Way],
        of: Mapping[int, Way],
        others: Sequence[int] = (),
        loss: Callable[[], str] = lambda: "another process is gone",
    ) -> None:
        super().__init__(me)
        self.memory, self.to, self.of, self.others, self.loss = memory, to, of, others, loss

    def send(self, to: int, message: Any, array: np.ndarray | None = None) -> None:
        """Send a message; an array is copied into a slot, once one is free."""
        way = self.to[to]
        try:
            if array is None:
                way.pipe.send((message, None, None))
                return
            while way.free == 0:
                with self.waiting():
                    self._wait(way)
                    way.pipe.recv_bytes()
                way.free += 1
            shape, dtype = array.shape, array.dtype.str
            way.array(self.memory, shape, dtype)[...] = array
            way.free -= 1
            way.turn()
            way.pipe.send((message, shape, dtype))
        except (EOFError, OSError):
            raise LostWorkerError(self.loss()) from None

    def receive(self, source: int) -> tuple[Any, np.ndarray | None]:
        """Wait for the next message; its array is the slot itself."""
        way = self.of[source]
        try:
            with self.waiting():
                self._wait(way)
                message, shape, dtype = way.pipe.recv()
        except (EOFError, OSError):
            raise LostWorkerError(self.loss()) from None
        if shape is None:
            return message, None
        way.reading = True
        return message, way.array(self.memory, shape, dtype)

    def release(self, source: int) -> None:
        """Let the sender write the slot that was read, if there is one, again."""
        way = self.of[source]
        if way.reading:
            way.reading = False
            way.turn()
            try:
                way.pipe.send_bytes(b"free")
            except OSError:
                raise LostWorkerError(self.loss()) from None

    def _wait(self, way: Way) -> None:
        if self.others and way.pipe not in wait([way.pipe, *self.others]):
            raise EOFError


def join(context: SpawnContext, sizes: Mapping[Pair, int]) -> tuple[SharedMemory, dict[Pair, tuple[Way, Way]]]:
    """Return shared memory, and both ends, the sender's first, of a way with slots of so many bytes for each pair.

    Raises `InputError` if there is not so much shared memory, or there are not so many pipes.
    """
    slots = {pair: -(-size // PAGE) * PAGE for pair, size in sizes.items()}
    ways, start = {}, 0
    try:
        for pair, size in slots.items():
            sender, receiver = (Way(pipe, start, size) for pipe in context.Pipe())
            ways[pair] = sender, receiver
            start += SLOTS * size
    except OSError as error:
        raise InputError(f"the workers can't be joined by {len(slots)} pipes ({error.strerror}); try fewer") from None
    return _reserve(start), ways  # memory last: pipes go by themselves if it is lacking


def _reserve(size: int) -> SharedMemory:
    """Return shared memory whose pages are all there: where they are lacking later, the system ends the process."""
    refusal = InputError(
        f"the system has no {size / 1e6:,.0f} MB of shared memory for the workers' features; "
        "try a smaller batch or fewer workers, or raise its limit (in a container, --shm-size)"
    )
    try:
        memory = SharedMemory(f"minilocal-{os.getpid()}-{secrets.token_hex(4)}", create=True, size=size)
    except OSError:
        raise refusal from None
    try:
        place = Path("/dev/shm") / memory.name  # on Linux; elsewhere creation itself sets memory aside
        if place.exists():
            with place.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, size)
    except OSError:
        memory.close()
        memory.unlink()
        raise refusal from None
    return memory
