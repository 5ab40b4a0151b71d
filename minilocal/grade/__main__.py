"""Grade the course's exercises: `python -m minilocal.grade tutorials/exercises`."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from minilocal.compute.compilation import COMPILING
from minilocal.console.cli import command
from minilocal.grade.grading import Graded, grade
from minilocal.grade.options import read
from minilocal.grade.text import render, total


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0 if all is right, 1 if not."""
    options = read(argv)
    all_graded: list[Graded] = []
    for name, path in options.files.items():
        graded = grade(name, path, options.seed, options.limit, _say_compiling)
        all_graded.append(graded)
        if not options.json:
            print(render(graded) + "\n", flush=True)
    if options.json:
        print(json.dumps(_report(all_graded, options.seed), indent=1))
    elif len(all_graded) > 1:
        print(total(all_graded))
    return 0 if all(graded.points == graded.exercise.points for graded in all_graded) else 1


@functools.cache  # once
def _say_compiling() -> None:
    print(COMPILING, file=sys.stderr)


def _report(all_graded: Sequence[Graded], seed: int) -> dict[str, Any]:
    """Return everything ready for JSON."""
    return {
        "seed": seed,
        "points": sum(graded.points for graded in all_graded),
        "of": sum(graded.exercise.points for graded in all_graded),
        "exercises": [
            {
                "name": graded.name,
                "file": str(graded.path),
                "points": graded.points,
                "of": graded.exercise.points,
                "unfit": graded.unfit,
                "cases": [
                    {"name": case.name, "of": case.points, "hint": case.hint}
                    | (asdict(graded.verdicts[number]) if number in graded.verdicts else {"status": "unfit"})
                    for number, case in enumerate(graded.exercise.cases)
                ],
            }
            for graded in all_graded
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
