"""Ctrl-C and SIGTERM: obeyed at once, or, during training, noted first and obeyed once everything is saved."""

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
SAY = b"\nstopping once this step is done and saved; Ctrl-C again stops at once\n"


class Stop:
    """Whether a signal has asked to stop, and the exit status for it: 130 for Ctrl-C, 143 for SIGTERM, else 0."""

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
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, TERMINATE)}
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


@contextlib.contextmanager
def termination_raised() -> Iterator[None]:
    """Make SIGTERM raise `Interrupted` in the `with` block, as Ctrl-C raises `KeyboardInterrupt`.

    That way, open files are closed and temporary ones deleted. Any other handler for SIGTERM stays in place.
    """
    mine = threading.current_thread() is threading.main_thread() and signal.getsignal(TERMINATE) == signal.SIG_DFL
    if mine:
        signal.signal(TERMINATE, _terminate)
    try:
        yield
    finally:
        if mine:
            signal.signal(TERMINATE, signal.SIG_DFL)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Interrupted("terminated", 143)


def _note(number: int, _: FrameType | None) -> None:
    """Handle a signal; after the first one, Ctrl-C gets the system's default handler, which ends the process."""
    for stop in _active:
        stop.status = 130 if number == signal.SIGINT else 143
    if signal.SIGINT in _before:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if number == signal.SIGINT:
        with contextlib.suppress(OSError):
            os.write(2, SAY)  # print might be in the middle of a line
