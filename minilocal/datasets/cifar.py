"""CIFAR-10 and CIFAR-100 in their official binary format.

A file is a row of records of equal size. A record starts with its labels, one byte each: CIFAR-10 has one label,
CIFAR-100 a coarse one (of 20) and then a fine one (of 100), which is the one to learn. The image follows as its red,
green and blue planes of 32×32 bytes. The pickled "python version" of these sets is not read: unpickling runs whatever
code somebody put there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from minilocal.datasets.dataset import Arrays
from minilocal.datasets.reading import read_file
from minilocal.errors import InputError


def read_cifar(files: Sequence[Path], label_counts: Sequence[int]) -> Arrays:
    """Read files of records, of which the last is the test set -> images (N, 32, 32, 3) uint8 and labels (N,) int64.

    `label_counts` and the errors are those of `read_records`.
    """
    *train, (x_test, y_test) = (read_records(file, label_counts) for file in files)
    x_train, y_train = (np.concatenate(arrays) for arrays in zip(*train, strict=True))
    return x_train, y_train, x_test, y_test


def read_records(path: Path, label_counts: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Read one file of records -> images (N, 32, 32, 3) uint8 and the last label of each record, (N,) int64.

    `label_counts` says how many values each label byte of a record may take. Raises `InputError` if the file can't be
    read, is not a whole number of records, or has a label out of range.
    """
    data, size = read_file(path), len(label_counts) + 3 * 32 * 32
    if len(data) == 0 or len(data) % size:
        raise InputError(f"{path} has {len(data):,} bytes, not a whole number of records of {size:,}")
    records = np.frombuffer(data, np.uint8).reshape(-1, size)
    for column, count in enumerate(label_counts):
        if len(wrong := np.flatnonzero(records[:, column] >= count)):
            label = f"label {records[wrong[0], column]} of record {wrong[0]} (counted from 0)"
            raise InputError(f"{path}: {label} is not in 0 to {count - 1}")
    planes = records[:, len(label_counts) :].reshape(-1, 3, 32, 32)
    labels = records[:, len(label_counts) - 1].astype(np.int64)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), labels
