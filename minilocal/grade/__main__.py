"""The command `python -m minilocal.grade tutorials/exercises`: its options, and its results as text or JSON."""

from __future__ import annotations

if __name__ == "__main__":
    from minilocal.console.launch import launch

    launch("minilocal.grade.__main__")

import functools
import json
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from minilocal.console.cli import Parser, command
from minilocal.console.options import add_options, given, option
from minilocal.errors import InputError
from minilocal.files import expanded
from minilocal.grade.exercises import EXERCISES
from minilocal.grade.grading import Graded, grade

NAMES = ", ".join(f"{name}.py" for name in EXERCISES)

WIDTH, INDENT = 100, " " * 6
MOST_LINES = 5  # of what the code printed
SIGNS = {"passed": "✓", "wrong": "✗", "open": "…"}


@dataclass(frozen=True)
class Options:
    """The command's options."""

    seed: int = option(0, "seed of the random inputs", group="grading", least=0)
    time_limit: float = option(
        10.0, "time limit for loading a file, and for each case", group="grading", above=0, most=3600, metavar="SECONDS"
    )
    json: bool = option(False, "print everything as JSON to stdout, and nothing else", group="grading")


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0 if everything is right, 1 if not."""
    arguments = parser().parse_args(argv)
    options = Options(**given(arguments, Options))
    all_graded = []
    for path in find(arguments.path):
        graded = grade(path, options.seed, options.time_limit, _say_once)
        all_graded.append(graded)
        if not options.json:
            print("\n".join(text(graded)) + "\n", flush=True)
    points, most = sum(graded.points for graded in all_graded), sum(graded.exercise.points for graded in all_graded)
    if options.json:
        results = {"seed": options.seed, "points": points, "of": most, "exercises": [report(g) for g in all_graded]}
        print(json.dumps(results, indent=1))
    elif len(all_graded) > 1:
        print(_row("total", f"{points} of {most} points"))
    return 0 if points == most else 1


def parser() -> Parser:
    """Return the command's argument parser."""
    p = Parser(
        prog="python -m minilocal.grade",
        description="Check the course's exercises after you have filled them in, by central differences and against "
        "minilocal.",
        epilog="Exit status: 0 if everything is right, 1 if something is wrong or not filled in, 2 if there is nothing "
        "to grade. The files are run: grade only files that you would run yourself.",
    )
    p.add_argument("path", type=expanded, help=f"a folder with {NAMES}, or one of these files")
    add_options(p, Options)
    return p


def find(path: Path) -> list[Path]:
    """Return the files to grade: all exercises of a folder, whether they exist or not, or the one file given."""
    if path.is_dir():
        files = [path / f"{name}.py" for name in EXERCISES]
        if not any(file.exists() for file in files):
            raise InputError(f"{path} contains none of the exercises {NAMES}; give a folder that does")
        return files
    if not path.exists():
        raise InputError(f"{path} does not exist; give a folder with exercises, such as tutorials/exercises")
    if path.suffix != ".py" or path.stem not in EXERCISES:
        raise InputError(f"{path} is not an exercise; exercises are named {NAMES}")
    return [path]


@functools.cache
def _say_once(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def text(graded: Graded) -> list[str]:
    """Return a file's title, points and verdicts as lines for the student to read."""
    title = f"{graded.path.name}: {graded.exercise.title}"
    lines = [_row(title, f"{graded.points} of {graded.exercise.points} points")]
    if graded.unfit:
        lines += _paragraph(graded.unfit) + _printed(graded.printed)
    for number, verdict in sorted(graded.verdicts.items()):
        case = graded.exercise.cases[number]
        points = case.points if verdict.status == "passed" else 0
        lines += [_row(f"  {SIGNS[verdict.status]} {case.name}", f"{points} of {case.points}       ")]
        lines += _paragraph(verdict.says)
        if verdict.status == "wrong":  # not before the student has begun
            lines += _paragraph(f"Hint: {case.hint}.")
        lines += _printed(verdict.printed)
    return lines


def _row(left: str, right: str) -> str:
    return f"{left}{right.rjust(max(1, WIDTH - len(left)))}".rstrip()


def _paragraph(sentence: str) -> list[str]:
    return textwrap.wrap(sentence, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)


def _printed(printed: str) -> list[str]:
    """Return the first lines that the code printed: the student may be looking for them."""
    lines = printed.splitlines()
    shown = [f"{INDENT}  | {line[: WIDTH - 10]}" for line in lines[:MOST_LINES]]
    more = [f"{INDENT}  | …"] if len(lines) > MOST_LINES else []
    return [f"{INDENT}It printed:", *shown, *more] if lines else []


def report(graded: Graded) -> dict[str, Any]:
    """Return a file's verdicts ready for JSON."""
    cases = []
    for number, case in enumerate(graded.exercise.cases):
        verdict = asdict(graded.verdicts[number]) if number in graded.verdicts else {"status": "unfit"}
        cases.append({"name": case.name, "of": case.points, "hint": case.hint, **verdict})
    return {
        "name": graded.path.stem,
        "file": str(graded.path),
        "points": graded.points,
        "of": graded.exercise.points,
        "unfit": graded.unfit,
        "cases": cases,
    }
