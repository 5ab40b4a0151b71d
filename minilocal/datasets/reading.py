"""Reading files without trusting what their names or headers promise."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from pathlib import Path

from minilocal.errors import InputError

LIMIT = 2**31  # bytes: far more than any file of these data sets has, and few enough to catch a header that lies
CHUNK = 2**20
MODEST = 2**28  # bytes that any file may unpack to, however small it is
DENSEST = 100  # times its own size that a larger file may unpack to; images and weights reach 2 to 10


def read_up_to(stream: io.BufferedIOBase, count: int) -> bytearray:
    """Read `count` bytes, or as many as there are, in chunks: memory follows what `stream` really contains."""
    data = bytearray()
    while len(data) < count and (chunk := stream.read(min(CHUNK, count - len(data)))):
        data += chunk
    return data


def read_file(path: Path, limit: int = LIMIT) -> bytearray:
    """Return a file's bytes; raises `InputError` if it can't be read or is longer than `limit`."""
    try:
        with path.open("rb") as file:
            data = read_up_to(file, limit + 1)
    except OSError as error:
        raise InputError(f"{path} can't be read: {reason(error)}") from error
    if len(data) > limit:
        raise InputError(f"{path} is too long; at most {limit:,} bytes are read")
    return data


def check_density(path: Path, size: int, unpacked: int) -> None:
    """Raise `InputError` if a file of `size` bytes promises more data than images or weights ever unpack to."""
    if unpacked > max(MODEST, DENSEST * size):
        raise InputError(
            f"{path} has {size:,} bytes and promises {unpacked:,} bytes of data; no images or weights pack so densely"
        )


def digest(path: Path, algorithm: str) -> str:
    """Return a file's checksum ("md5" or "sha256") in hexadecimal; raises `InputError` if it can't be read."""
    return hashlib.new(algorithm, read_file(path), usedforsecurity=False).hexdigest()


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
