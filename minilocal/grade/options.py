"""The command's options."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from minilocal.console.cli import Parser
from minilocal.errors import InputError
from minilocal.grade.exercises import EXERCISES

SEED, LIMIT = 0, 10.0


@dataclass(frozen=True)
class Options:
    """The files to grade by exercise, and how."""

    files: dict[str, Path]
    seed: int
    limit: float
    json: bool


def parser() -> Parser:
    """Return the command's argument parser."""
    p = Parser(
        prog="python -m minilocal.grade",
        description="Check what was filled into the course's exercises, by central differences and against minilocal.",
        epilog="Exit status: 0 if everything is right, 1 if something is wrong or still open, 2 if there is nothing to "
        "grade. The files are run: grade only what you would run.",
    )
    p.add_argument("path", type=Path, help=f"a folder with {', '.join(f'{n}.py' for n in EXERCISES)}, or one of them")
    p.add_argument("--seed", type=int, default=SEED, help=f"of the random inputs (default: {SEED})")
    p.add_argument(
        "--time-limit",
        type=float,
        default=LIMIT,
        metavar="SECONDS",
        help=f"for loading a file, and for each case (default: {LIMIT:g})",
    )
    p.add_argument("--json", action="store_true", help="print everything as JSON, and nothing else, to stdout")
    return p


def read(argv: Sequence[str] | None) -> Options:
    """Return the options of a command line; raises `InputError` for one that is out of range."""
    given = parser().parse_args(argv)
    if given.seed < 0:
        raise InputError(f"--seed is {given.seed}; it must be at least 0")
    if not (math.isfinite(given.time_limit) and 0 < given.time_limit <= 3600):
        raise InputError(f"--time-limit is {given.time_limit}; it must be above 0 and at most 3600 seconds")
    return Options(find(given.path), given.seed, given.time_limit, given.json)


def find(path: Path) -> dict[str, Path]:
    """Return the files to grade by exercise: a folder's, present or not, or the one given."""
    names = ", ".join(f"{name}.py" for name in EXERCISES)
    if path.is_dir():
        files = {name: path / f"{name}.py" for name in EXERCISES}
        if not any(file.exists() for file in files.values()):
            raise InputError(f"{path} holds none of the exercises {names}; give the folder that does")
        return files
    if not path.exists():
        raise InputError(f"{path} does not exist; give a folder with exercises, tutorials/exercises say")
    if path.suffix != ".py" or path.stem not in EXERCISES:
        raise InputError(f"{path} is no exercise; their files are named {names}")
    return {path.stem: path}
