"""Reading a data set by its name."""

from __future__ import annotations

from pathlib import Path

from minilocal.datasets.catalogue import CATALOGUE
from minilocal.datasets.dataset import Dataset
from minilocal.datasets.folders import find
from minilocal.datasets.own_images import read_own_images
from minilocal.datasets.reading import digest, is_file, read_file
from minilocal.errors import InputError

NAMES = tuple(CATALOGUE)


def load(name: str, data_dir: str | Path | None = None) -> Dataset:
    """Return the data set with a name: one of `NAMES`, or `npz:FILE` for your own images.

    `data_dir` is the folder that contains the set's files, or that folder's parent; the default is the folder for
    downloads (`folders.cache_dir`). `fashion-mnist-mini` and `npz:FILE` ignore it. Raises `InputError` for an unknown
    name, and if files are missing, damaged or of another kind.
    """
    if name.startswith("npz:"):
        return read_own_images(name.removeprefix("npz:"))
    if name not in CATALOGUE:
        raise InputError(f"data set {name!r} is unknown; choose {', '.join(NAMES)} or npz:FILE")
    entry = CATALOGUE[name]
    folder, files = find(name, data_dir)
    for file, expected in zip(files, entry.sha256, strict=False):  # only shipped files have a SHA-256
        if digest(file, "sha256") != expected:
            raise InputError(f"{file} is not the file that ships with minilocal; reinstall minilocal")
    classes = entry.classes
    if entry.classes_file and is_file(folder / entry.classes_file):
        classes = _class_names(folder / entry.classes_file, len(classes))
    return Dataset(name, *entry.read(files), classes, entry.flip)


def _class_names(path: Path, count: int) -> tuple[str, ...]:
    try:
        lines = read_file(path, 2**16).decode().split("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a list of class names; it is not UTF-8 text") from error
    names = tuple(line.strip() for line in lines if line.strip())
    if len(names) != count:
        raise InputError(f"{path} has {len(names)} class names, not {count}")
    return names
