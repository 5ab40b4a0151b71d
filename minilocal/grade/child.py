"""The process in which a student's code runs, from its inside."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import astuple
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numba.core import event

from minilocal.compute.parallel import set_threads
from minilocal.grade.examine import Printed, examine, quiet
from minilocal.grade.exercises import exercise
from minilocal.grade.student import UnfitError, load

MOST_MEMORY = 4 << 30  # bytes: a list that grows for ever ends here, and not with the machine


def work(path: Path, name: str, numbers: Sequence[int], seed: int, pipe: Connection) -> None:
    """Examine these cases of an exercise and send what happens, message by message; the last one is "end".

    "ready" once the library is loaded, "loaded" or "unfit" once the file is, then "begin" and "verdict" for each case;
    "compiling" and "compiled" around each kernel of the library that is not in the cache.
    """
    cases = exercise(name).cases
    set_threads(1)
    _cut_off()
    pipe.send(("ready",))
    printed = Printed()
    with event.install_listener("numba:compile", _Compilations(pipe)):
        try:
            with quiet(printed):
                student = load(path, exercise(name).uses)
        except UnfitError as error:
            pipe.send(("unfit", str(error), printed.text))
        else:
            pipe.send(("loaded",))
            for number in numbers:
                pipe.send(("begin", number))
                verdict = examine(student, cases[number], np.random.default_rng([seed, number]))
                pipe.send(("verdict", number, *astuple(verdict)))
            pipe.send(("end",))
    os._exit(0)  # whatever threads and exit functions the student's code left behind


class _Compilations(event.Listener):
    """Says when kernels are compiled, which is no fault of the student's code, however long it takes."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe, self.depth = pipe, 0

    def on_start(self, event: Any) -> None:
        if self.depth == 0:
            self.pipe.send(("compiling",))
        self.depth += 1

    def on_end(self, event: Any) -> None:
        self.depth -= 1
        if self.depth == 0:
            self.pipe.send(("compiled",))


def _cut_off() -> None:
    """Let nothing of the student's code reach the terminal, and limit its memory where the system can."""
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C is for the command, which then ends this process and all that it started
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows has no such limit
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
