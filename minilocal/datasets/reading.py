"""Reading files without trusting what their names or headers promise."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
from pathlib import Path
from typing import IO

from minilocal.errors import InputError
from minilocal.files import open_regular

LIMIT = 2**31  # bytes: far more than any file of these data sets has, and few enough to catch a header that lies
CHUNK = 2**20


def read_up_to(stream: io.BufferedIOBase | IO[bytes], count: int) -> bytearray:
    """Read `count` bytes, or as many as there are, in chunks: memory follows what `stream` really contains."""
    data = bytearray()
    while len(data) < count and (chunk := stream.read(min(CHUNK, count - len(data)))):
        data += chunk
    return data


def read_file(path: Path, limit: int = LIMIT) -> bytearray:
    """Return a file's bytes; raises `InputError` if it can't be read or is longer than `limit`."""
    try:
        with open_regular(path) as file:
            data = read_up_to(file, limit + 1)
    except OSError as error:
        raise InputError(f"{path} can't be read: {reason(error)}") from error
    if len(data) > limit:
        raise InputError(f"{path} is too long; at most {limit:,} bytes are read")
    return data


def check_memory(path: Path, size: int) -> None:
    """Raise `InputError` if a file promises more bytes of data than this machine has memory."""
    if size > (memory := _memory()):
        raise InputError(f"{path} promises {size:,} bytes of data, and this machine has {memory:,} bytes of memory")


def _memory() -> int:
    """Return the size of the machine's memory in bytes; without limit on Windows, which refuses to give too much."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else sys.maxsize


def digest(path: Path, algorithm: str) -> str:
    """Return a file's checksum ("md5" or "sha256") in hexadecimal; raises `InputError` if it can't be read."""
    checksum = hashlib.new(algorithm, usedforsecurity=False)
    try:
        with open_regular(path) as file:
            while chunk := file.read(CHUNK):
                checksum.update(chunk)
    except OSError as error:
        raise InputError(f"{path} can't be read: {reason(error)}") from error
    return checksum.hexdigest()


def is_file(path: Path) -> bool:
    """Whether `path` is a regular file that we may see; unlike `Path.is_file`, this never raises."""
    return os.path.isfile(path)  # noqa: PTH113


def files_in(folder: Path, pattern: str) -> list[Path]:
    """Return the files in `folder` that match a glob pattern, sorted; of alternatives "a|b" the first with a match."""
    for alternative in pattern.split("|"):
        with contextlib.suppress(OSError, ValueError):  # ValueError: a NUL in the path
            if found := sorted(filter(is_file, folder.glob(alternative))):
                return found
    return []


def reason(error: object) -> str:
    """Return the shortest text that says what went wrong, without error numbers and paths."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
