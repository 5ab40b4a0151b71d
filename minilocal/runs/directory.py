"""Run directories: what a run writes, and reading it again.

    runs/20260102-030405-G3S2-vgg8b/
        config.json             every option, the normalisation, the class names, a checksum of the images, and the
                                library versions and processor of the machine where the run began
        metrics.csv, gradients.csv, timing.csv, and perhaps alignment.csv       see tables.py
        checkpoint.npz, checkpoint-epoch9.npz           the newest checkpoint and the one before, see checkpoints.py
        curves.png, gradient_map.png, and perhaps timeline.png (of workers) and confusion_matrix.png (by evaluate.py)
        .lock                   empty; locked while a process trains here

Files are written under a temporary name, flushed and renamed, so that no file is ever half-written.
"""

from __future__ import annotations

import contextlib
import errno
import json
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from minilocal.console.text import shown
from minilocal.datasets.prepare import Data
from minilocal.errors import InputError, TrainingError
from minilocal.files import InUseError, expanded, new_directory, open_regular, replacing
from minilocal.networks.network import Network
from minilocal.runs import tables
from minilocal.runs.checkpoints import Checkpoints
from minilocal.runs.config import Config, differences, in_words
from minilocal.runs.lock import Lock
from minilocal.runs.machine import changes, machine
from minilocal.runs.preprocessing import Preprocessing
from minilocal.runs.sealed import Arrays
from minilocal.schedule import parse
from minilocal.training.recipe import Recipe
from minilocal.training.results import Position, position_in

LONGEST = 2**24  # bytes of a config.json
NAME_A_RUN = "name a run directory written by `python -m minilocal.train`"
UNCHECKED = "whether images and labels are the same now can't be checked"
LIMITS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # of the system; the file may be good


class RunDirectory:
    """A directory that holds one run: its `path`, its `lock` and its `checkpoints`; `~` is the home folder."""

    def __init__(self, path: str | Path) -> None:
        self.path = expanded(path)
        self.lock, self.checkpoints = Lock(self.path), Checkpoints(self.path)
        self._unwritten: dict[str, str] = {}  # texts of tables that could not be replaced

    @classmethod
    def create(cls, config: Config, path: str | None = None, base: str = "runs") -> RunDirectory:
        """Make a new directory and lock it: at path, or `base/<time>-<algo>-<model>`, numbered if that is taken.

        Raises `InputError` if it can't be made or path exists and is not an empty directory.
        """
        try:
            if path is not None:
                return _make_directory(RunDirectory(path))
            stem = f"{datetime.now():%Y%m%d-%H%M%S}-{parse(config.algo).name}-{config.model}"
            with new_directory(Path(base)):
                pass
            for number in range(1, 1001):
                directory = Path(base) / (stem if number == 1 else f"{stem}-{number}")
                with contextlib.suppress(FileExistsError):
                    directory.mkdir()
                    return _make_directory(RunDirectory(directory))
        except InputError:
            raise
        except (OSError, ValueError) as error:
            where = path if path is not None else base
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"run directory {where!r} can't be made ({reason}); name another with --run-dir") from None
        raise InputError(f"there are a thousand runs named {base}/{stem}; name one with --run-dir")

    def write_config(self, config: Config, data: Data) -> None:
        """Write config.json; raises `InputError` if the system refuses, because nothing has been trained yet."""
        content = {"config": config.as_dict(), "data": Preprocessing.of(data).as_dict()}
        there = self._content() if (self.path / "config.json").exists() else {"versions": machine()}
        self._write(content | there | content)

    def versions(self) -> Any:
        """Return what config.json says of the machine and the libraries with which the run began."""
        return self._content().get("versions")

    def note_machine(self) -> None:
        """Say on stderr if a run is resumed on another kind of machine, or has been, and remember it in config.json."""
        if not (self.path / "config.json").exists():
            return
        content = self._content()
        began, others = content.get("versions"), content.get("resumed_with", [])
        if not isinstance(others, list):
            others = []
        mine = machine()
        if changes(began, [mine]) and mine not in others:
            others = [*others, mine]
            self._write(content | {"resumed_with": others})
        if words := changes(began, others):
            print(
                f"{shown(self.path)} is resumed on another kind of machine ({shown(words)}); the result's last bits "
                "may differ from those of an uninterrupted run",
                file=sys.stderr,
            )

    def _write(self, content: dict[str, Any]) -> None:
        try:
            with replacing(self.path / "config.json") as file:
                file.write((json.dumps(content, indent=2) + "\n").encode())
        except TrainingError as error:
            self._remove(".lock")
            raise InputError(f"{error}; name another run directory") from None

    def remove_leftovers(self) -> None:
        """Remove temporary files of a process that was killed. Call it only with the lock, which writers hold.

        An evaluation draws its confusion matrix without the lock, so that one is left alone.
        """
        for path in self.path.glob(".*.tmp"):
            if not path.match(".confusion_matrix.png.*"):
                with contextlib.suppress(OSError):
                    path.unlink()

    def discard(self) -> None:
        """Remove a new directory, unless the run has begun and left a checkpoint in it."""
        self._remove(".lock", "config.json", *tables.TABLES)

    def _remove(self, *names: str) -> None:
        """Remove the directory if it holds only files with these names."""
        with contextlib.suppress(OSError):
            if all(path.name in names for path in self.path.iterdir()):
                for name in names:
                    (self.path / name).unlink(missing_ok=True)
                self.path.rmdir()

    def write_tables(self, texts: dict[str, str]) -> None:
        """Write the tables, given as texts by file name.

        One that can't be replaced, perhaps because it is open in a spreadsheet, is named on stderr and stays as it is.
        """
        for name, text in texts.items():
            self._unwritten.pop(name, None)
            try:
                with replacing(self.path / name) as file:
                    file.write(text.encode())
            except InUseError as error:
                self._unwritten[name] = text
                print(f"{shown(error)}; the next epoch or --resume writes it again", file=sys.stderr)

    def read_config(self) -> tuple[Config, Preprocessing]:
        """Return the configuration and the preprocessing in config.json, checked."""
        path, content = self.path / "config.json", self._content()
        try:
            preprocessing = Preprocessing.from_dict(content.get("data"))
            return Config.from_dict(content["config"], preprocessing.image_shape), preprocessing
        except InputError as error:
            raise InputError(f"{path} is not a run's configuration ({error}); name another run directory") from None

    def _content(self) -> dict[str, Any]:
        path = self.path / "config.json"
        content = self._read(path, lambda: json.loads(read_text(path)))
        if not isinstance(content, dict) or not isinstance(content.get("config"), dict):
            raise InputError(f"{path} is not a run's configuration; name another run directory")
        return content

    def check_data(self, preprocessing: Preprocessing, data: Data) -> None:
        """Raise `InputError` unless data are those of the run's own `preprocessing`; say if that can't be known."""
        preprocessing.check(data)
        if preprocessing.checksum is None:
            print(f"{shown(self.path)} is an older run without a checksum; {UNCHECKED}", file=sys.stderr)

    def read_checkpoint(self, network: Network) -> Position:
        """Load the newest checkpoint into the network; return its position.

        Raises `InputError` if it is damaged or belongs to another run.
        """
        config, preprocessing = self.read_config()

        def take(arrays: Arrays, about: dict[str, Any]) -> Position:
            check_same_run(about, config, preprocessing.checksum, preprocessing.image_shape)
            position = position_in(about.get("sums"))
            network.load(arrays)
            return position

        if (position := self.checkpoints.read(take, momentum=False)) is None:
            raise InputError(f"{self.checkpoints.newest} does not exist; {NAME_A_RUN}")
        return position

    def read_rows(self, name: str) -> list[dict[str, float]]:
        """Return the rows of a table as numbers by column; empty fields are left out."""
        path = self.path / name
        if name in self._unwritten:
            return tables.parse(self._unwritten[name], path)
        return self._read(path, lambda: tables.read(path))

    def _read(self, path: Path, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except InputError:
            raise
        except FileNotFoundError:
            raise InputError(f"{path} does not exist; {NAME_A_RUN}") from None
        except (OSError, ValueError, OverflowError, RecursionError) as error:
            if getattr(error, "errno", None) in LIMITS:
                raise
            raise InputError(f"{path} can't be read ({error}); train again or name another run") from None


def check_same_run(about: dict[str, Any], recipe: Recipe, checksum: str | None, shape: tuple[int, ...]) -> None:
    """Raise `InputError` if a checkpoint's `about` is of a run with other options or images than these.

    Only the number of epochs and the folder of the data may differ. Older checkpoints have no checksum of the images.
    """
    theirs = about.get("config")
    if isinstance(theirs, dict):
        theirs = type(recipe).from_dict(theirs, shape)
        if differing := in_words(differences(recipe, theirs, leave_out=("epochs",))):
            raise InputError(differing)
    if about.get("data", checksum) != checksum and checksum is not None:
        raise InputError("it was trained on other images or labels")


def read_text(path: Path) -> str:
    """Return the text of a JSON file; raises `InputError` if it is too long."""
    with open_regular(path) as file:
        content = file.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise InputError(f"{path} is longer than {LONGEST:,} bytes; name another directory")
    return content.decode()


def _make_directory(run: RunDirectory) -> RunDirectory:
    """Make a run's directory, or use an empty one, and lock it; leave nothing behind if that fails."""
    if str(run.path) in ("", "."):
        raise InputError("--run-dir is the current directory; name one that does not exist yet")
    with new_directory(run.path):
        _check_empty(run.path)  # first, so that no lock is left in someone else's directory
        run.lock.acquire()
        _check_empty(run.path)  # again, because another process may have been faster
    return run


def _check_empty(directory: Path) -> None:
    if not _is_empty(directory):
        raise InputError(f"run directory {str(directory)!r} is not empty; name one that does not exist yet")


def _is_empty(directory: Path) -> bool:
    """Whether a directory is empty, or holds only what is left of a run that was killed before its first file."""
    return all(path.name == ".lock" or path.match(".config.json.*tmp") for path in directory.iterdir())
