"""Make `fashion-mnist-mini`: the first images of each class of Fashion-MNIST, in file order.

Run it from the checkout as `python data/make_fashion_mnist_mini.py SOURCE DESTINATION`. SOURCE holds
Fashion-MNIST's four IDX files, gzipped or not.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from minilocal.datasets import load
from minilocal.datasets.files import digest
from minilocal.datasets.idx import write_idx

PER_CLASS = {"train": 1200, "t10k": 200}


def first_of_each_class(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the ascending positions of the first `count` labels (N,) of each of the ten classes."""
    return np.sort(np.concatenate([np.flatnonzero(labels == label)[:count] for label in range(10)]))


def make(source: Path, destination: Path) -> None:
    """Read Fashion-MNIST in `source`, write the mini set to `destination`, print its files' SHA-256."""
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
