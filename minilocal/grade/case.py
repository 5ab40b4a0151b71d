"""Cases and exercises, and how one case is checked on a student's file."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from minilocal.grade.expect import WrongError
from minilocal.grade.student import Student

MOST_PRINTED = 2000  # characters

Check = Callable[[Student, np.random.Generator], None]


@dataclass(frozen=True)
class Case:
    """One thing that is checked and earns points.

    `check(student, rng)` returns if the student's code is right and raises `WrongError` if not. It is not called while
    a function named in `needs` still has holes. The hint goes between "Hint: " and a full stop.
    """

    name: str
    points: int
    needs: tuple[str, ...]
    hint: str
    check: Check


def case(name: str, points: int, needs: tuple[str, ...], hint: str) -> Callable[[Check], Case]:
    """Return a decorator that turns a check into a `Case`."""
    return lambda check: Case(name, points, needs, hint, check)


@dataclass(frozen=True)
class Exercise:
    """A file to fill in: its title, the public names of minilocal that it may use, and its cases."""

    title: str
    uses: tuple[str, ...]
    cases: tuple[Case, ...]

    @property
    def points(self) -> int:
        """The points for all cases together."""
        return sum(case.points for case in self.cases)


@dataclass(frozen=True)
class Verdict:
    """The result of a case: "passed", "wrong" or "open", the reason, and what the code printed."""

    status: str
    says: str = ""
    printed: str = ""


def examine(student: Student, case: Case, rng: np.random.Generator) -> Verdict:
    """Return the verdict on a case, whatever the student's code does, unless it ends or blocks the process."""
    if lines := student.open_lines(case.needs):
        which = f"line {lines[0]} is" if len(lines) == 1 else f"lines {', '.join(map(str, lines))} are"
        return Verdict("open", f"{which} not filled in yet")
    printed = Printed()
    status, says = "wrong", ""
    with quiet(printed):
        try:
            case.check(student, rng)
            status = "passed"
        except WrongError as error:
            says = str(error)
        except NotImplementedError as error:
            status, says = "open", student.describe(error)
        except BaseException as error:
            says = student.describe(error)
    return Verdict(status, says, printed.text)


class Printed(io.TextIOBase):
    """A stream that keeps the beginning of what is printed to it."""

    def __init__(self) -> None:
        self.text = ""

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Keep the text as far as there is room."""
        self.text += text[: MOST_PRINTED - len(self.text)]
        return len(text)


@contextlib.contextmanager
def quiet(printed: Printed) -> Iterator[None]:
    """Send what the `with` block prints to `printed`, and silence its warnings."""
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")
        yield
