"""The student's process from the outside: started, waited for, ended, and started again for what it left undone."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minilocal.errors import TrainingError
from minilocal.grade.case import Exercise, Verdict
from minilocal.grade.child import work
from minilocal.grade.exercises import exercise

START = 600  # seconds for a process to start and to load the library, on a machine that is busy with other things


@dataclass
class Graded:
    """An exercise's verdicts, one per case; if the file could not be run at all, why, and no verdicts."""

    name: str
    path: Path
    exercise: Exercise
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    unfit: str = ""
    printed: str = ""  # while the file was loaded, if it could not be run

    @property
    def points(self) -> int:
        """Return the points of the cases that passed."""
        return sum(self.exercise.cases[n].points for n, verdict in self.verdicts.items() if verdict.status == "passed")


def grade(name: str, path: Path, seed: int, limit: float, on_compiling: Callable[[], object] = lambda: None) -> Graded:
    """Return an exercise's verdicts on a file; `limit` is the seconds that loading it, and each case, may take.

    What Numba takes to compile the library's kernels does not count; `on_compiling()` is called when it begins.
    """
    graded = Graded(name, path, exercise(name))
    if not path.exists():
        graded.unfit = "it is missing; put it back, with its holes or without"
    cases = range(len(graded.exercise.cases))
    while not graded.unfit and (left := [number for number in cases if number not in graded.verdicts]):
        _grade(graded, left, seed, limit, on_compiling)
    return graded


def _grade(graded: Graded, numbers: Sequence[int], seed: int, limit: float, on_compiling: Callable[[], object]) -> None:
    """Add the verdicts of these cases, up to one that ends or holds up the process."""
    current: int | None = None  # the case at work
    try:
        for what, *rest in _messages(graded, numbers, seed, limit):
            if what == "compiling":
                on_compiling()
            elif what == "unfit":
                graded.unfit, graded.printed = rest
            elif what == "begin":
                (current,) = rest
            elif what == "verdict":
                number, *verdict = rest
                graded.verdicts[number], current = Verdict(*verdict), None
    except _NoAnswerError as error:
        if current is None:
            graded.unfit = f"it {error}"
        else:
            graded.verdicts[current] = Verdict("wrong", f"it {error}")


class _NoAnswerError(Exception):
    """The student's process is late or dead."""


def _messages(graded: Graded, numbers: Sequence[int], seed: int, limit: float) -> Iterator[tuple[Any, ...]]:
    """Yield what a new student's process says; `_NoAnswerError` if it stops saying anything."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(graded.path, graded.name, numbers, seed, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(START) or _receive(ours) != ("ready",):
            raise TrainingError(
                "the process that is to run the exercises does not start; is the machine out of memory?"
            )
        wait = limit
        while True:
            if not ours.poll(wait):
                raise _NoAnswerError(f"does not end within {limit:g} s; look for a loop that never stops")
            message = _receive(ours)
            if message is None:
                process.join(START)
                raise _NoAnswerError(f"ends the whole program ({_how(process.exitcode)})")
            wait = START if message[0] == "compiling" else limit
            yield message
            if message[0] in ("end", "unfit"):
                return
    finally:
        _end(process)
        ours.close()


def _receive(pipe: Any) -> tuple[Any, ...] | None:
    """Return the next message, None if the other end is closed."""
    try:
        return pipe.recv()
    except (EOFError, OSError):
        return None


def _how(status: int | None) -> str:
    if status is not None and status < 0:
        return f"killed by signal {-status}; too much memory, or a recursion without end?"
    return f"exit status {status}; call no os._exit"


def _end(process: Any) -> None:
    """End a process and what it started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()
