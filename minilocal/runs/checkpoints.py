"""The checkpoints of a run: `checkpoint.npz` is the newest, `checkpoint-epoch3.npz` an older one.

A new checkpoint is written under a temporary name and flushed to disk. Then the previous one is renamed, and the new
one takes its name. So there is always a good one, no matter when the process or the machine dies.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from minilocal.console.text import shown
from minilocal.errors import InputError
from minilocal.files import replacing
from minilocal.runs import sealed
from minilocal.runs.sealed import Arrays
from minilocal.training.results import Position

NEWEST = "checkpoint.npz"
OLDER = re.compile(r"checkpoint-epoch([0-9]{1,6})(?:-step([0-9]{1,9}))?\.npz")

T = TypeVar("T")


class Checkpoints:
    """The checkpoints in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def newest(self) -> Path:
        """The path of the newest checkpoint, whether or not it exists yet."""
        return self.directory / NEWEST

    def older(self) -> dict[Position, Path]:
        """Return the older checkpoints by position, the latest first."""
        try:
            matches = [OLDER.fullmatch(path.name) for path in self.directory.iterdir()]
        except OSError:  # the directory is gone or unreadable: opening a file in it will say so
            return {}
        places = sorted((Position(int(match[1]), int(match[2] or 0)) for match in matches if match), reverse=True)
        return {place: self.directory / _name(place) for place in places}

    def write(
        self, arrays: Arrays, about: dict[str, Any], position: Position, previous: Position | None, keep: int
    ) -> None:
        """Write the newest checkpoint; keep the previous one, if its position is known, and older ones, `keep` in all.

        Checkpoints at or after `position`, left by training that was not resumed, are removed too. Raises
        `TrainingError` if the system refuses to write; then everything that was there is kept.
        """
        aside = self.directory / _name(previous) if previous is not None and keep > 0 else None
        with replacing(self.newest, aside) as file:
            sealed.write(file, arrays, about)
        older = self.older()
        kept = [place for place in older if place < position][:keep]
        for place, path in older.items():
            if place not in kept:
                with contextlib.suppress(OSError):
                    path.unlink()

    def read(self, take: Callable[[Arrays, dict[str, Any]], T], momentum: bool = True) -> T | None:
        """Return `take(arrays, about)` of the newest checkpoint; None if there are no checkpoints.

        Momentum buffers are among the arrays only if `momentum`. Raises `InputError` if the newest checkpoint is
        damaged, or `take` says that it does not fit.
        """
        for path in self._all():
            return _read(path, take, momentum)
        return None

    def read_good(self, take: Callable[[Arrays, dict[str, Any]], T]) -> tuple[Path, T] | None:
        """Return the path of the newest good checkpoint and what `read` would return for it; None without checkpoints.

        Newer checkpoints that are damaged or do not fit are named on stderr. If none is good, `InputError` says what is
        wrong with the newest.
        """
        problems: list[InputError] = []
        for path in self._all():
            try:
                taken = _read(path, take, momentum=True)
            except InputError as error:
                problems.append(error)
                continue
            for problem in problems:
                print(f"{shown(problem)}; {path.name} is used instead", file=sys.stderr)
            return path, taken
        if problems:
            raise problems[0]
        return None

    def _all(self) -> list[Path]:
        """Return the paths of all checkpoints, the newest first."""
        return [path for path in (self.newest, *self.older().values()) if path.exists() or path.is_symlink()]


def _read(path: Path, take: Callable[[Arrays, dict[str, Any]], T], momentum: bool) -> T:
    content = sealed.read(path, lambda name: momentum or not name.startswith("momentum."))
    try:
        return take(*content)
    except InputError as error:
        raise InputError(f"{path} does not fit the run's configuration: {error}") from None


def _name(place: Position) -> str:
    """Return the file name of an older checkpoint.

    >>> _name(Position(3, 0)), _name(Position(3, 20))
    ('checkpoint-epoch3.npz', 'checkpoint-epoch3-step20.npz')
    """
    return f"checkpoint-epoch{place.epoch}{f'-step{place.step}' if place.step else ''}.npz"
