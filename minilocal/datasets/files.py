"""Reading bytes without trusting what a header or a file name promises."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Protocol

from minilocal.errors import InputError

LIMIT = 2**31  # bytes: far above any file of these data sets, low enough to refuse a header that lies
CHUNK = 2**20
MODEST = 2**28  # bytes that a file may unpack to, however small it is
DENSEST = 100  # times its size that a larger one may unpack to; images and weights reach 2 to 10


class Readable(Protocol):
    """A file, a stream that unpacks one, a server's answer."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, and none at the end."""


def read_up_to(stream: Readable, count: int) -> bytearray:
    """Read `count` bytes, or as many as there are.

    It reads in pieces, so memory follows what the stream holds and not what somebody said that it holds.
    """
    data = bytearray()
    while len(data) < count and (piece := stream.read(min(CHUNK, count - len(data)))):
        data += piece
    return data


def check_density(path: Path, size: int, unpacked: int) -> None:
    """Raise InputError if a file of `size` bytes says that it unpacks to far more than any images or weights do."""
    if unpacked > max(MODEST, DENSEST * size):
        raise InputError(f"{path} has {size:,} bytes and would unpack to {unpacked:,}: no images or weights do")


def digest(path: Path, algorithm: str) -> str:
    """Return a file's checksum ("md5" or "sha256") in hexadecimal; raises OSError."""
    checksum = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            checksum.update(piece)
    return checksum.hexdigest()


def is_file(path: Path) -> bool:
    """Whether `path` is a regular file that we may see (`Path.is_file` raises in a folder closed to us)."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def reason(error: BaseException) -> str:
    """Return the shortest text that says what went wrong, without error numbers and paths."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
