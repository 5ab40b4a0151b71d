"""The file format of a checkpoint: an .npz file with a checksum.

    layers.1.conv.weight.npy, …     the arrays, as `np.savez` writes them
    about.npy                       the bytes of a JSON text: everything that is not an array, and the format's version
    the zip file's comment          the SHA-256 of all bytes before it, in hexadecimal

`np.load` reads such a file like any other. `read` accepts it only if the checksum is right, so that a file that was cut
off or changed, even by a single bit, is never mistaken for a good one. Source: tutorials/reference.md, "Checkpoints".
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from minilocal.datasets.npz import read_arrays
from minilocal.errors import InputError
from minilocal.files import open_regular

VERSION = 1
DIGITS = 64  # of a SHA-256 in hexadecimal
END = struct.Struct("<4s16xH")  # the record that ends a zip file: its mark, fields not used here, the comment's length
MARK = b"PK\5\6"
PIECE = 2**20

Arrays = dict[str, np.ndarray]


def write(file: IO[bytes], arrays: Arrays, about: dict[str, Any]) -> None:
    """Write a checkpoint to an empty file that is open for writing and reading."""
    text = json.dumps({"version": VERSION, **about})
    np.savez(file, about=np.frombuffer(text.encode(), np.uint8), **arrays)  # type: ignore[arg-type]
    file.seek(-2, os.SEEK_END)
    file.write(struct.pack("<H", DIGITS))  # the comment's length, which was 0
    size = file.tell()
    digest = _digest(file, size)
    file.seek(size)
    file.write(digest)


def read(path: Path, wanted: Callable[[str], bool] = lambda name: True) -> tuple[Arrays, dict[str, Any]]:
    """Return the arrays whose names are wanted, and `about`.

    Raises `InputError`, with the file and the reason, unless the file is exactly as it was written.
    """
    try:
        with open_regular(path) as file:
            size = file.seek(0, os.SEEK_END) - DIGITS
            file.seek(max(0, size - END.size))
            tail = file.read()
            if len(tail) != END.size + DIGITS or END.unpack(tail[: END.size]) != (MARK, DIGITS):
                raise InputError(f"{path} is not a complete checkpoint: its end is missing")
            if _digest(file, size) != tail[END.size :]:
                raise InputError(f"{path} is damaged: its checksum is wrong")
            arrays = read_arrays(file, path, lambda name: name == "about" or wanted(name))
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror or error})") from None
    try:
        about = json.loads(arrays.pop("about").tobytes())
        version = about["version"]
    except (KeyError, ValueError, TypeError, RecursionError):
        raise InputError(f"{path} does not say what it holds; it is not a checkpoint of this program") from None
    if version != VERSION:
        raise InputError(
            f"{path} has format {version!r:.20}, and this program reads format {VERSION}; update minilocal"
        )
    return arrays, about


def _digest(file: IO[bytes], size: int) -> bytes:
    """Return the SHA-256 of a file's first bytes in hexadecimal."""
    file.seek(0)
    checksum = hashlib.sha256()
    while size > 0 and (piece := file.read(min(PIECE, size))):
        checksum.update(piece)
        size -= len(piece)
    return checksum.hexdigest().encode()
