"""Data sets: reading, checking and downloading images.

`load("fashion-mnist-mini")` needs no download. The others are fetched once, by `python -m
minilocal.datasets fetch NAME`, or found in a folder of yours with `data_dir`. `load("npz:my.npz")` reads
your own.
"""

from __future__ import annotations

from pathlib import Path

from minilocal.datasets.cifar import read_cifar10, read_cifar100
from minilocal.datasets.dataset import Dataset
from minilocal.datasets.folders import find
from minilocal.datasets.mnist import CLOTHES, DIGITS, read_mnist
from minilocal.datasets.own_images import read_own_images
from minilocal.datasets.shipped import checked_shipped_dir
from minilocal.errors import InputError

__all__ = ["NAMES", "Dataset", "load"]

NAMES = ("fashion-mnist-mini", "fashion-mnist", "mnist", "cifar10", "cifar100")


def load(name: str, data_dir: str | Path | None = None) -> Dataset:
    """Read a data set: one of `NAMES`, or `npz:FILE` -> a Dataset.

    `data_dir` is the folder that holds the set's files, or that folder's parent; without it, the folder for
    downloads (`folders.cache_dir`). `fashion-mnist-mini` and `npz:FILE` have their place and do not use it.
    Raises InputError for an unknown name and for files that are missing, damaged or not what they should be.
    """
    if name.startswith("npz:"):
        return read_own_images(name.removeprefix("npz:"))
    if name == "fashion-mnist-mini":
        return read_mnist(checked_shipped_dir(), name, CLOTHES, flip=True)
    if name == "fashion-mnist":
        return read_mnist(find(name, data_dir), name, CLOTHES, flip=True)
    if name == "mnist":
        return read_mnist(find(name, data_dir), name, DIGITS, flip=False)
    if name == "cifar10":
        return read_cifar10(find(name, data_dir))
    if name == "cifar100":
        return read_cifar100(find(name, data_dir))
    raise InputError(f"data set {name!r} is unknown: choose {', '.join(NAMES)} or npz:FILE")
