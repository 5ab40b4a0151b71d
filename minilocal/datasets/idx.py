"""IDX, the format of MNIST's files: a magic number, the sizes, then the bytes in C order; often gzipped.

The magic number is two zero bytes, the type (8: unsigned bytes, the only one here) and the number of
dimensions. The sizes follow as big-endian 32-bit integers.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np

from minilocal.datasets.files import LIMIT, Readable, check_density, read_up_to, reason
from minilocal.errors import InputError

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 8


def read_idx(path: str | Path, ndim: int) -> np.ndarray:
    """Read an IDX file of unsigned bytes with `ndim` dimensions -> a uint8 array of the sizes in its header.

    Whether it is gzipped is seen from its content, not its name. Raises InputError for a file that cannot be
    read, is no such IDX file, is empty, or holds fewer or more bytes than its header says.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == GZIP_MAGIC
            file.seek(0)
            if not zipped:
                return _read_array(file, path, ndim)
            with gzip.open(file) as stream:
                return _read_array(stream, path, ndim, packed=os.fstat(file.fileno()).st_size)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from error


def _read_array(stream: Readable, path: Path, ndim: int, packed: int | None = None) -> np.ndarray:
    header = read_up_to(stream, 4 + 4 * ndim)
    if len(header) < 4 or header[:2] != b"\0\0":
        raise InputError(f"{path} is not an IDX file: it does not begin with an IDX magic number")
    if header[2] != UNSIGNED_BYTE:
        raise InputError(f"{path} holds IDX type {header[2]}, not unsigned bytes (type {UNSIGNED_BYTE})")
    if header[3] != ndim:
        raise InputError(f"{path} has {header[3]} dimensions, not {ndim}")
    if len(header) < 4 + 4 * ndim:
        raise InputError(f"{path} ends inside its header, after {len(header)} bytes")
    sizes = struct.unpack(f">{ndim}I", header[4:])
    shape, count = "×".join(f"{size:,}" for size in sizes), math.prod(sizes)
    if count == 0:
        raise InputError(f"{path} is empty: its sizes are {shape}")
    if count > LIMIT:
        raise InputError(f"{path} promises {shape} bytes, more than the {LIMIT:,} that are read")
    if packed is not None:
        check_density(path, packed, count)
    data = read_up_to(stream, count + 1)  # one more than promised, which also makes gzip check its CRC
    if len(data) != count:
        found = "more" if len(data) > count else f"only {len(data):,}"
        raise InputError(f"{path} promises {count:,} bytes ({shape}) and holds {found}")
    return np.frombuffer(data, np.uint8).reshape(sizes)


def write_idx(path: str | Path, array: np.ndarray) -> None:
    """Write a uint8 array as an IDX file, gzipped if the name ends in `.gz`.

    The same array gives the same file: no time and no name stand in it. Raises InputError for other dtypes.
    """
    if array.dtype != np.uint8:
        raise InputError(f"write_idx takes uint8 arrays, not {array.dtype}")
    path = Path(path)
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, UNSIGNED_BYTE, array.ndim, *array.shape)
    with path.open("wb") as file:
        if path.suffix == ".gz":
            with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=file, mtime=0) as stream:
                stream.write(header + array.tobytes())
        else:
            file.write(header + array.tobytes())
