"""Results as text, JSON, CSV, and as Gradescope and GitHub Classroom want them."""

from __future__ import annotations

import base64
import csv
import io
import json
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from minilocal.console.text import shown
from minilocal.grade.grading import Graded, Verdict
from minilocal.grade.hand_ins import HandIn
from minilocal.grade.lab import Case, Lab

WIDTH, INDENT = 100, " " * 6
MOST_LINES = 5  # of what the code printed
SIGNS = {"passed": "✓", "wrong": "✗", "open": "…"}


def text(graded: Graded, hint: int) -> list[str]:
    """Return a file's title, points and verdicts as lines for the student to read; `hint` is 0 to 3."""
    lab, name = graded.lab, shown(graded.path.name)
    lines = [row(f"{name}: {lab.title} (lesson {lab.lesson})", f"{graded.points} of {lab.points} points")]
    if graded.unfit:
        return lines + _paragraph(graded.unfit) + _printed(graded.printed)
    for case, verdict, points in zip(lab.cases, graded.verdicts, graded.earned(), strict=True):
        lines += [row(f"  {SIGNS[verdict.status]} {case.name}", f"{points} of {case.points}       ")]
        for sentence in explained(case, verdict, hint):
            lines += _paragraph(sentence)
        lines += _printed(verdict.printed) if hint else []
    return lines


def explained(case: Case, verdict: Verdict, hint: int) -> list[str]:
    """Return what is said about a verdict: what fails, from hint 2 on a nudge, and with hint 3 the equation."""
    said = [verdict.says] if hint or verdict.status == "open" else []
    if verdict.status == "wrong":  # not before the student has begun
        said += [f"Hint: {case.nudge}."] if hint > 1 else []
        said += [f"Equation: {case.equation}."] if hint > 2 else []
    return said


def row(left: str, right: str) -> str:
    """Return a line with something at each end."""
    return f"{left}{right.rjust(max(1, WIDTH - len(left)))}".rstrip()


def _paragraph(sentence: str) -> list[str]:
    return textwrap.wrap(sentence, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)


def _printed(printed: str) -> list[str]:
    """Return the first lines that the code printed: the student may be looking for them."""
    lines = printed.splitlines()
    shown = [*(line[: WIDTH - 10] for line in lines[:MOST_LINES]), *["…"] * (len(lines) > MOST_LINES)]
    return [f"{INDENT}It printed:", *(f"{INDENT}  | {line}" for line in shown)] if lines else []


def total(all_graded: Iterable[Graded]) -> tuple[int, int]:
    """Return the points and how many there are."""
    points = [(graded.points, graded.lab.points) for graded in all_graded]
    return sum(p for p, _ in points), sum(most for _, most in points)


def as_json(all_graded: Sequence[Graded], hint: int) -> str:
    """Return everything as JSON."""
    points, most = total(all_graded)
    names = ("lab", "case", "points", "of", "status", "says")
    cases = [dict(zip(names, one, strict=True)) for one in rows(all_graded, hint)]
    return json.dumps({"points": points, "of": most, "cases": cases}, indent=1)


def rows(all_graded: Iterable[Graded], hint: int) -> Iterator[tuple[str, str, int, int, str, str]]:
    """Yield each case: its lab, name, points, points at most, status, and what is said about it."""
    for graded in all_graded:
        for case, verdict, points in zip(graded.lab.cases, graded.verdicts, graded.earned(), strict=True):
            says = " ".join([graded.unfit, *explained(case, verdict, hint)]).strip()
            yield graded.lab.name, case.name, points, case.points, verdict.status, says


def as_gradescope(all_graded: Sequence[Graded], hint: int) -> str:
    """Return Gradescope's results.json: a test for each case."""
    tests = [
        {"name": f"{lab}: {name}", "score": points, "max_score": most, "output": says,
         "status": "passed" if status == "passed" else "failed"}
        for lab, name, points, most, status, says in rows(all_graded, hint)
    ]  # fmt: skip
    return json.dumps({"output_format": "text", "tests": tests}, indent=1)


def as_classroom(all_graded: Sequence[Graded], hint: int) -> str:
    """Return what GitHub Classroom's grading reporter takes as a runner's result: JSON in Base64."""
    points, most = total(all_graded)
    tests = [
        {"name": f"{lab}: {name}", "status": "pass" if status == "passed" else "fail", "score": points, "message": says,
         "test_code": name, "filename": f"{lab}.py", "line_no": 0}
        for lab, name, points, _, status, says in rows(all_graded, hint)
    ]  # fmt: skip
    result = {"version": 1, "status": "pass" if points == most else "fail", "max_score": most, "tests": tests}
    return base64.b64encode(json.dumps(result).encode()).decode()


def as_csv(marks: Iterable[tuple[HandIn, Sequence[Graded]]], labs: Sequence[Lab]) -> bytes:
    """Return a row for each student, as Moodle and spreadsheets read it: UTF-8 with a mark, commas, CR LF."""
    file = io.StringIO()
    table = csv.writer(file)
    cases = [f"{lab.name}: {case.name}" for lab in labs for case in lab.cases]
    table.writerow(["student", "identifier", "total", "of", *(lab.name for lab in labs), *cases, "remarks"])
    for hand_in, all_graded in marks:
        unfit = [f"{graded.lab.name}.py: {graded.unfit}" for graded in all_graded if graded.unfit]
        remarks = "; ".join([*hand_in.remarks, *unfit])
        cells = [hand_in.student, hand_in.identifier, *total(all_graded), *(graded.points for graded in all_graded)]
        cells += [points for graded in all_graded for points in graded.earned()]
        table.writerow([_harmless(cell) for cell in (*cells, remarks)])
    return b"\xef\xbb\xbf" + file.getvalue().encode("utf-8", errors="replace")


def _harmless(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula."""
    words = shown(cell) if isinstance(cell, str) else cell
    return f"'{words}" if isinstance(words, str) and words.startswith(("=", "+", "-", "@")) else words
