"""CIFAR-10 and CIFAR-100 in their official binary format.

A file is a row of records of one size. A CIFAR-10 record is a label and an image; in CIFAR-100 a coarse
label, of 20, stands before the fine label, of 100, which is the one used. A label is one byte, an image is
its red, green and blue planes of 32×32 bytes. The pickled "python version" of these sets is not read:
unpickling runs whatever code somebody put there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from minilocal.datasets.dataset import Dataset
from minilocal.datasets.files import LIMIT, is_file, read_up_to, reason
from minilocal.datasets.folders import files_in
from minilocal.errors import InputError

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR100 = tuple(
    """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle
    bowl boy bridge bus butterfly camel can castle caterpillar cattle
    chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur
    dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard
    lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain
    mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree
    plain plate poppy porcupine possum rabbit raccoon ray road rocket
    rose sea seal shark shrew skunk skyscraper snail snake spider
    squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor
    train trout tulip turtle wardrobe whale willow_tree wolf woman worm
    """.split()  # noqa: SIM905 - a table of words is easier to read than a list of strings
)
IMAGE_BYTES = 3 * 32 * 32


def read_cifar10(folder: str | Path) -> Dataset:
    """Read `data_batch_*.bin` (one or more) and `test_batch.bin` in `folder` -> images (N, 32, 32, 3) uint8.

    `batches.meta.txt` gives the class names if it is there. Raises InputError for files that are missing or
    damaged.
    """
    folder = Path(folder)
    batches = files_in(folder, "data_batch_*.bin")
    if not batches:
        raise InputError(f"{folder} holds no data_batch_*.bin")
    parts = [read_records(batch, (10,)) for batch in batches]
    x_train = np.concatenate([images for images, _ in parts])
    y_train = np.concatenate([labels for _, labels in parts])
    test = read_records(folder / "test_batch.bin", (10,))
    classes = _names(folder / "batches.meta.txt", CIFAR10)
    return Dataset("cifar10", x_train, y_train, *test, classes, flip=True)


def read_cifar100(folder: str | Path) -> Dataset:
    """Read `train.bin` and `test.bin` in `folder` -> images (N, 32, 32, 3) uint8, with their fine labels.

    `fine_label_names.txt` gives the class names if it is there. Raises InputError for files that are
    missing or damaged.
    """
    folder = Path(folder)
    train, test = (read_records(folder / name, (20, 100)) for name in ("train.bin", "test.bin"))
    classes = _names(folder / "fine_label_names.txt", CIFAR100)
    return Dataset("cifar100", *train, *test, classes, flip=True)


def read_records(path: Path, label_counts: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Read a file of records -> images (N, 32, 32, 3) uint8 and the last label of each, (N,) int64.

    `label_counts` has, for each label byte of a record, how many values it may take. Raises InputError for a
    file that cannot be read, is not a whole number of records, or has a label out of range.
    """
    data, size = _read(path, LIMIT), len(label_counts) + IMAGE_BYTES
    if len(data) == 0 or len(data) % size:
        raise InputError(f"{path} has {len(data):,} bytes, not a whole number of records of {size:,}")
    records = np.frombuffer(data, np.uint8).reshape(-1, size)
    for column, count in enumerate(label_counts):
        if len(wrong := np.flatnonzero(records[:, column] >= count)):
            i = wrong[0]
            label = f"label {records[i, column]} of record {i} (counted from 0)"
            raise InputError(f"{path}: {label} is not in 0 to {count - 1}")
    planes = records[:, len(label_counts) :].reshape(-1, 3, 32, 32)
    labels = records[:, len(label_counts) - 1].astype(np.int64)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), labels


def _names(path: Path, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the class names in a file, one a line, or the known ones where there is no such file."""
    if not is_file(path):
        return known
    try:
        lines = _read(path, 2**16).decode().split("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a list of class names: it is not UTF-8 text") from error
    names = tuple(line.strip() for line in lines if line.strip())
    if len(names) != len(known):
        raise InputError(f"{path} has {len(names)} class names, not {len(known)}")
    return names


def _read(path: Path, limit: int) -> bytearray:
    try:
        with path.open("rb") as file:
            data = read_up_to(file, limit + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from error
    if len(data) > limit:
        raise InputError(f"{path} is longer than the {limit:,} bytes that are read")
    return data
