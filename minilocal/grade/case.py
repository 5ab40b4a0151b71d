"""What the exercises are made of: cases with points, needs, hints and a check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from minilocal.grade.student import Student


class WrongError(Exception):
    """The student's code is wrong: the message says what it gives and what it should give."""


@dataclass(frozen=True)
class Case:
    """One thing that is checked and earns points.

    `check(student, rng)` returns if it is right and raises `WrongError` if it is not. It is not called while a function
    named in `needs` has holes.
    """

    name: str
    points: int
    needs: tuple[str, ...]
    hint: str
    check: Callable[[Student, np.random.Generator], None]


@dataclass(frozen=True)
class Exercise:
    """A file to be filled in: a title, the public names of minilocal that it may use, and its cases."""

    title: str
    uses: tuple[str, ...]
    cases: tuple[Case, ...]

    @property
    def points(self) -> int:
        """Return the most points."""
        return sum(case.points for case in self.cases)


@dataclass(frozen=True)
class Verdict:
    """What is to be said of a case: "passed", "wrong" or "open", why, and what the code printed meanwhile."""

    status: str
    says: str = ""
    printed: str = ""
