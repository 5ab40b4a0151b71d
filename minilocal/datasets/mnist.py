"""MNIST and the sets in its format: 28×28 grey images of ten classes, in four IDX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from minilocal.datasets.dataset import Dataset
from minilocal.datasets.folders import IDX_FILES, files_in
from minilocal.datasets.idx import read_idx
from minilocal.errors import InputError

DIGITS = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def read_mnist(folder: str | Path, name: str, classes: tuple[str, ...], flip: bool) -> Dataset:
    """Read the four files in `folder` -> images (N, 28, 28, 1) uint8 and labels; the rest is as given.

    Raises InputError for files that are missing, damaged or do not fit together.
    """
    train_images, train_labels, test_images, test_labels = (_file(Path(folder), file) for file in IDX_FILES)
    train, test = _read_pair(train_images, train_labels), _read_pair(test_images, test_labels)
    return Dataset(name, *train, *test, classes, flip)


def _file(folder: Path, pattern: str) -> Path:
    if not (found := files_in(folder, pattern)):
        raise InputError(f"{folder} holds no {pattern.replace('|', ' or ')}")
    return found[0]


def _read_pair(image_file: Path, label_file: Path) -> tuple[np.ndarray, np.ndarray]:
    images, labels = read_idx(image_file, 3), read_idx(label_file, 1)
    if images.shape[1:] != (28, 28):
        raise InputError(f"{image_file} holds {images.shape[1]}×{images.shape[2]} images, not 28×28")
    if len(images) != len(labels):
        raise InputError(f"{image_file} holds {len(images):,} images and {label_file} {len(labels):,} labels")
    if len(wrong := np.flatnonzero(labels > 9)):
        i = wrong[0]
        raise InputError(f"{label_file}: label {labels[i]} of image {i} (counted from 0) is not in 0 to 9")
    return images[..., None], labels.astype(np.int64)
