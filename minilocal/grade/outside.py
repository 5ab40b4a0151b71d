"""The grader's end of the student's process: starts it, asks it, ends it. It sends arrays and receives arrays."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from minilocal.errors import TrainingError
from minilocal.grade import inside, plain, standins

START = 120  # seconds for a process to start and to load NumPy, on a machine that is busy with other things
SCRIPT = Path(__file__).with_name("start.py")
NUMPY = Path(np.__file__).parents[1]
ENVIRONMENT = {
    **{name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ},
    **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"),
}
UNREADABLE = "its answer is unreadable; don't write to the grader's pipe"


AFTER_A_HANG = 1.0  # seconds for a call once another one of the same student has used up the time limit
IN_ALL = 60.0  # seconds for all of a student's code, or twelve calls' time if that is more
SPENT = "its calls have used up the time for the whole hand-in; the rest is not run"


class NoAnswerError(Exception):
    """The student's process is dead, or answers nonsense; the message says which."""


class LateError(NoAnswerError):
    """The student's process has used up the time limit."""


class Clock:
    """A student's time: `limit` seconds for a call, less once a call has hung, and `left` seconds in all."""

    def __init__(self, limit: float) -> None:
        self.full = self.limit = limit
        self.left = max(IN_ALL, 12 * limit)


class Process:
    """A student's process, from its start to its end."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.folder = tempfile.TemporaryDirectory(prefix="minilocal-grade-", ignore_cleanup_errors=True)
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", str(SCRIPT), str(NUMPY)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=ENVIRONMENT, cwd=self.folder.name, bufsize=0, close_fds=True, start_new_session=True,
        )  # fmt: skip
        try:
            self.holds: list[str] = self._exchange(b"", START, "it starts too slowly")["holds"]
        except (NoAnswerError, KeyError):
            self.close()
            raise TrainingError("the process for a hand-in did not start; is the machine out of memory?") from None

    def ask(self, value: dict[str, Any], limit: float, late: str) -> dict[str, Any]:
        """Send a value and return the answer; raise `NoAnswerError` if there is none within `limit` seconds."""
        if self.clock.left <= 0:
            raise NoAnswerError(SPENT)
        message, begin = plain.pack(value, standins.construction), time.monotonic()
        try:
            return self._exchange(inside.LENGTH.pack(len(message)) + message, limit, late)
        except LateError:
            self.clock.limit = min(self.clock.limit, AFTER_A_HANG)
            raise
        finally:
            self.clock.left -= time.monotonic() - begin

    def _exchange(self, message: bytes, limit: float, late: str) -> dict[str, Any]:
        """Write and read in a thread of its own: a process that never reads or writes must not stop the grader."""
        box: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=self._write_and_read, args=(message, box), daemon=True).start()
        try:
            answer = box.get(timeout=limit)
            value = None if answer is None else plain.unpack(answer)
        except queue.Empty:
            raise LateError(f"{late} longer than {limit:g} s; look for a loop that never ends") from None
        except plain.PlainError:
            value = None
        if isinstance(value, dict):
            return value
        raise NoAnswerError(self._ended() if answer is None else UNREADABLE)

    def _write_and_read(self, message: bytes, box: queue.SimpleQueue[Any]) -> None:
        try:
            while message:
                message = message[self.process.stdin.write(message) :]  # type: ignore[union-attr]
            (size,) = inside.LENGTH.unpack(self._read(inside.LENGTH.size))
            box.put(self._read(size) if size <= plain.MOST_BYTES else b"")
        except (OSError, ValueError):
            box.put(None)

    def _read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size and (part := self.process.stdout.read(size)):  # type: ignore[union-attr]
            parts.append(part)
            size -= len(part)
        if size:
            raise ValueError("the process has closed its end")
        return b"".join(parts)

    def _ended(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self.process.wait(2)
            if status < 0:
                return f"it was killed by signal {-status}; does it use too much memory, or call itself without end?"
            return f"it ends the whole process (exit status {status}); don't call os._exit"
        return "it closes the grader's pipe; leave files that you haven't opened alone"

    def close(self) -> None:
        """End the process and everything that it started and that is still in its group."""
        if hasattr(os, "killpg"):
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        self.folder.cleanup()
