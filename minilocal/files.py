"""Read regular files only; write files so that none is ever half-written and no temporary file is left behind."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from minilocal.errors import InputError, TrainingError

PATIENCE = 2.0  # seconds; on Windows, a virus scanner or a spreadsheet may hold a file for a moment


class InUseError(TrainingError):
    """A file that is written but can't take its name, because the system protects what has that name."""


def open_regular(path: str | Path) -> io.BufferedReader:
    """Open a regular file, or a link to one, for reading.

    Raises `OSError` for everything else, without waiting: a pipe might never be written to, and /dev/zero has no end.
    """

    def opener(name: str, flags: int) -> int:
        descriptor = os.open(name, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe without a writer opens at once
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is not a regular file")
        return descriptor

    return open(path, "rb", opener=opener)


def expanded(path: str | Path) -> Path:
    """Return a path that a user gave, with `~` and `~name` replaced by home folders.

    A shell leaves the `~` in `--run-dir=~/x` and `npz:~/x` as it is. Raises `InputError` if there is no such folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InputError(f"the home folder in {str(path)!r} is unknown; name the folder without ~") from error


@contextlib.contextmanager
def replacing(path: Path, aside: Path | None = None) -> Iterator[IO[bytes]]:
    """Open a temporary file; once it is written and flushed to disk, it replaces `path`.

    If `aside` is given, the old file moves there. So at every moment either the old file or the new one exists and is
    complete, whatever happens to this process or to the machine. Raises `TrainingError` if the system refuses, and
    `InUseError` if it does so for 2 seconds because of what is at `path`; the old file is then still there.
    """
    temporary, written, moved = temporary_of(path), False, False
    try:
        _check_replaceable(path)
        with temporary.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        written = True
        if aside is not None:
            _rename(path, aside)
            moved = True
        _rename(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if aside is not None and moved:
            with contextlib.suppress(OSError):
                aside.replace(path)
        if not isinstance(error, OSError):
            raise
        reason = error.strerror or error
        kind = InUseError if written and isinstance(error, PermissionError) else TrainingError
        raise kind(f"{path} can't be written ({reason}); what was there before is kept") from None
    flush_directory(path.parent)


def _check_replaceable(path: Path) -> None:
    """Raise `OSError` if a device is at `path`: root could put a file where /dev/zero was."""
    with contextlib.suppress(FileNotFoundError):
        mode = path.lstat().st_mode
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            raise OSError(f"{path.name} is a device")


def _rename(source: Path, target: Path) -> None:
    """Rename a file; if that isn't permitted, try again until `PATIENCE` ends."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            source.replace(target)
            return
        except PermissionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def check_writable(path: Path, option: str) -> None:
    """Raise `InputError` unless a file can be written at `path`, which `option` named; nothing there changes."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        _check_replaceable(path)
        temporary = temporary_of(path)
        temporary.open("xb").close()
        temporary.unlink()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{option}: {str(path)!r} can't be written ({reason}); name another file") from None


def temporary_of(path: Path) -> Path:
    """Return a path for a file while it is being written, one that nobody can guess.

    Opened with mode "x", it is always a new file: a symbolic link of that name, put there by someone else, is never
    followed.
    """
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")


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
    for link in absent:
        if link.is_symlink():
            raise OSError(errno.ENOENT, f"{link} is a link to {link.readlink()}, which does not exist")
    try:
        path.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for place in absent:
            with contextlib.suppress(OSError, ValueError):
                place.rmdir()
        raise


@contextlib.contextmanager
def folder_for(path: str, option: str, *names: str) -> Iterator[Path]:
    """Make a folder for files of these names, and return its path.

    If the block fails, no new folder stays behind, unless it has files. Raises `InputError` before the block runs if
    the folder can't be made, or one of the files can't be written; `option` named it.
    """
    folder = expanded(path)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(new_directory(folder))
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{option}: {str(folder)!r} can't be made ({reason}); name another folder") from None
        for name in names:
            check_writable(folder / name, option)
        yield folder
