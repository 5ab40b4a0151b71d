"""Whose hand-ins are these? Folders and file names, as learning platforms make them.

FOLDER/Jane Doe_4711_assignsubmission_file_/margin.py      Moodle, a folder for each student
FOLDER/Jane Doe_4711_assignsubmission_file_margin.py       Moodle, without folders
FOLDER/doejane_LATE_4711_90210_margin-1.py                 Canvas
FOLDER/jane/labs/margin (1).py                             what browsers make of a second download
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from minilocal.console.text import shown
from minilocal.errors import InputError

DEEPEST = 2  # folders inside a student's folder
ANYHOW = re.IGNORECASE | re.DOTALL  # a name may have a line break in it
MOODLE = re.compile(r"_+assignsubmission_file.*$", ANYHOW)
NUMBERED = re.compile(r"^(.+?)(?:_late)?_(\d+)(?:_\d+)?$", ANYHOW)


@dataclass
class HandIn:
    """A student's files by lab; `identifier` is the platform's number for the student, if its names have one."""

    student: str
    identifier: str = ""
    files: dict[str, Path] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    copies: dict[str, int] = field(default_factory=dict)

    def add(self, lab: str, copy: int, path: Path) -> None:
        """Add a file; of several for a lab, the one with the highest number counts."""
        again = lab in self.files
        if not again or copy >= self.copies[lab]:
            self.files[lab], self.copies[lab] = path, copy
        if again:
            self.remarks.append(f"{lab}.py is there more than once, and {shown(self.files[lab].name)} counts")


def find(path: Path, labs: Collection[str]) -> HandIn:
    """Return one student's files: those of a folder, or the one file given. Raises `InputError` if there is none."""
    if not os.path.lexists(path):
        raise InputError(f"{path} does not exist; give a folder with labs, such as tutorials/labs")
    hand_in, names = HandIn(path.name), ", ".join(f"{name}.py" for name in labs)
    for file in _entries(path) if path.is_dir() else [path]:
        if (parsed := parse(file.name, labs)) is not None:
            hand_in.add(*parsed[1:], file)
    if not hand_in.files and path.is_dir():
        raise InputError(f"{path} contains none of the labs {names}; give a folder that does, or --csv for a class")
    if not hand_in.files:
        raise InputError(f"{path} is not a lab; labs are named {names}")
    return hand_in


def find_class(folder: Path, labs: Collection[str]) -> list[HandIn]:
    """Return the hand-ins of a class, sorted by student. Raises `InputError` if there are none."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; --csv takes one that contains a class's hand-ins")
    found: dict[tuple[str, str], HandIn] = {}
    for entry in _entries(folder):
        if entry.is_dir() and not entry.is_symlink() and not entry.name.startswith((".", "__")):
            hand_in = found.setdefault(whose(entry.name), HandIn(*whose(entry.name)))
            for path in _files(entry, hand_in.remarks):
                if (parsed := parse(path.name, labs)) is not None:
                    hand_in.add(*parsed[1:], path)
        elif (parsed := parse(entry.name, labs)) is not None:
            student = whose(parsed[0] or folder.name)
            found.setdefault(student, HandIn(*student)).add(*parsed[1:], entry)
    if not any(hand_in.files or hand_in.remarks for hand_in in found.values()):
        raise InputError(f"{folder} contains no hand-ins; give a folder with a folder or files for each student")
    return [found[student] for student in sorted(found)]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder} can't be read ({error.strerror}); give yourself the right to") from None


def _files(folder: Path, remarks: list[str]) -> Iterable[Path]:
    """Yield the files in a student's folder; remark on folders that can't be read."""

    def unreadable(error: OSError) -> None:
        remarks.append(f"the folder {shown(Path(error.filename).name)} can't be read ({error.strerror})")

    for place, folders, names in os.walk(folder, onerror=unreadable):
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = sorted(f for f in folders if depth < DEEPEST and not f.startswith((".", "__")))
        yield from (Path(place) / name for name in sorted(names))


def parse(name: str, labs: Collection[str]) -> tuple[str, str, int] | None:
    """Return what stands before a lab's name, the lab, and which copy it is; None if a file is no lab.

    >>> parse("doejane_4711_90210_margin-1.py", ["margin"])
    ('doejane_4711_90210', 'margin', 1)
    >>> parse("Margin (2).py", ["margin"])
    ('', 'margin', 2)
    """
    found = re.fullmatch(rf"(?:(.+?)[_\- ]+)?({'|'.join(labs)})(?:[ _-]*\((\d+)\)|-(\d+))?\.py", name, ANYHOW)
    return found and (found[1] or "", found[2].lower(), int((found[3] or found[4] or "0")[:9]))


def whose(name: str) -> tuple[str, str]:
    """Return the student's name and number in the name of a folder, or in what stands before a lab's name.

    >>> whose("Jane Doe_4711_assignsubmission_file_"), whose("doejane_LATE_4711_90210"), whose("jane")
    (('Jane Doe', '4711'), ('doejane', '4711'), ('jane', ''))
    """
    name = MOODLE.sub("", name)
    return (found[1], found[2]) if (found := NUMBERED.match(name)) else (name, "")
