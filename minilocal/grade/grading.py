"""Grade one hand-in for a lab: read the file, ask its process, and decide each case."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minilocal.grade import compare, outside
from minilocal.grade.compare import WrongError
from minilocal.grade.inside import UnfitError
from minilocal.grade.lab import Case, Lab, Trial
from minilocal.grade.outside import SPENT, Clock, NoAnswerError, Process

MOST_SOURCE = 1 << 20  # bytes
TIMES = {0: "never called", 1: "called once", 2: "called twice"}
NOT_UTF8 = "line {}: it is not saved as UTF-8 (byte {:#x} has no meaning there; Latin-1, perhaps); save it as UTF-8"
LOADING = "loading the file (its imports, and what stands outside functions) takes"


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


def grade(path: Path, lab: Lab, clock: Clock) -> Graded:
    """Return the verdicts on a file. Raises `TrainingError` if a process can't be started."""
    graded = Graded(path, lab)
    try:
        source = read(path)
        while len(graded.verdicts) < len(lab.cases):
            _grade(graded, source, clock)
    except UnfitError as error:
        left = len(lab.cases) - len(graded.verdicts)
        if graded.verdicts:  # it was loaded once, and what passed then has passed
            graded.verdicts += [Verdict("wrong", str(error))] * left
        else:
            graded.unfit, graded.verdicts = str(error), [Verdict("unfit")] * left
    return graded


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
        reason = "it is a link; hand in the file itself" if path.is_symlink() else f"it can't be read: {error.strerror}"
        raise UnfitError(reason) from None
    if len(data) > MOST_SOURCE:
        raise UnfitError(f"it has more than {MOST_SOURCE:,} bytes; hand in the lab alone")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise UnfitError("it is saved as UTF-16; save it as UTF-8")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UnfitError(NOT_UTF8.format(line, data[error.start])) from None


def _grade(graded: Graded, source: str, clock: Clock) -> None:
    """Add verdicts, as far as the first case that ends or blocks the process."""
    if clock.left <= 0:
        raise UnfitError(SPENT)
    with contextlib.closing(Process(clock)) as process:
        graded.holds = process.holds
        start = {"file": f"{graded.lab.name}.py", "source": source}
        try:
            loaded = process.ask(start, clock.full, LOADING)
        except NoAnswerError as error:
            raise UnfitError(str(error)) from None
        graded.printed = text(loaded.get("printed"))
        if unfit := text(loaded.get("unfit")):
            raise UnfitError(unfit)
        holes = loaded.get("holes")
        for case in graded.lab.cases[len(graded.verdicts) :]:
            try:
                graded.verdicts.append(decide(case, process, holes if isinstance(holes, dict) else {}, clock.limit))
            except NoAnswerError as error:
                graded.verdicts.append(Verdict("wrong", str(error)))
                return


def decide(case: Case, process: Any, holes: dict[Any, Any], limit: float) -> Verdict:
    """Return the verdict on a case; `process` is asked, and `holes` are the lines of each function's holes."""
    lines = holes.get(case.function)
    if lines and isinstance(lines, list):
        which = "line {} is" if len(lines) == 1 else "lines {} are"
        listed = ", ".join(str(line) for line in lines if isinstance(line, int))
        return Verdict("open", f"{which.format(listed)} not filled in yet")
    printed = ""
    for trial in case.trials:
        message = {"function": case.function, "arguments": trial.arguments, "helpers": trial.helpers}
        reply = process.ask(message, limit, "it takes")
        printed = text(reply.get("printed"))
        if raised := text(reply.get("raised")):
            return Verdict("open" if reply.get("open") is True else "wrong", raised, printed)
        try:
            check(case, trial, reply)
        except WrongError as error:
            about = f"{trial.label}: " if trial.label else ""
            return Verdict("wrong", about + str(error), printed)
    return Verdict("passed", "", printed)


def check(case: Case, trial: Trial, reply: dict[Any, Any]) -> None:
    """Raise `WrongError` unless a function's answer is what it should be, whatever plain value the answer is."""
    changed, states = reply.get("changed"), reply.get("states")
    if isinstance(changed, list) and changed:
        raise WrongError(f"{case.function} changes its argument {text(changed[0])}; work on a copy")
    compare.results(case.function, case.returns, reply.get("result"), trial.result, trial.mistakes)
    if not isinstance(states, list) or len(states) != len(trial.states):
        raise WrongError(outside.UNREADABLE)
    for received, expected in zip(states, trial.states, strict=True):
        _check_state(received, expected)


def _check_state(received: Any, expected: dict[str, Any]) -> None:
    """Compare a stand-in after the call: its calls first, because the rest follows from them."""
    name, right = expected["name"], expected["calls"]
    if not isinstance(received, dict) or not isinstance(received.get("calls"), list):
        raise WrongError(outside.UNREADABLE)
    calls = [text(call) for call in received["calls"]]
    for call in dict.fromkeys([*right, *calls]):
        if calls.count(call) != right.count(call):
            has, must = (TIMES.get(n, f"called {n} times") for n in (calls.count(call), right.count(call)))
            raise WrongError(f"{name}: `{call}` is {has}; it should be {must}")
    if calls != right:
        raise WrongError(f"{name}: the calls are in another order; they should be {', '.join(right)}")
    for kind, words in {"params": "the {} after the step", "grads": "the gradient of {}"}.items():
        arrays = received.get(kind)
        for key, value in expected.get(kind, {}).items():
            found = arrays.get(key) if isinstance(arrays, dict) else None
            compare.same(f"{name}: {words.format(key)}", found, value)
    if (keeps := text(received.get("still keeps"))) != (right_keeps := expected.get("still keeps", "")):
        raise WrongError(f"{name} still keeps {keeps}; it should keep {right_keeps}")
    if "aux" in expected:
        _check_state(received.get("aux"), expected["aux"])


def text(value: Any) -> str:
    """Return text from a hand-in without what could steer a terminal."""
    return "".join(c for c in value if c.isprintable() or c == "\n")[:2000] if isinstance(value, str) else ""
