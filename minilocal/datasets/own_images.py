"""Your own images: an .npz file with the arrays x_train, y_train, x_test, y_test and, if you like, classes.

`np.savez("my.npz", x_train=..., y_train=..., x_test=..., y_test=...)` writes one. Nothing is unpickled.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from minilocal.datasets.dataset import Dataset
from minilocal.datasets.npz import read_arrays
from minilocal.datasets.reading import is_file, reason
from minilocal.errors import InputError
from minilocal.files import expanded, open_regular

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
MOST_CLASSES = 10_000  # a mistaken label, such as a hash, must not build a classifier with millions of outputs


def read_own_images(path: str | Path) -> Dataset:
    """Read images and labels from an .npz file -> a Dataset.

    x: (N, H, W) or (N, H, W, C) with C = 1 or 3, uint8 or floating point (read as float32, all finite); the same kind
    for training and test. y: (N,), integers from 0. `classes`: names, as an array of strings; the default is "0", "1",
    … up to the largest label. Raises `InputError` for everything else.
    """
    path = expanded(path)
    if not is_file(path):
        raise InputError(f"{path} is not a file; name an .npz file as npz:FILE")
    try:
        with open_regular(path) as file:
            arrays = read_arrays(file, path, lambda name: name in (*ARRAYS, "classes"))
    except OSError as error:
        raise InputError(f"{path} can't be read: {reason(error)}") from error
    if missing := [name for name in ARRAYS if name not in arrays]:
        remedy = "save it with np.savez(file, x_train=..., y_train=..., x_test=..., y_test=...)"
        raise InputError(f"{path} has no array {missing[0]} (it has {', '.join(arrays) or 'none'}); {remedy}")
    x_train, x_test = (_images(arrays[name], f"{path}: {name}") for name in ("x_train", "x_test"))
    y_train, y_test = (_labels(arrays[name], f"{path}: {name}") for name in ("y_train", "y_test"))
    for part, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        if len(x) != len(y):
            raise InputError(f"{path}: x_{part} has {len(x):,} images and y_{part} has {len(y):,} labels")
    kinds = ["×".join(map(str, x.shape[1:])) + f" {x.dtype}" for x in (x_train, x_test)]
    if kinds[0] != kinds[1]:
        raise InputError(f"{path}: x_train has {kinds[0]} images and x_test has {kinds[1]} ones; they must be alike")
    largest = int(max(y_train.max(), y_test.max()))
    classes = tuple(str(label) for label in range(largest + 1))
    if "classes" in arrays:
        classes = _classes(arrays["classes"], f"{path}: classes")
    if largest >= len(classes):
        raise InputError(f"{path}: label {largest} has no name; the array classes has {len(classes)} names")
    return Dataset(f"npz:{path}", x_train, y_train, x_test, y_test, classes, flip=False)


def _images(x: np.ndarray, what: str) -> np.ndarray:
    """Check images and return them as (N, H, W, C), C-contiguous, uint8 or float32."""
    if x.ndim not in (3, 4) or (x.ndim == 4 and x.shape[3] not in (1, 3)):
        raise InputError(f"{what} has shape {x.shape}, not (N, H, W) or (N, H, W, C) with C = 1 or 3")
    if x.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):  # numbers that are too large become infinite; see below
            x = x.astype(np.float32)
        if not np.isfinite(x).all():
            raise InputError(f"{what} contains NaN, infinity or numbers too large for float32")
    elif x.dtype != np.uint8:
        raise InputError(f"{what} contains {x.dtype}, not uint8 or floating-point numbers")
    return np.ascontiguousarray(x if x.ndim == 4 else x[..., None])


def _labels(y: np.ndarray, what: str) -> np.ndarray:
    if y.dtype.kind not in "iu" or y.ndim != 1:
        raise InputError(f"{what} is {y.dtype} of shape {y.shape}; labels must be integers of shape (N,)")
    if len(wrong := y[(y < 0) | (y >= MOST_CLASSES)]):
        raise InputError(f"{what} contains the label {wrong[0]}; labels go from 0 to at most {MOST_CLASSES - 1:,}")
    return y.astype(np.int64)


def _classes(names: np.ndarray, what: str) -> tuple[str, ...]:
    if names.dtype.kind != "U" or names.ndim != 1 or len(names) > MOST_CLASSES:
        kind = f"{names.dtype} of shape {names.shape}"
        raise InputError(f"{what} is {kind}; it must be a row of at most {MOST_CLASSES:,} strings")
    try:
        classes = tuple(names.tolist())
        "".join(classes).encode()  # fails for surrogates, which could not be printed
    except (ValueError, SystemError) as error:  # NumPy raises SystemError for numbers beyond Unicode
        raise InputError(f"{what} contains characters that do not exist") from error
    return classes
