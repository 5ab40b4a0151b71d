"""Write files so that none is ever half-written and no temporary file is left behind."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from minilocal.errors import InputError, TrainingError


@contextlib.contextmanager
def replacing(path: Path, aside: Path | None = None) -> Iterator[IO[bytes]]:
    """Open a temporary file; once it is written and flushed to disk, it replaces `path`.

    If `aside` is given, the old file moves there. So at every moment either the old file or the new one exists and is
    complete, whatever happens to this process or to the machine. Raises `TrainingError` if the system refuses; the old
    file is then still at `path`.
    """
    temporary, moved = temporary_of(path), False
    try:
        with temporary.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if aside is not None:
            path.replace(aside)
            moved = True
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if aside is not None and moved:
            with contextlib.suppress(OSError):
                aside.replace(path)
        if not isinstance(error, OSError):
            raise
        reason = error.strerror or error
        raise TrainingError(f"{path} can't be written ({reason}); what was there before is kept") from None
    flush_directory(path.parent)


def check_writable(path: Path, option: str) -> None:
    """Raise `InputError` unless a file can be written at `path`, which `option` named; nothing there changes."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        temporary = temporary_of(path)
        temporary.open("wb").close()
        temporary.unlink()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{option}: {str(path)!r} can't be written ({reason}); name another file") from None


def temporary_of(path: Path) -> Path:
    """Return the path of a file while it is being written."""
    return path.with_name(f".{path.name}.tmp")


def flush_directory(path: Path) -> None:
    """Flush a directory's new names to disk, where the system can: a renamed file then survives a power cut.

    Windows can't open directories and needs no such flush: NTFS keeps a journal of names.
    """
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):
        directory = os.open(path, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


@contextlib.contextmanager
def new_directory(path: Path) -> Iterator[None]:
    """Make a directory and its parents; if the block fails, remove those that were made and are empty."""
    absent = [place for place in (path, *path.parents) if not place.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for place in absent:
            with contextlib.suppress(OSError, ValueError):
                place.rmdir()
        raise
