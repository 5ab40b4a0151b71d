"""Make `fashion-mnist-mini`: the first images of each class of Fashion-MNIST, in file order.

Run it from the checkout as `python data/make_fashion_mnist_mini.py SOURCE DESTINATION`. SOURCE contains Fashion-MNIST's
four IDX files, gzipped or not.
"""

from __future__ import annotations

import gzip
import struct
import sys
from pathlib import Path

import numpy as np

from minilocal.datasets import load
from minilocal.datasets.reading import digest

PER_CLASS = {"train": 1200, "t10k": 200}


def first_of_each_class(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the positions, ascending, of the first `count` labels (N,) of each of the ten classes."""
    return np.sort(np.concatenate([np.flatnonzero(labels == label)[:count] for label in range(10)]))


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write a uint8 array as a gzipped IDX file (see minilocal/datasets/mnist.py).

    The same array always gives the same file, because neither a time nor a name is stored in it.
    """
    if array.dtype != np.uint8:
        raise ValueError(f"dtype is {array.dtype}; it must be uint8")
    with path.open("wb") as file, gzip.GzipFile("", "wb", compresslevel=9, fileobj=file, mtime=0) as stream:
        stream.write(struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes())


def make(source: Path, destination: Path) -> None:
    """Read Fashion-MNIST in `source`, write the small set to `destination` and print its files' SHA-256."""
    full = load("fashion-mnist", source)
    destination.mkdir(parents=True, exist_ok=True)
    for part, x, y in (("train", full.x_train, full.y_train), ("t10k", full.x_test, full.y_test)):
        chosen = first_of_each_class(y, PER_CLASS[part])
        write_idx(destination / f"{part}-images-idx3-ubyte.gz", x[chosen, :, :, 0])
        write_idx(destination / f"{part}-labels-idx1-ubyte.gz", y[chosen].astype(np.uint8))
    for path in sorted(destination.glob("*.gz")):
        print(digest(path, "sha256"), path.name)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python data/make_fashion_mnist_mini.py SOURCE DESTINATION")
    make(Path(sys.argv[1]), Path(sys.argv[2]))
