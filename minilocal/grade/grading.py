"""The process in which a student's code runs: `grade` starts it and ends it, `work` is what it does.

The process sends messages, tuples that begin with a word:

    ready                               the library is loaded
    loaded, or unfit, reason, printed   the student's file is loaded, or can't be
    begin, number                       a case begins
    verdict, number, *verdict           it is finished
    compiling, sentence                 kernels of the library are about to be compiled
    compiled                            they are compiled
    outside, reason                     something outside the student's file has failed
    end                                 all cases are finished
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numba.core import event

from minilocal.compute.compilation import announcement
from minilocal.compute.parallel import set_threads
from minilocal.errors import TrainingError
from minilocal.grade.case import Exercise, Printed, Verdict, examine, quiet
from minilocal.grade.exercises import exercise
from minilocal.grade.student import OutsideError, UnfitError, load

START = 600  # seconds for a process to start and to load the library, on a machine that is busy with other things
MOST_MEMORY = 4 << 30  # bytes: a list that grows forever fails here, before it takes down the machine


@dataclass
class Graded:
    """A file's verdicts by the number of the case; no verdicts, and the reason, if the file could not be loaded."""

    path: Path
    exercise: Exercise
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    unfit: str = ""
    printed: str = ""  # what it printed, if the file could not be loaded

    @property
    def points(self) -> int:
        """Return the points of the cases that passed."""
        return sum(self.exercise.cases[n].points for n, verdict in self.verdicts.items() if verdict.status == "passed")


def grade(path: Path, seed: int, limit: float, say: Callable[[str], object] = lambda sentence: None) -> Graded:
    """Return the verdicts on a file, which is named after its exercise.

    `limit` is the time in seconds allowed for loading the file, and for each case. Compiling the library's kernels
    doesn't count; `say(sentence)` is called when it begins. Raises `TrainingError` if something outside the student's
    file fails.
    """
    graded = Graded(path, exercise(path.stem))
    if not path.exists():
        graded.unfit = "the file is missing; put it back, filled in or not"
    cases = range(len(graded.exercise.cases))
    while not graded.unfit and (left := [number for number in cases if number not in graded.verdicts]):
        _grade(graded, left, seed, limit, say)
    return graded


def _grade(graded: Graded, numbers: Sequence[int], seed: int, limit: float, say: Callable[[str], object]) -> None:
    """Add the verdicts on these cases, as far as the first one that ends or blocks the process."""
    current: int | None = None  # the case that is running
    try:
        for what, *rest in _messages(graded.path, numbers, seed, limit):
            if what == "compiling":
                say(*rest)
            elif what == "outside":
                raise TrainingError(f"{graded.path} can't be graded: {rest[0]}; this is no mistake in the file")
            elif what == "unfit":
                graded.unfit, graded.printed = rest
            elif what == "begin":
                (current,) = rest
            elif what == "verdict":
                number, *verdict = rest
                graded.verdicts[number], current = Verdict(*verdict), None
    except _NoAnswerError as error:
        if current is None:
            graded.unfit = str(error)
        else:
            graded.verdicts[current] = Verdict("wrong", str(error))


class _NoAnswerError(Exception):
    """The student's process is late or dead; the message says why."""


def _messages(path: Path, numbers: Sequence[int], seed: int, limit: float) -> Iterator[tuple[Any, ...]]:
    """Start a process and yield its messages; raise `_NoAnswerError` if they stop coming."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(path, numbers, seed, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(START) or _receive(ours) != ("ready",):
            raise TrainingError("the process for the student's code did not start; is the machine out of memory?")
        wait = limit
        while True:
            if not ours.poll(wait):
                raise _NoAnswerError(f"it takes longer than {limit:g} s; look for a loop that never ends")
            message = _receive(ours)
            if message is None:
                process.join(START)
                raise _NoAnswerError(_ended(process.exitcode))
            wait = START if message[0] == "compiling" else limit
            yield message
            if message[0] in ("end", "unfit"):
                return
    finally:
        _end(process)
        ours.close()


def _receive(pipe: Any) -> tuple[Any, ...] | None:
    """Return the next message, or None if the other end is closed."""
    try:
        return pipe.recv()
    except (EOFError, OSError):
        return None


def _ended(status: int | None) -> str:
    if status is not None and status < 0:
        return f"it was killed by signal {-status}; does it use too much memory, or call itself without end?"
    return f"it ends the whole process (exit status {status}); don't call os._exit"


def _end(process: Any) -> None:
    """End a process and everything that it started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


def work(path: Path, numbers: Sequence[int], seed: int, pipe: Connection) -> None:
    """Load a student's file, examine these cases of its exercise, and send the messages: this is the process."""
    asked = exercise(path.stem)
    set_threads(1)
    _cut_off()
    pipe.send(("ready",))
    printed = Printed()
    with event.install_listener("numba:compile", _Compilations(pipe)):
        try:
            with quiet(printed):
                student = load(path, asked.uses)
            pipe.send(("loaded",))
            for number in numbers:
                pipe.send(("begin", number))
                verdict = examine(student, asked.cases[number], np.random.default_rng([seed, number]))
                pipe.send(("verdict", number, *astuple(verdict)))
            pipe.send(("end",))
        except UnfitError as error:
            pipe.send(("unfit", str(error), printed.text))
        except OutsideError as error:
            pipe.send(("outside", str(error)))
    os._exit(0)  # whatever threads and exit functions the student's code has left


class _Compilations(event.Listener):
    """Sends a message before and after each compilation, whose time must not count against the student's code.

    `on_compilation` is not enough: the time limit must hold again as soon as a compilation ends.
    """

    def __init__(self, pipe: Connection) -> None:
        self.pipe, self.depth = pipe, 0

    def on_start(self, event: Any) -> None:
        if self.depth == 0:
            self.pipe.send(("compiling", announcement()))
        self.depth += 1

    def on_end(self, event: Any) -> None:
        self.depth -= 1
        if self.depth == 0:
            self.pipe.send(("compiled",))


def _cut_off() -> None:
    """Keep the student's code away from the terminal, and limit its memory where the system can."""
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C reaches only the command, which then ends this process and everything that it started
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows has no such limit
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
