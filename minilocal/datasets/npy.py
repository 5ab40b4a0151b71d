"""Reading the arrays of an .npz file without trusting what their headers promise.

`np.load` allocates whatever an array's header claims before it looks at the data. Here memory follows what a file
holds. Nothing is unpickled.
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

from minilocal.datasets.files import check_density, read_up_to, reason
from minilocal.errors import InputError

LONGEST_HEADER = 2**17  # bytes, far above what NumPy reads of one


def read_arrays(file: IO[bytes], path: Path, wanted: Callable[[str], bool]) -> dict[str, np.ndarray]:
    """Return those arrays of an open .npz file whose names are wanted; path is for messages.

    Raises `InputError` for what is no whole .npz file, or would unpack to out of all proportion.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            files = (info for info in archive.infolist() if info.filename.endswith(".npy"))
            members = {name: info for info in files if wanted(name := info.filename.removesuffix(".npy"))}
            total, size = sum(info.file_size for info in members.values()), file.seek(0, io.SEEK_END)
            check_density(path, size, total)
            arrays = {}
            for name, info in members.items():
                with archive.open(info) as member:
                    data = read_up_to(member, info.file_size + 1)
                arrays[name] = parse(data, f"{path}: {name}")
            return arrays
    except InputError:
        raise
    except MemoryError:
        raise InputError(f"{path} does not fit in memory") from None
    except Exception as error:  # zipfile meets damaged archives with a dozen kinds of exception
        raise InputError(f"{path} is not a whole .npz file: {reason(error)}") from error


def parse(data: bytearray, what: str) -> np.ndarray:
    """Return the array in the bytes of an .npy file, sharing their memory; `InputError` says what is not whole."""
    stream = io.BytesIO(data[:LONGEST_HEADER])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd headers, which are refused or harmless
            version = np.lib.format.read_magic(stream)
            if version == (1, 0):
                shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
            else:
                shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    except Exception as error:  # NumPy evaluates the header's text, and a damaged one fails in many ways
        raise InputError(f"{what} is not a whole array: its header cannot be read") from error
    if dtype.hasobject:
        raise InputError(f"{what} holds Python objects, which are not read: save numbers or strings")
    start, count = stream.tell(), math.prod(shape)
    if min(shape, default=0) < 0 or dtype.itemsize * count != len(data) - start:
        held = f"{len(data) - start:,} bytes"
        raise InputError(f"{what} is not a whole array: {held} do not make {dtype} of shape {shape}")
    if dtype.itemsize == 0 or count == 0:
        raise InputError(f"{what} is empty (shape {shape})")
    return np.frombuffer(data, dtype, offset=start).reshape(shape, order="F" if fortran else "C")
