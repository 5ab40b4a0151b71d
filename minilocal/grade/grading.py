"""Grade one hand-in for a lab: read the file, ask its process, and decide each case."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minilocal.grade import compare, outside
from minilocal.grade.compare import WrongError
from minilocal.grade.lab import Case, Lab, Trial
from minilocal.grade.outside import NoAnswerError, Process

MOST_SOURCE = 1 << 20  # bytes
AFTER_A_HANG = 1.0  # seconds for a trial once another one of the same student has used up the time limit
CALLED = re.compile(r"^(.+?) (?:forward|backward|call|update|release)")
TIMES = {1: "once", 2: "twice"}


@dataclass(frozen=True)
class Verdict:
    """The result of a case: "passed", "wrong", "open" or "unfit", the reason, and what the code printed."""

    status: str
    says: str = ""
    printed: str = ""


@dataclass
class Graded:
    """A file's verdicts, one for each case; if it can't be loaded, `unfit` says why."""

    path: Path
    lab: Lab
    verdicts: list[Verdict] = field(default_factory=list)
    unfit: str = ""
    printed: str = ""
    holds: list[str] = field(default_factory=list)

    @property
    def points(self) -> int:
        """The points of the cases that passed: the one formula of all marks."""
        return sum(self.earned())

    def earned(self) -> list[int]:
        """Return the points of each case."""
        pairs = zip(self.lab.cases, self.verdicts, strict=True)
        return [case.points if verdict.status == "passed" else 0 for case, verdict in pairs]


class Clock:
    """The time limit for each call: shorter for a student whose code has hung once, so that a class goes on."""

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def hung(self) -> None:
        """Shorten the limit."""
        self.limit = min(self.limit, AFTER_A_HANG)


def grade(path: Path, lab: Lab, clock: Clock) -> Graded:
    """Return the verdicts on a file. Raises `TrainingError` if a process can't be started."""
    graded = Graded(path, lab)
    try:
        source = read(path)
        while len(graded.verdicts) < len(lab.cases):
            _grade(graded, source, clock)
    except UnfitError as error:
        graded.unfit = str(error)
        graded.verdicts = [Verdict("unfit")] * len(lab.cases)
    return graded


class UnfitError(Exception):
    """The file can't be graded at all; the message says why."""


def read(path: Path) -> str:
    """Return a hand-in's text; raise `UnfitError` unless it is a regular file (no link) of text in UTF-8."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UnfitError("it is not a regular file; hand in the file itself")
            data = file.read(MOST_SOURCE + 1)
    except FileNotFoundError:
        raise UnfitError("the file is missing; put it back, filled in or not") from None
    except OSError as error:
        link = "it is a link; hand in the file itself" if path.is_symlink() else f"it can't be read ({error.strerror})"
        raise UnfitError(link) from None
    if len(data) > MOST_SOURCE:
        raise UnfitError(f"it has more than {MOST_SOURCE:,} bytes; hand in the lab alone")
    for mark, name in {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}.items():
        if data.startswith(mark):
            raise UnfitError(f"it is saved as {name}; save it as UTF-8")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UnfitError(
            f"line {line}: it is not saved as UTF-8 (byte {data[error.start]:#x} has no meaning there; Latin-1 or "
            "Windows-1252, perhaps); save it as UTF-8"
        ) from None


def _grade(graded: Graded, source: str, clock: Clock) -> None:
    """Add verdicts, as far as the first case that ends or blocks the process."""
    with Process() as process:
        graded.holds = process.holds
        start = {"file": f"{graded.lab.name}.py", "source": source}
        try:
            loaded = process.ask(
                start, clock.limit, "loading the file (its imports, and what stands outside functions) takes"
            )
        except NoAnswerError as error:
            _note(error, clock)
            raise UnfitError(str(error.args[0])) from None
        graded.printed = text(loaded.get("printed"))
        if loaded.get("unfit"):
            raise UnfitError(text(loaded["unfit"]))
        holes = loaded.get("holes")
        for case in graded.lab.cases[len(graded.verdicts) :]:
            try:
                graded.verdicts.append(decide(case, process, holes if isinstance(holes, dict) else {}, clock.limit))
            except NoAnswerError as error:
                _note(error, clock)
                graded.verdicts.append(Verdict("wrong", str(error.args[0])))
                return


def _note(error: NoAnswerError, clock: Clock) -> None:
    if outside.LATE in error.args:
        clock.hung()


def decide(case: Case, process: Any, holes: dict[Any, Any], limit: float) -> Verdict:
    """Return the verdict on a case; `process` is asked, and `holes` are the lines of each function's holes."""
    lines = holes.get(case.function)
    if lines and isinstance(lines, list):
        listed = ", ".join(str(line) for line in lines if isinstance(line, int))
        return Verdict(
            "open",
            f"line {listed} is not filled in yet" if len(lines) == 1 else f"lines {listed} are not filled in yet",
        )
    printed = ""
    for trial in case.trials:
        message = {"function": case.function, "arguments": trial.arguments, "helpers": trial.helpers}
        reply = process.ask(message, limit, "it takes")
        printed = text(reply.get("printed"))
        if reply.get("raised"):
            return Verdict("open" if reply.get("open") is True else "wrong", text(reply["raised"]), printed)
        try:
            check(case, trial, reply)
        except WrongError as error:
            about = f"{trial.label}: " if trial.label else ""
            return Verdict("wrong", about + str(error), printed)
    return Verdict("passed", "", printed)


def check(case: Case, trial: Trial, reply: dict[str, Any]) -> None:
    """Raise `WrongError` unless a function's answer is what it should be."""
    changed = reply.get("changed")
    if isinstance(changed, list) and changed:
        raise WrongError(f"{case.function} changes its argument {text(changed[0])}; work on a copy")
    compare.results(case.function, case.returns, reply.get("result"), trial.result, trial.mistakes)
    states = reply.get("states")
    if not isinstance(states, list) or len(states) != len(trial.states):
        raise WrongError("its answer has no states of the layers; don't write to the grader's pipe")
    for received, expected in zip(states, trial.states, strict=True):
        _check_state(received, expected)


def _check_state(received: Any, expected: dict[str, Any]) -> None:
    """Compare a stand-in after the call: its calls first, because the rest follows from them."""
    name = expected["name"]
    if not isinstance(received, dict):
        raise WrongError(f"{name} is missing from its answer; don't write to the grader's pipe")
    calls, right = received.get("calls"), expected["calls"]
    for call in dict.fromkeys([*right, *(calls if isinstance(calls, list) else [])]):
        times, should = (list(c).count(call) if isinstance(c, list) else 0 for c in (calls, right))
        if times != should:
            has, must = (TIMES.get(n, f"{n} times") if n else "never" for n in (times, should))
            raise WrongError(f"{name}: `{text(call)}` is called {has}; it should be called {must}")
    if calls != right:
        raise WrongError(f"{name}: the calls are in another order; they should be {', '.join(right)}")
    for kind, words in {"params": "the {} after the step", "grads": "the gradient of {}"}.items():
        arrays = received.get(kind)
        for key, value in expected.get(kind, {}).items():
            found = arrays.get(key) if isinstance(arrays, dict) else None
            compare.same(f"{name}: {words.format(key)}", found, value)
    if "still keeps" in expected and received.get("still keeps") != expected["still keeps"]:
        raise WrongError(
            f"{name} still keeps {text(received.get('still keeps'))}; it should keep {expected['still keeps']}"
        )
    if "aux" in expected:
        _check_state(received.get("aux"), expected["aux"])


def text(value: Any) -> str:
    """Return text from a hand-in without what could steer a terminal."""
    return "".join(c for c in value if c.isprintable() or c == "\n")[:2000] if isinstance(value, str) else ""
