"""Ctrl-C, SIGTERM and the like: obeyed at once or, during training, noted and obeyed once everything is saved."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from minilocal.errors import Interrupted

# The signal that asks a program to end. On Windows a program can't notice SIGTERM; Ctrl-Break takes its place.
TERMINATE = getattr(signal, "SIGBREAK", signal.SIGTERM)
# Others that ask the same: a closed terminal, and what clusters send some time before they kill a job.
OTHERS = ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU")
TERMINATIONS = (TERMINATE, *(getattr(signal, name) for name in OTHERS if hasattr(signal, name)))
SAY = b"\nstopping once this step is done and saved; Ctrl-C again stops at once\n"


class Stop:
    """Whether a signal has asked to stop, and the exit status for it: see `status_of`; 0 if none has."""

    status = 0


_active: list[Stop] = []  # one for each open `with` block; these may close in any order
_before: dict[signal.Signals, Any] = {}  # the handlers from before the first of them opened


@contextlib.contextmanager
def noted() -> Iterator[Stop]:
    """Yield a `Stop` that notes signals during the `with` block instead of letting them interrupt it.

    Outside the main thread nothing is noted, because Python handles no signals there. A signal that this process
    ignores stays ignored: shells start programs in the background that way, so that Ctrl-C doesn't reach them.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    if not _active:
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, *TERMINATIONS)}
        _before.update({number: old for number, old in handlers.items() if old not in (signal.SIG_IGN, None)})
        for number in _before:
            signal.signal(number, _note)
    _active.append(stop)
    try:
        yield stop
    finally:
        _active.remove(stop)
        if not _active:
            for number, handler in _before.items():
                signal.signal(number, handler)
            _before.clear()


def asked_to_stop() -> bool:
    """Return whether a signal has been noted."""
    return any(stop.status for stop in _active)


@contextlib.contextmanager
def termination_raised() -> Iterator[None]:
    """Make SIGTERM and its like raise `Interrupted` in the `with` block, as Ctrl-C raises `KeyboardInterrupt`.

    That way, open files are closed and temporary ones deleted. Any other handlers stay in place.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    mine = [n for n in TERMINATIONS if in_main_thread and signal.getsignal(n) == signal.SIG_DFL]
    for number in mine:
        signal.signal(number, _terminate)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)


def status_of(number: int) -> int:
    """Return the exit status for a signal: 130 for Ctrl-C, 143 for SIGTERM, or 128 + its number."""
    return 143 if number == TERMINATE else 128 + number


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Interrupted("terminated", status_of(number))


def _note(number: int, _: FrameType | None) -> None:
    """Handle a signal; after the first one, Ctrl-C gets the system's default handler, which ends the process."""
    for stop in _active:
        stop.status = status_of(number)
    if signal.SIGINT in _before:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if number == signal.SIGINT:
        with contextlib.suppress(OSError):
            os.write(2, SAY)  # print might be in the middle of a line
