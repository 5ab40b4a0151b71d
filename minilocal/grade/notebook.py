"""`minilocal.grade.check("margin", globals())`: a lab's points for functions in a notebook.

nbgrader takes the points as partial credit if the call is the last line of a test's cell; in otter-grader, compare them
in a test. The functions run in the notebook's own process: what a hand-in has patched there counts, and nothing stops a
loop but the notebook's time limit. Marks that must hold come from the command.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minilocal.errors import InputError
from minilocal.grade import inside, lab, plain, report, standins
from minilocal.grade.grading import Graded, decide


class Here:
    """Answers like the student's process, with functions of this one."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.__dict__ = namespace

    def ask(self, value: dict[str, Any], limit: float, late: str) -> Any:
        """Call a function, with values that are copied on their way there and back."""
        reply = inside.answer(self, *inside.read_trial(plain.pack(value, standins.construction)))
        return plain.unpack(plain.pack(reply))


def check(name: str, namespace: dict[str, Any], case: str | None = None, cases: Path | str | None = None) -> float:
    """Return the points that the functions in `namespace` earn, and print what is wrong.

    `case` names one of the lab's cases, and `cases` a file of cases, such as hidden.cases. Raises `InputError` if there
    is no such lab or case.
    """
    labs = lab.load(lab.PUBLIC if cases is None else Path(cases))
    if name not in labs:
        raise InputError(f"there is no lab {name!r}; choose from {', '.join(labs)}")
    chosen = [one for one in labs[name].cases if case in (None, one.name)]
    if not chosen:
        raise InputError(f"{name} has no case {case!r}; choose from {', '.join(one.name for one in labs[name].cases)}")
    part = lab.Lab(**{**vars(labs[name]), "cases": tuple(chosen)})
    verdicts = [decide(one, Here(namespace), {}, 0.0) for one in chosen]
    graded = Graded(Path(name), part, verdicts)
    print("\n".join(report.text(graded, hint=2)))
    return float(graded.points)
