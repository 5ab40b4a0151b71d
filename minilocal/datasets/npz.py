"""Reading .npz files that may be damaged, or made to do harm.

`np.load` allocates whatever an array's header asks for, so arrays are read here: memory follows what a file really
contains, and the zip file's directory and the headers must agree on every size. Nothing is unpickled.
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

from minilocal.datasets.reading import check_memory, read_up_to, reason
from minilocal.errors import InputError

MOST_MEMBERS = 10_000
LONGEST_HEADER = 2**14  # bytes; NumPy refuses longer ones
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_arrays(file: IO[bytes], path: Path, wanted: Callable[[str], bool]) -> dict[str, np.ndarray]:
    """Return those arrays of an open .npz file whose names are wanted; `path` only appears in messages.

    Raises `InputError` if the file is not a whole .npz file or would unpack to more than fits in memory, if a wanted
    array is damaged, is empty or contains Python objects, and if two arrays have the same name.
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
            check_memory(path, sum(member.file_size for member in chosen.values()))
            return {name: _read(archive, member, f"{path}: {name}") for name, member in chosen.items()}
    except InputError:
        raise
    except MemoryError:
        raise InputError(f"{path} does not fit in memory") from None
    except Exception as error:  # damaged archives make zipfile fail in many ways
        raise InputError(f"{path} is not a whole .npz file: {reason(error)}") from error


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, what: str) -> np.ndarray:
    """Return an array; its header must describe one that, with the header, has exactly the size in the directory."""
    with archive.open(member) as stream:
        start = io.BytesIO(stream.read(LONGEST_HEADER))
        try:
            shape, fortran, dtype = HEADERS[np.lib.format.read_magic(start)](start)
        except Exception as error:  # NumPy evaluates the header's text, and damage makes that fail in many ways
            raise InputError(f"{what} is not a whole array: its header can't be read") from error
        if dtype.hasobject:
            raise InputError(f"{what} holds Python objects, which are not read; save numbers or strings")
        size = member.file_size - start.tell()
        if min(shape, default=0) < 0 or dtype.itemsize * math.prod(shape) != size:
            raise InputError(f"{what} is not a whole array: {size:,} bytes do not make {dtype} of shape {shape}")
        if size == 0:
            raise InputError(f"{what} is empty (shape {shape})")
        data = bytearray(start.read())
        data += read_up_to(stream, size + 1 - len(data))  # one more, which also makes zipfile check its CRC
    if len(data) != size:
        raise InputError(f"{what} is not a whole array: it has {len(data):,} of {size:,} bytes")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
