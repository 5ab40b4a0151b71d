"""Run directories: what a run writes, and reading it again.

    runs/20260102-030405-G3S2-vgg8b/
        config.json             every option, the normalisation, the class names, library versions
        metrics.csv, gradients.csv, timing.csv          see tables.py
        checkpoint.npz, checkpoint-epoch9.npz           the newest checkpoint and the one before, see checkpoints.py
        curves.png, gradient_map.png, and perhaps timeline.png (of workers) and confusion_matrix.png (by evaluate.py)
        .lock                   empty; locked while a process trains here

Files are written under a temporary name, flushed and renamed, so that no file is ever half-written.
"""

from __future__ import annotations

import contextlib
import json
import platform
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numba
import numpy as np

from minilocal import __version__
from minilocal.datasets.prepare import Data
from minilocal.errors import InputError, TrainingError
from minilocal.files import new_directory, replacing
from minilocal.networks.network import Network
from minilocal.runs import tables
from minilocal.runs.checkpoints import Checkpoints
from minilocal.runs.config import Config
from minilocal.runs.lock import Lock
from minilocal.runs.preprocessing import Preprocessing
from minilocal.runs.sealed import Arrays
from minilocal.schedule import parse
from minilocal.training.results import Position, position_in

LONGEST = 2**24  # bytes of a config.json
NAME_A_RUN = "name a run directory written by `python -m minilocal.train`"
TOO_LARGE = (MemoryError, OverflowError, RecursionError)  # raised for files that lie about their size


class RunDirectory:
    """A directory that holds one run: its `path`, its `lock` and its `checkpoints`."""

    def __init__(self, path: Path) -> None:
        self.path, self.lock, self.checkpoints = path, Lock(path), Checkpoints(path)

    @classmethod
    def create(cls, config: Config, path: str | None = None, base: str = "runs") -> RunDirectory:
        """Make a new directory and lock it: at path, or `base/<time>-<algo>-<model>`, numbered if that is taken.

        Raises `InputError` if it can't be made or path exists and is not an empty directory.
        """
        try:
            if path is not None:
                return _make_directory(Path(path))
            stem = f"{datetime.now():%Y%m%d-%H%M%S}-{parse(config.algo).name}-{config.model}"
            Path(base).mkdir(parents=True, exist_ok=True)
            for number in range(1, 1001):
                directory = Path(base) / (stem if number == 1 else f"{stem}-{number}")
                with contextlib.suppress(FileExistsError):
                    directory.mkdir()
                    return _make_directory(directory)
        except InputError:
            raise
        except (OSError, ValueError) as error:
            where = path if path is not None else base
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"run directory {where!r} can't be made ({reason}); name another with --run-dir") from None
        raise InputError(f"there are a thousand runs named {base}/{stem}; name one with --run-dir")

    def write_config(self, config: Config, data: Data) -> None:
        """Write config.json; raises `InputError` if the system refuses, because nothing has been trained yet."""
        content = {
            "config": config.as_dict(),
            "data": Preprocessing.of(data).as_dict(),
            "versions": {
                "minilocal": __version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
                "numba": numba.__version__,
            },
        }
        try:
            with replacing(self.path / "config.json") as file:
                file.write((json.dumps(content, indent=2) + "\n").encode())
        except TrainingError as error:
            self._remove(".lock")
            raise InputError(f"{error}; name another run directory") from None

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
        """Write the tables, given as texts by file name."""
        for name, text in texts.items():
            with replacing(self.path / name) as file:
                file.write(text.encode())

    def read_config(self) -> tuple[Config, Preprocessing]:
        """Return the configuration and the preprocessing in config.json, checked."""
        path = self.path / "config.json"
        content = self._read(path, lambda: json.loads(_text(path)))
        if not isinstance(content, dict) or not isinstance(content.get("config"), dict):
            raise InputError(f"{path} is not a run's configuration; name another run directory")
        try:
            preprocessing = Preprocessing.from_dict(content.get("data"))
            return Config.from_dict(content["config"], preprocessing.image_shape), preprocessing
        except InputError as error:
            raise InputError(f"{path} is not a run's configuration ({error}); name another run directory") from None

    def read_checkpoint(self, network: Network) -> Position:
        """Load the newest checkpoint into the network; return its position."""

        def take(arrays: Arrays, about: dict[str, Any]) -> Position:
            position = position_in(about.get("sums"))
            network.load(arrays)
            return position

        if (position := self.checkpoints.read(take, momentum=False)) is None:
            raise InputError(f"{self.checkpoints.newest} does not exist; {NAME_A_RUN}")
        return position

    def read_rows(self, name: str) -> list[dict[str, float]]:
        """Return the rows of a table as numbers by column; empty fields are left out."""
        path = self.path / name
        return self._read(path, lambda: tables.read(path))

    def _read(self, path: Path, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except InputError:
            raise
        except FileNotFoundError:
            raise InputError(f"{path} does not exist; {NAME_A_RUN}") from None
        except (OSError, ValueError, *TOO_LARGE) as error:
            raise InputError(
                f"{path} can't be read ({str(error) or type(error).__name__}); train again or name another run"
            ) from None


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise InputError(f"{path} is longer than {LONGEST:,} bytes; name another run directory")
    return content.decode()


def _make_directory(directory: Path) -> RunDirectory:
    """Make a directory, or use an empty one, and lock it; leave nothing behind if that fails."""
    if str(directory) in ("", "."):
        raise InputError("--run-dir is the current directory; name one that does not exist yet")
    run = RunDirectory(directory)
    with new_directory(directory):
        _check_empty(directory)  # first, so that no lock is left in someone else's directory
        run.lock.acquire()
        _check_empty(directory)  # again, because another process may have been faster
    return run


def _check_empty(directory: Path) -> None:
    if not _is_empty(directory):
        raise InputError(f"run directory {str(directory)!r} is not empty; name one that does not exist yet")


def _is_empty(directory: Path) -> bool:
    """Whether a directory is empty, or holds only what is left of a run that was killed before its first file."""
    return all(path.name in (".lock", ".config.json.tmp") for path in directory.iterdir())
