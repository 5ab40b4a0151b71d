"""Small data sets in the official layouts, written to temporary folders."""

from __future__ import annotations

import numpy as np
import pytest

from minilocal.datasets.idx import write_idx


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def mnist_folder(tmp_path, rng):
    """A folder with MNIST's four files: 30 images to train, 20 to test."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    for part, count in (("train", 30), ("t10k", 20)):
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", np.arange(count, dtype=np.uint8) % 10)
    return folder


@pytest.fixture
def cifar10_folder(tmp_path, rng):
    """A folder with CIFAR-10's files: five batches of 4 records and 6 records to test."""
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for name, count in [*((f"data_batch_{i}.bin", 4) for i in range(1, 6)), ("test_batch.bin", 6)]:
        records = rng.integers(0, 256, (count, 3073), dtype=np.uint8)
        records[:, 0] %= 10
        (folder / name).write_bytes(records.tobytes())
    return folder


@pytest.fixture
def cifar100_folder(tmp_path, rng):
    """A folder with CIFAR-100's files: 8 records to train and 5 to test."""
    folder = tmp_path / "cifar-100-binary"
    folder.mkdir()
    for name, count in (("train.bin", 8), ("test.bin", 5)):
        records = rng.integers(0, 256, (count, 3074), dtype=np.uint8)
        records[:, 0] %= 20
        records[:, 1] %= 100
        (folder / name).write_bytes(records.tobytes())
    return folder


@pytest.fixture
def arrays(rng):
    """What a good .npz file holds."""
    return {
        "x_train": rng.integers(0, 256, (9, 8, 8, 3), dtype=np.uint8),
        "y_train": np.arange(9) % 4,
        "x_test": rng.integers(0, 256, (5, 8, 8, 3), dtype=np.uint8),
        "y_test": np.arange(5) % 3,
    }
