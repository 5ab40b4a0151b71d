"""The command `python -m minilocal.grade tutorials/labs`, for one student or for a class."""

from __future__ import annotations

if __name__ == "__main__":
    from minilocal.console.launch import launch

    launch("minilocal.grade.__main__")

import itertools
import os
import runpy
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from minilocal.console.cli import Parser, command
from minilocal.console.options import add_options, given, option
from minilocal.errors import InputError
from minilocal.files import check_writable, expanded, replacing
from minilocal.grade import hand_ins, report
from minilocal.grade.grading import Graded, grade
from minilocal.grade.hand_ins import HandIn
from minilocal.grade.lab import PUBLIC, Lab, load
from minilocal.grade.outside import Clock

PRINTED = {"json": report.as_json, "gradescope": report.as_gradescope, "classroom": report.as_classroom}
STDOUT = Path("-")
WHAT, CLASS, OUTPUT = "what to grade", "a class", "output"
MORE = {1: "--hint 2 gives a nudge, --hint 3 the equation", 2: "--hint 3 gives the equation"}
NOT_LOCKED = (
    "this system can't keep hand-ins from reading files and starting programs (that takes Linux 5.13 or newer); to "
    "mark strangers' work, use --container"
)


@dataclass(frozen=True)
class Options:
    """How to grade, and how to say it."""

    only: tuple[str, ...] = option((), "grade these labs alone", group=WHAT, metavar="LAB")
    due: str | None = option(None, "grade what is due in this week: week1 or week2", group=WHAT)
    cases: Path | None = option(
        None, "file of cases, such as hidden.cases (default: those that students have)", group=WHAT
    )
    time_limit: float = option(
        5.0, "limit for loading a file, and for each call", group=WHAT, above=0, most=3600, metavar="SECONDS"
    )
    csv: Path | None = option(None, "grade a folder of hand-ins, and write the marks to this file", group=CLASS)
    jobs: int | None = option(None, "hand-ins at a time (default: one for each core)", group=CLASS, least=1, most=256)
    container: bool = option(False, "grade in a container, without network, by docker or podman", group=CLASS)
    hint: int = option(1, "1: what fails; 2: and a nudge; 3: and the equation", group=OUTPUT, least=1, most=3)
    no_hints: bool = option(False, "say only what is right and what is wrong, as in an exam", group=OUTPUT)
    format: str = option("text", "how to print the results", group=OUTPUT, choices=("text", *PRINTED))


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0 if everything is right, or a class is marked, and 1 if not."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if argv[:1] == ["package"]:
        return lecturers("package")(argv[1:])
    arguments = parser().parse_args(argv)
    path, values = expanded(arguments.path), given(arguments, Options)
    options = Options(**values)
    labs = chosen(load(options.cases or PUBLIC), options)
    if options.csv not in (None, STDOUT):
        check_writable(options.csv, "--csv")
    if options.container:
        return lecturers("container")(path, values)
    if options.csv is not None:
        return mark_class(path, labs, options)
    return mark_one(hand_ins.find(path, [lab.name for lab in labs]), path, labs, options)


def parser() -> Parser:
    """Return the command's argument parser."""
    p = Parser(
        prog="python -m minilocal.grade",
        description="Mark the course's labs after you have filled them in, or the hand-ins of a class.",
        epilog="`package FOLDER` instead of a path makes the archives for students and lecturers. Exit status: 0 if "
        "everything is right or a class is marked, 1 if something is wrong or not filled in, 2 if there is nothing to "
        "mark. tutorials/teach/README.md says what hand-ins can't do, and what they still can.",
    )
    p.add_argument("path", help="a folder with labs, one lab, or with --csv a folder of hand-ins")
    add_options(p, Options)
    return p


def chosen(labs: dict[str, Lab], options: Options) -> list[Lab]:
    """Return the labs that --only and --due leave."""
    weeks = sorted({f"week{lab.week}" for lab in labs.values()})
    only = [name.removesuffix(".py") for name in options.only]
    for flag, name, names in (*(("--only", name, labs) for name in only), ("--due", options.due, weeks)):
        if name is not None and name not in names:
            raise InputError(f"{flag} is {name!r}; choose from {', '.join(names)}")
    left = [lab for lab in labs.values() if lab.name in (only or labs) and options.due in (None, f"week{lab.week}")]
    if not left:
        raise InputError(f"none of --only's labs is due in {options.due}; leave out one of the two options")
    return left


def mark_one(hand_in: HandIn, path: Path, labs: Sequence[Lab], options: Options) -> int:
    """Mark one student's labs, and print the results."""
    hint, clock = 0 if options.no_hints else options.hint, Clock(options.time_limit)
    print(*hand_in.remarks, sep="\n", end="\n" * bool(hand_in.remarks), file=sys.stderr)
    all_graded: list[Graded] = []
    for lab in labs if path.is_dir() else [lab for lab in labs if lab.name in hand_in.files]:
        all_graded.append(grade(hand_in.files.get(lab.name, path / f"{lab.name}.py"), lab, clock))
        if options.format == "text":
            print("\n".join(report.text(all_graded[-1], hint)) + "\n", flush=True)
    points, most = report.total(all_graded)
    if options.format != "text":
        print(PRINTED[options.format](all_graded, hint))
    elif len(all_graded) > 1:
        print(report.row("total", f"{points} of {most} points"))
    if options.format == "text" and hint in (1, 2) and any(v.status == "wrong" for g in all_graded for v in g.verdicts):
        print(MORE[hint])
    _warn(all_graded)
    return 0 if points == most else 1


def _warn(all_graded: Iterable[Graded]) -> None:
    if any(graded.holds and not {"files", "calls"} <= set(graded.holds) for graded in all_graded):
        print(NOT_LOCKED, file=sys.stderr)


def mark_class(folder: Path, labs: Sequence[Lab], options: Options) -> int:
    """Mark a class, several hand-ins at a time, and write the table."""
    students = hand_ins.find_class(folder, [lab.name for lab in labs])

    def mark(hand_in: HandIn) -> list[Graded]:
        clock = Clock(options.time_limit)
        return [grade(hand_in.files.get(lab.name, folder / f"{lab.name}.py"), lab, clock) for lab in labs]

    with ThreadPoolExecutor(options.jobs or os.cpu_count()) as pool:
        marks = list(tqdm(pool.map(mark, students), "hand-ins", len(students), leave=False, disable=None))
    table = report.as_csv(zip(students, marks, strict=True), labs)
    if options.csv in (None, STDOUT):
        sys.stdout.write(table.decode())
    else:
        with replacing(options.csv) as file:
            file.write(table)
        points, most = report.total(graded for all_graded in marks for graded in all_graded)
        mean = f"{points / len(marks):.1f} of {most // len(marks)} points"
        print(f"{len(marks)} hand-ins, {mean} on average; see {options.csv}")
    _warn(itertools.chain(*marks))
    return 0


def lecturers(script: str) -> Callable[..., int]:
    """Return the `main` of one of the lecturer's scripts, if they are here."""
    path = Path(__file__).parents[2] / "tutorials" / "teach" / f"{script}.py"
    if not path.exists():
        raise InputError(f"{path} is missing; this takes a clone with the lecturer's files")
    return runpy.run_path(str(path))["main"]
