"""Verdicts as text for students to read."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from minilocal.grade.case import Case, Verdict
from minilocal.grade.grading import Graded

WIDTH, INDENT = 100, " " * 6
MOST_LINES = 5  # of what the code printed
SIGNS = {"passed": "✓", "wrong": "✗", "open": "…"}


def render(graded: Graded) -> str:
    """Return an exercise's title, points and verdicts."""
    title = f"{graded.path.name}: {graded.exercise.title}"
    lines = [_row(title, f"{graded.points} of {graded.exercise.points} points", WIDTH)]
    if graded.unfit:
        lines += _paragraph(graded.unfit) + _printed(graded.printed)
    for number, case in enumerate(graded.exercise.cases):
        if number in graded.verdicts:
            lines += _case(case, graded.verdicts[number])
    return "\n".join(lines)


def total(all_graded: Sequence[Graded]) -> str:
    """Return the points in all."""
    points, most = sum(g.points for g in all_graded), sum(g.exercise.points for g in all_graded)
    return _row("in all", f"{points} of {most} points", WIDTH)


def _case(case: Case, verdict: Verdict) -> list[str]:
    points = case.points if verdict.status == "passed" else 0
    lines = [_row(f"  {SIGNS[verdict.status]} {case.name}", f"{points} of {case.points}       ", WIDTH)]
    lines += _paragraph(verdict.says)
    if verdict.status == "wrong":  # who has not begun needs none
        lines += _paragraph(f"Hint: {case.hint}.")
    return lines + _printed(verdict.printed)


def _row(left: str, right: str, width: int) -> str:
    return f"{left}{right.rjust(max(1, width - len(left)))}".rstrip()


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)


def _printed(text: str) -> list[str]:
    """Return the first lines of what the code printed: it may be what its author is looking for."""
    lines = text.splitlines()
    shown = [f"{INDENT}  | {line[: WIDTH - 10]}" for line in lines[:MOST_LINES]]
    more = [f"{INDENT}  | …"] if len(lines) > MOST_LINES else []
    return [f"{INDENT}It printed:", *shown, *more] if lines else []
