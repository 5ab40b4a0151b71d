"""Small data sets in the official layouts, written to temporary folders."""

from __future__ import annotations

import runpy
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from minilocal.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def refusal():
    """The function that returns the message of a reader's refusal, and the peak of memory in bytes."""

    def run(read, path, *arguments):
        tracemalloc.start()
        try:
            with pytest.raises(InputError) as error:
                read(path, *arguments)
            assert str(path) in str(error.value)
            return str(error.value), tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    return run


@pytest.fixture(scope="session")
def write_idx():
    """The function that writes the IDX files that ship."""
    return runpy.run_path(str(ROOT / "data" / "make_fashion_mnist_mini.py"))["write_idx"]


@pytest.fixture
def mnist_folder(tmp_path, rng, write_idx):
    """A folder with MNIST's four files: 30 images to train, 20 to test."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    for part, count in (("train", 30), ("t10k", 20)):
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", np.arange(count, dtype=np.uint8) % 10)
    return folder


def cifar_folder(folder, rng, label_counts, **counts):
    """Write files of random records; return their folder."""
    folder.mkdir()
    for name, count in counts.items():
        records = rng.integers(0, 256, (count, len(label_counts) + 3072), dtype=np.uint8)
        records[:, : len(label_counts)] %= label_counts
        (folder / f"{name}.bin").write_bytes(records.tobytes())
    return folder


@pytest.fixture
def cifar10_folder(tmp_path, rng):
    """A folder with CIFAR-10's files: five batches of 4 records and 6 records to test."""
    batches = {f"data_batch_{i}": 4 for i in range(1, 6)}
    return cifar_folder(tmp_path / "cifar-10-batches-bin", rng, np.array([10], np.uint8), **batches, test_batch=6)


@pytest.fixture
def cifar100_folder(tmp_path, rng):
    """A folder with CIFAR-100's files: 8 records to train and 5 to test."""
    return cifar_folder(tmp_path / "cifar-100-binary", rng, np.array([20, 100], np.uint8), train=8, test=5)


@pytest.fixture
def arrays(rng):
    """The arrays of a good .npz file."""
    return {
        "x_train": rng.integers(0, 256, (9, 8, 8, 3), dtype=np.uint8),
        "y_train": np.arange(9) % 4,
        "x_test": rng.integers(0, 256, (5, 8, 8, 3), dtype=np.uint8),
        "y_test": np.arange(5) % 3,
    }
