"""Your own images: an .npz file with the arrays x_train, y_train, x_test, y_test and, if you like, classes.

`np.savez("my.npz", x_train=..., y_train=..., x_test=..., y_test=...)` writes one. Nothing is unpickled.

Files that other programs wrote are read too, where there is no doubt about what they mean:

    names       train_images, X_train, images_test, test_labels, …; x_val and y_val, or the like: a validation set
    images      (N, C, H, W); RGBA if nothing is transparent; any integers from 0 to 255; True and False
    labels      (N, 1); rows of zeros with a single one; floating-point numbers without a fraction; True and False
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from minilocal.datasets.dataset import Dataset, white_level
from minilocal.datasets.npz import read_arrays
from minilocal.datasets.reading import is_file, reason
from minilocal.errors import InputError
from minilocal.files import expanded, open_regular

# The words in an array's name, in either order: train_images, X_train, …
KINDS = {"x": ("x", "image", "images", "data"), "y": ("y", "label", "labels", "target", "targets")}
PARTS = {"train": ("train", "training"), "test": ("test",), "validation": ("val", "valid", "validation")}
MEANINGS = {
    tuple(sorted((word, other))): f"{kind}_{part}"
    for kind, words in KINDS.items() for word in words
    for part, others in PARTS.items() for other in others
}  # fmt: skip
CHANNELS = (1, 3, 4)  # grey, RGB, RGBA
MOST_CLASSES = 10_000  # a mistaken label, such as a hash, must not build a classifier with millions of outputs


def read_own_images(path: str | Path) -> Dataset:
    """Read images and labels from an .npz file -> a Dataset.

    x: (N, H, W) or (N, H, W, C) with C = 1 or 3, uint8 or floating point (read as float32, all finite); the same kind
    and scale in every set. y: (N,), integers from 0. `classes`: names, as an array of strings; the default is "0", "1",
    … up to the largest label. The module's docstring lists what else is read. Raises `InputError` for everything else.
    """
    path = expanded(path)
    if not is_file(path):
        raise InputError(f"{path} is not a file; name an .npz file as npz:FILE")
    names: dict[str, str] = {}  # what an array is called here: what the file calls it
    there: list[str] = []

    def wanted(name: str) -> bool:
        there.append(repr(name))
        meaning = "classes" if name == "classes" else MEANINGS.get(tuple(sorted(name.lower().split("_"))), "")
        if meaning in names:
            raise InputError(f"{path} has both {names[meaning]!r} and {name!r}; keep one of them")
        if meaning:
            names[meaning] = name
        return bool(meaning)

    try:
        with open_regular(path) as file:
            arrays = read_arrays(file, path, wanted)
    except OSError as error:
        raise InputError(f"{path} can't be read: {reason(error)}") from error
    parts = [part for part in PARTS if part != "validation" or names.keys() & {"x_validation", "y_validation"}]
    if missing := [name for part in parts for name in (f"x_{part}", f"y_{part}") if name not in names]:
        remedy = "save it with np.savez(file, x_train=..., y_train=..., x_test=..., y_test=...)"
        raise InputError(f"{path} has no array {missing[0]} (it has {', '.join(there)[:300] or 'none'}); {remedy}")

    images = {part: _images(arrays[names[f"x_{part}"]], f"{path}: {names[f'x_{part}']}") for part in parts}
    labels = {part: _labels(arrays[names[f"y_{part}"]], f"{path}: {names[f'y_{part}']}") for part in parts}
    for part, x in images.items():
        mine, first, y_name = names[f"x_{part}"], names["x_train"], names[f"y_{part}"]
        if len(x) != len(labels[part]):
            raise InputError(f"{path}: {mine} has {len(x):,} images and {y_name} has {len(labels[part]):,} labels")
        kinds = ["×".join(map(str, a.shape[1:])) + f" {a.dtype}" for a in (images["train"], x)]
        if kinds[0] != kinds[1]:
            described = f"{first} has {kinds[0]} images and {mine} has {kinds[1]} ones"
            raise InputError(f"{path}: {described}; they must be alike")
        if len({white_level(images["train"]), white_level(x)} - {None}) == 2:
            scales = f"{first} goes up to {images['train'].max():g} and {mine} up to {x.max():g}"
            raise InputError(f"{path}: {scales}; scale all images alike")
    largest = max(int(y.max()) for y in labels.values())
    classes = tuple(str(label) for label in range(largest + 1))
    if "classes" in arrays:
        classes = _classes(arrays["classes"], f"{path}: classes")
    if largest >= len(classes):
        raise InputError(f"{path}: label {largest} has no name; the array classes has {len(classes)} names")
    train, test, *held_out = ((images[part], labels[part]) for part in parts)
    return Dataset(f"npz:{path}", *train, *test, classes, flip=False, validation=held_out[0] if held_out else None)


def _images(x: np.ndarray, what: str) -> np.ndarray:
    """Check images and return them as (N, H, W, C), C-contiguous, uint8 or float32."""
    if x.ndim == 3:
        x = x[..., None]
    elif x.ndim == 4 and x.shape[3] not in CHANNELS and x.shape[1] in CHANNELS:
        x = x.transpose(0, 2, 3, 1)
    if x.ndim != 4 or x.shape[3] not in CHANNELS:
        raise InputError(f"{what} has shape {x.shape}, not (N, H, W), (N, H, W, C) or (N, C, H, W) with C = 1, 3 or 4")
    if x.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):  # numbers that are too large become infinite; see below
            x = x.astype(np.float32)
        if not np.isfinite(x).all():
            raise InputError(f"{what} contains NaN, infinity or numbers too large for float32")
    elif x.dtype.kind not in "biu":
        raise InputError(f"{what} contains {x.dtype}, not uint8 or floating-point numbers")
    elif x.dtype != np.uint8:
        low, high = int(x.min()), int(x.max())
        if low < 0 or high > 255:
            raise InputError(f"{what} goes from {low} to {high} ({x.dtype}); scale it to floating-point numbers 0 to 1")
        x = x.astype(np.uint8)
    if x.shape[3] == 4:
        if (x[..., 3] != white_level(x)).any():
            raise InputError(f"{what} has transparent pixels; blend them with a background and save three channels")
        x = x[..., :3]
    return np.ascontiguousarray(x)


def _labels(y: np.ndarray, what: str) -> np.ndarray:
    """Check labels and return them as (N,) int64."""
    if y.dtype.kind == "U":
        raise InputError(f"{what} contains words; save classes, y = np.unique(words, return_inverse=True) instead")
    numbers = y.dtype.kind in "biuf"
    if numbers and y.ndim == 2 and y.shape[1] > 1 and ((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all():
        y = y.argmax(axis=1)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if not numbers or y.ndim != 1 or (y.dtype.kind == "f" and (y != np.floor(y)).any()):
        raise InputError(f"{what} is {y.dtype} of shape {y.shape}; labels must be integers, one for each image: (N,)")
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
