"""The table of data sets, `load`, and the data set that ships."""

import hashlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from minilocal.datasets import NAMES, folders, load
from minilocal.datasets.catalogue import CATALOGUE
from minilocal.errors import InputError

CHARACTERS = ("kmnist", "emnist-letters", "emnist-balanced")
MINI = CATALOGUE["fashion-mnist-mini"]


def test_entries_are_consistent():
    assert ("fashion-mnist-mini", "fashion-mnist", "mnist", *CHARACTERS, "cifar10", "cifar100") == NAMES
    for entry in CATALOGUE.values():
        if entry.sha256:
            assert len(entry.sha256) == len(entry.files)
        else:
            assert entry.downloads
        for download in entry.downloads:
            assert len(bytes.fromhex(download.md5)) == 16
            assert download.file.endswith((".gz", ".zip"))
        if entry.members:
            assert "test" in entry.members[-1]
            assert entry.classes_file is None or entry.classes_file in entry.members


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("imagenet", "'imagenet' is unknown; choose fashion-mnist-mini, .*, cifar100 or npz:FILE"),
        *((name, f"{name} is not here .* fetch {name}") for name in NAMES if name != MINI.name),
    ],
)
def test_what_is_not_here(name, message, tmp_path):
    with pytest.raises(InputError, match=message):
        load(name, tmp_path)


def test_fashion_mnist(mnist_folder, tmp_path):
    mnist_folder.rename(tmp_path / "fashion-mnist")
    fashion = load("fashion-mnist", tmp_path)
    assert (fashion.flip, fashion.classes[9]) == (True, "Ankle boot")


@pytest.mark.parametrize(
    ("name", "first", "classes"),
    [("letters", 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), ("balanced", 0, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt")],
)
def test_emnist_is_transposed_and_its_letters_count_from_1(tmp_path, rng, write_idx, name, first, classes):
    images = rng.integers(0, 256, (60, 28, 28), dtype=np.uint8)
    labels = (np.arange(60) % len(classes) + first).astype(np.uint8)
    for part in ("train", "test"):
        write_idx(tmp_path / f"emnist-{name}-{part}-images-idx3-ubyte.gz", images)
        write_idx(tmp_path / f"emnist-{name}-{part}-labels-idx1-ubyte.gz", labels)
    data = load(f"emnist-{name}", tmp_path)
    assert "".join(data.classes) == classes
    assert data.y_test.tolist() == (labels.astype(int) - first).tolist()
    assert data.x_train.flags.c_contiguous
    np.testing.assert_array_equal(data.x_train[:, 3, 20, 0], images[:, 20, 3])
    write_idx(tmp_path / f"emnist-{name}-test-labels-idx1-ubyte.gz", labels + 1)
    with pytest.raises(InputError, match=f"is not in {first} to {first + len(classes) - 1}"):
        load(f"emnist-{name}", tmp_path)


def test_your_own_images(tmp_path, arrays, monkeypatch):
    np.savez(tmp_path / "own.npz", **arrays)
    monkeypatch.chdir(tmp_path)
    assert len(load("npz:own.npz").x_train) == 9
    with pytest.raises(InputError, match="is not a file"):
        load("npz:")


def test_import_is_light_and_silent():
    """Nothing that downloads or draws is imported with the readers."""
    script = "import sys, minilocal.datasets; print(*{'urllib.request', 'tqdm', 'tarfile'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_the_images_that_ship():
    """Their unpacked bytes are known, whatever packed them (`data/README.md`)."""
    mini = load(MINI.name)
    assert mini.x_test.shape == (2_000, 28, 28, 1)
    assert np.bincount(mini.y_train).tolist() == [1200] * 10
    assert np.bincount(mini.y_test).tolist() == [200] * 10
    assert mini.flip
    assert repr(mini) == (
        "Dataset('fashion-mnist-mini': 12,000 training and 2,000 test images of 28×28×1 uint8, 10 classes)"
    )
    digest = hashlib.sha256(np.array([0, 0, 8, 3, *b"\0\0\x07\xd0\0\0\0\x1c\0\0\0\x1c"], np.uint8))
    digest.update(mini.x_test)
    assert digest.hexdigest() == "15a92dd1e9b16ea361928086e77df4dfa890c255c00b5a8c8162c1040ce8eef1"
    assert mini.y_train[:5].tolist() == [9, 0, 0, 3, 0]  # Fashion-MNIST begins so


def test_installed_package_and_checkout(monkeypatch, tmp_path):
    source, _ = folders.find(MINI.name)
    monkeypatch.setattr(folders, "PACKAGE", tmp_path / "minilocal")
    copy = shutil.copytree(source, tmp_path / "minilocal" / "data" / MINI.folder)
    assert folders.find(MINI.name, tmp_path / "ignored")[0] == copy
    beside = tmp_path / "data"
    shutil.move(copy.parent, beside)
    assert folders.find(MINI.name)[0] == beside / MINI.folder
    (beside / MINI.folder / MINI.files[3]).unlink()
    with pytest.raises(InputError, match=rf"no {MINI.files[0]} in .* no {MINI.files[3]} in .*; reinstall minilocal"):
        load(MINI.name)
