"""Labs, their cases, and the trials that decide a case: what a function gets, and what it should return.

They are read from a file of cases. tutorials/teach/recording.py, which students don't have, makes such files from the
reference solutions: `public.cases`, which everyone has, for one seed, and a lecturer's hidden.cases for another.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minilocal.errors import InputError
from minilocal.files import open_regular
from minilocal.grade import plain, standins

PUBLIC = Path(__file__).with_name("public.cases")
VERSION = 1


@dataclass(frozen=True)
class Trial:
    """One call of a function.

    Attributes:
        label: what is special about it, such as "stride 2", or nothing.
        arguments: what the function gets.
        helpers: what the reference's other functions returned on the way, by name: pairs (arguments, result).
        result: what it should return.
        states: the states of the stand-ins among the arguments, afterwards.
        mistakes: what well-known mistakes would return, by what they look like: "the variance were a constant".
    """

    label: str
    arguments: tuple[Any, ...]
    helpers: dict[str, list[Any]]
    result: Any
    states: list[dict[str, Any]]
    mistakes: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """What earns points: a function is right in all trials.

    `returns` names what it returns, for messages. `nudge` and `equation` are the second and the third hint.
    """

    name: str
    points: int
    function: str
    returns: tuple[str, ...]
    nudge: str
    equation: str
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Lab:
    """A file to fill in, `name`.py; `lesson` is the lesson that it needs, `week` when it is due."""

    name: str
    title: str
    lesson: int
    week: int
    cases: tuple[Case, ...]

    @property
    def points(self) -> int:
        """The points for all cases together."""
        return sum(case.points for case in self.cases)


def load(path: Path = PUBLIC) -> dict[str, Lab]:
    """Return the labs of a file of cases, by name, in the order of the course."""
    try:
        with open_regular(path) as file:
            content = plain.unpack(file.read(), standins.construct)
        version, labs = content["version"], [_lab(values) for values in content["labs"]]
    except (plain.PlainError, TypeError, KeyError) as error:
        raise InputError(f"{path} is no file of cases ({error}); `package` writes one") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} can't be read ({getattr(error, 'strerror', error)}); give a file of cases") from None
    if version != VERSION:
        raise InputError(f"{path} is of version {version}; record it again with this minilocal")
    return {lab.name: lab for lab in labs}


def _lab(values: dict[str, Any]) -> Lab:
    cases = [Case(**{**case, "trials": tuple(Trial(**trial) for trial in case["trials"])}) for case in values["cases"]]
    return Lab(**{**values, "cases": tuple(cases)})
