"""Reading .npz files that may be damaged, or made to do harm.

`np.load` reads the arrays. It allocates whatever an array's header asks for, so the headers and the zip file's
directory are checked first: they must agree on every size, and sizes must be in proportion to the file's. Nothing is
unpickled.
"""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np

from minilocal.datasets.reading import check_density, reason
from minilocal.errors import InputError

MOST_MEMBERS = 10_000
LONGEST_HEADER = 2**14  # bytes; NumPy refuses longer ones
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_arrays(file: IO[bytes], path: Path, wanted: Callable[[str], bool]) -> dict[str, np.ndarray]:
    """Return those arrays of an open .npz file whose names are wanted; `path` only appears in messages.

    At most 256 MiB, or 100 times the file's size if that is more, are allocated. Raises `InputError` if the file is
    not a whole .npz file or would unpack to more, if a wanted array is damaged, is empty or contains Python objects,
    and if two arrays have the same name.
    """
    try:
        with zipfile.ZipFile(file) as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd headers, which are harmless or refused
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            names = [member.filename.removesuffix(".npy") for member in members]
            if len(names) > MOST_MEMBERS or len(set(names)) < len(names):
                found = f"{len(names):,} arrays with {len(set(names)):,} names"
                raise InputError(f"{path} contains {found}; at most {MOST_MEMBERS:,} are read, each name once")
            chosen = {name: member for name, member in zip(names, members, strict=True) if wanted(name)}
            unpacked = sum(member.file_size for member in chosen.values())
            check_density(path, file.seek(0, io.SEEK_END), unpacked)
            return {name: _read(archive, member, f"{path}: {name}") for name, member in chosen.items()}
    except InputError:
        raise
    except MemoryError:
        raise InputError(f"{path} does not fit in memory") from None
    except Exception as error:  # damaged archives make zipfile fail in many ways
        raise InputError(f"{path} is not a whole .npz file: {reason(error)}") from error


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, what: str) -> np.ndarray:
    with archive.open(member) as stream:
        _check_header(stream.read(LONGEST_HEADER), member.file_size, what)
    with archive.open(member) as stream:  # opened again: going back would switch off zipfile's check of the CRC
        return np.load(stream, allow_pickle=False)


def _check_header(start: bytes, size: int, what: str) -> None:
    """Raise `InputError` unless an .npy file's header describes an array that, with it, has exactly `size` bytes."""
    stream = io.BytesIO(start)
    try:
        shape, _, dtype = HEADERS[np.lib.format.read_magic(stream)](stream)
    except Exception as error:  # NumPy evaluates the header's text, and damage makes that fail in many ways
        raise InputError(f"{what} is not a whole array: its header can't be read") from error
    if dtype.hasobject:
        raise InputError(f"{what} holds Python objects, which are not read; save numbers or strings")
    available = size - stream.tell()
    if min(shape, default=0) < 0 or dtype.itemsize * math.prod(shape) != available:
        raise InputError(f"{what} is not a whole array: {available:,} bytes do not make {dtype} of shape {shape}")
    if available == 0:
        raise InputError(f"{what} is empty (shape {shape})")
