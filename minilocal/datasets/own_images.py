"""One's own images: an .npz file with `x_train`, `y_train`, `x_test`, `y_test` and, if wanted, `classes`.

`np.savez("my.npz", x_train=..., y_train=..., x_test=..., y_test=...)` writes one. Nothing is unpickled.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from minilocal.datasets.dataset import Dataset
from minilocal.datasets.files import is_file, reason
from minilocal.datasets.npz import read_arrays
from minilocal.errors import InputError

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
MAX_CLASSES = 10_000  # a mistaken label, such as a hash or a year, must not build a classifier of millions


def read_own_images(path: str | Path) -> Dataset:
    """Read images and labels from an .npz file -> a Dataset.

    x: (N, H, W) or (N, H, W, C) with C = 1 or 3, uint8 or floating point (read as float32, all finite);
    train and test alike. y: (N,), integers from 0. `classes`: names, as an array of strings; otherwise "0",
    "1", … up to the largest label. Raises InputError for everything else.
    """
    path = Path(path)
    if not is_file(path):
        raise InputError(f"{path} is not a file: give an .npz file as npz:FILE")
    try:
        with path.open("rb") as file:
            arrays = read_arrays(file, path, lambda name: name in (*ARRAYS, "classes"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from error
    if missing := [name for name in ARRAYS if name not in arrays]:
        raise InputError(
            f"{path} has no array {missing[0]} (there is {', '.join(arrays) or 'none'}): "
            "save it with np.savez(file, x_train=..., y_train=..., x_test=..., y_test=...)"
        )
    x_train, x_test = (_images(arrays[name], f"{path}: {name}") for name in ("x_train", "x_test"))
    y_train, y_test = (_labels(arrays[name], f"{path}: {name}") for name in ("y_train", "y_test"))
    for part, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        if len(x) != len(y):
            raise InputError(f"{path}: x_{part} has {len(x):,} images and y_{part} {len(y):,} labels")
    if x_train.shape[1:] != x_test.shape[1:] or x_train.dtype != x_test.dtype:
        raise InputError(
            f"{path}: x_train has {_kind(x_train)} images and x_test {_kind(x_test)} ones; they must be alike"
        )
    largest = int(max(y_train.max(), y_test.max()))
    classes = tuple(str(label) for label in range(largest + 1))
    if "classes" in arrays:
        classes = _classes(arrays["classes"], path)
    if largest >= len(classes):
        raise InputError(f"{path}: label {largest} has no name among the {len(classes)} of the array classes")
    return Dataset(f"npz:{path}", x_train, y_train, x_test, y_test, classes, flip=False)


def _images(x: np.ndarray, what: str) -> np.ndarray:
    """Check images and give them the shape (N, H, W, C), C-contiguous, uint8 or float32."""
    if x.ndim not in (3, 4) or (x.ndim == 4 and x.shape[3] not in (1, 3)):
        raise InputError(f"{what} has shape {x.shape}, not (N, H, W) or (N, H, W, C) with C = 1 or 3")
    if x.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):  # what is too large turns infinite, see below
            x = x.astype(np.float32)
        if not np.isfinite(x).all():
            raise InputError(f"{what} holds values that are not finite in float32")
    elif x.dtype != np.uint8:
        raise InputError(f"{what} holds {x.dtype}, not uint8 or floating-point numbers")
    return np.ascontiguousarray(x if x.ndim == 4 else x[..., None])


def _labels(y: np.ndarray, what: str) -> np.ndarray:
    if y.dtype.kind not in "iu":
        raise InputError(f"{what} holds {y.dtype}, not integers")
    if y.ndim != 1:
        raise InputError(f"{what} has shape {y.shape}, not (N,)")
    if y.min() < 0 or y.max() >= MAX_CLASSES:
        wrong = y.min() if y.min() < 0 else y.max()
        raise InputError(f"{what} holds the label {wrong}; labels go from 0 to at most {MAX_CLASSES - 1:,}")
    return y.astype(np.int64)


def _classes(names: np.ndarray, path: Path) -> tuple[str, ...]:
    if names.dtype.kind != "U" or names.ndim != 1:
        raise InputError(f"{path}: classes is {names.dtype} of shape {names.shape}, not a row of strings")
    if len(names) > MAX_CLASSES:
        raise InputError(f"{path}: classes has {len(names):,} names; at most {MAX_CLASSES:,} are taken")
    try:
        classes = tuple(names.tolist())
        "".join(classes).encode()  # fails for halves of characters, which could not be printed
    except (ValueError, SystemError) as error:  # NumPy raises SystemError for numbers beyond Unicode
        raise InputError(f"{path}: classes holds characters that do not exist") from error
    return classes


def _kind(x: np.ndarray) -> str:
    return f"{'×'.join(str(size) for size in x.shape[1:])} {x.dtype}"
