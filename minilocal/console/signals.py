"""Ctrl-C and SIGTERM: obeyed at once, or while training noted when they come and obeyed where it can be saved."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from minilocal.errors import Interrupted

# What asks a program to end. Windows has no SIGTERM that a program could notice; Ctrl-Break takes its place.
TERMINATE = getattr(signal, "SIGBREAK", signal.SIGTERM)
SAY = b"\nstopping once this step is done and saved; Ctrl-C again stops at once\n"


class Stop:
    """Whether a signal has asked to stop, and the exit status for it: 130 for Ctrl-C, 143 for SIGTERM, else 0."""

    status = 0


_active: list[Stop] = []  # of all `with` blocks that are open; they need not close in the order in which they opened
_before: dict[signal.Signals, Any] = {}  # the handlers when none was


@contextlib.contextmanager
def noted() -> Iterator[Stop]:
    """Yield a `Stop` that notes signals within the `with` block instead of being interrupted by them.

    Outside the main thread, where Python handles no signals, nothing is noted; nor is a signal that this process was
    started to ignore, as shells do with Ctrl-C for programs in the background.
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
    """Have SIGTERM raise `Interrupted` within the `with` block, as Ctrl-C raises `KeyboardInterrupt`.

    So what is open is closed, and what is temporary goes away. What somebody else does about SIGTERM stays in force.
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
    """Handle a signal. After the first one the system itself handles Ctrl-C, by ending the process at once."""
    for stop in _active:
        stop.status = 130 if number == signal.SIGINT else 143
    if signal.SIGINT in _before:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if number == signal.SIGINT:
        with contextlib.suppress(OSError):
            os.write(2, SAY)  # print may be in the middle of a line of its own
