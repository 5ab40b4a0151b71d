"""One case on one student's file."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator

import numpy as np

from minilocal.grade.case import Case, Verdict, WrongError
from minilocal.grade.student import Student

MOST_PRINTED = 2000  # characters


class Printed(io.TextIOBase):
    """A stream that keeps the beginning of what is printed to it."""

    def __init__(self) -> None:
        self.text = ""

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Keep the text, as long as there is room."""
        self.text += text[: MOST_PRINTED - len(self.text)]
        return len(text)


def examine(student: Student, case: Case, rng: np.random.Generator) -> Verdict:
    """Return the verdict, whatever the student's code does, short of ending or holding up the process."""
    lines = student.open_lines(case.needs)
    if lines:
        which = f"line {lines[0]} is" if len(lines) == 1 else f"lines {', '.join(map(str, lines))} are"
        return Verdict("open", f"{which} still to be filled in")
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


@contextlib.contextmanager
def quiet(printed: Printed) -> Iterator[None]:
    """Have the block print to `printed`, and nobody hear NumPy's warnings."""
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")
        yield
