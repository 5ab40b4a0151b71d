"""MNIST's format: 28×28 grey images in four IDX files; Fashion-MNIST, KMNIST and EMNIST have it too.

An IDX file is a magic number, the sizes, then the bytes in C order; it is often gzipped. The magic number is two zero
bytes, the type (8: unsigned bytes) and the number of dimensions. The sizes follow as big-endian 32-bit integers.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from minilocal.datasets.dataset import Arrays
from minilocal.datasets.reading import check_memory, read_up_to, reason
from minilocal.errors import InputError
from minilocal.files import open_regular


def read_mnist(files: Sequence[Path], classes: int = 10, first: int = 0, transposed: bool = False) -> Arrays:
    """Read training images, training labels, test images and test labels -> images (N, 28, 28, 1) uint8 and labels.

    In the files, labels count from `first`, and images may be `transposed`: EMNIST's are stored column by column.
    Raises `InputError` if files can't be read, are damaged or don't belong together.
    """
    last = first + classes - 1
    x_train, y_train = _read_pair(files[0], files[1], first, last)
    x_test, y_test = _read_pair(files[2], files[3], first, last)
    if transposed:
        x_train, x_test = (np.ascontiguousarray(x.transpose(0, 2, 1, 3)) for x in (x_train, x_test))
    return x_train, y_train, x_test, y_test


def _read_pair(image_file: Path, label_file: Path, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    images, labels = read_idx(image_file, 3), read_idx(label_file, 1)
    if images.shape[1:] != (28, 28):
        raise InputError(f"{image_file} has {images.shape[1]}×{images.shape[2]} images, not 28×28")
    if len(images) != len(labels):
        raise InputError(f"{image_file} has {len(images):,} images and {label_file} {len(labels):,} labels")
    if len(wrong := np.flatnonzero((labels < first) | (labels > last))):
        label = f"label {labels[wrong[0]]} of image {wrong[0]} (counted from 0)"
        raise InputError(f"{label_file}: {label} is not in {first} to {last}")
    return images[..., None], labels.astype(np.int64) - first


def read_idx(path: Path, ndim: int) -> np.ndarray:
    """Read an IDX file of unsigned bytes with `ndim` dimensions -> a uint8 array of the sizes in its header.

    Its content, not its name, tells whether it is gzipped. Raises `InputError` if the file can't be read, is not such
    an IDX file, is empty, or contains fewer or more bytes than its header says.
    """
    try:
        with open_regular(path) as file:
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            with gzip.open(file) if zipped else file as stream:
                return _read_array(stream, path, ndim)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} can't be read: {reason(error)}") from error


def _read_array(stream: io.BufferedIOBase, path: Path, ndim: int) -> np.ndarray:
    magic, header = read_up_to(stream, 4), read_up_to(stream, 4 * ndim)
    if magic != bytes([0, 0, 8, ndim]):
        wanted = f"an IDX file of bytes in {ndim} dimensions (00 00 08 {ndim:02x})"
        raise InputError(f"{path} does not start like {wanted} but with {magic.hex(' ') or 'nothing'}")
    if len(header) < 4 * ndim:
        raise InputError(f"{path} ends inside its header, after {4 + len(header)} bytes")
    sizes = struct.unpack(f">{ndim}I", header)
    shape, count = "×".join(f"{length:,}" for length in sizes), math.prod(sizes)
    if count == 0:
        raise InputError(f"{path} is empty: its sizes are {shape}")
    check_memory(path, count)
    data = read_up_to(stream, count + 1)  # one more than promised, which also makes gzip check its CRC
    if len(data) != count:
        found = "more" if len(data) > count else f"only {len(data):,}"
        raise InputError(f"{path} promises {count:,} bytes ({shape}) and contains {found}")
    return np.frombuffer(data, np.uint8).reshape(sizes)
