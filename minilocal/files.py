"""Writing so that nothing is half-written and nothing is left behind."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from minilocal.errors import TrainingError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file and, once it is written and flushed to disk, put it in the place of `path`.

    Raises `TrainingError` if the system refuses; then what was at `path` before is still there.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise TrainingError(f"{path} can't be written ({error.strerror}); what was there before is kept") from None


@contextlib.contextmanager
def new_directory(path: Path) -> Iterator[None]:
    """Make a directory and its parents; if the block fails, take away those that were made and are empty."""
    absent = [place for place in (path, *path.parents) if not place.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for place in absent:
            with contextlib.suppress(OSError):
                place.rmdir()
        raise
