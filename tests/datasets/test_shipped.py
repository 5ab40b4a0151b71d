import hashlib
import shutil

import numpy as np
import pytest

from minilocal.datasets import load, shipped
from minilocal.errors import InputError


@pytest.fixture(scope="module")
def mini():
    return load("fashion-mnist-mini")


def test_shapes_and_balance(mini):
    assert mini.x_train.shape == (12_000, 28, 28, 1)
    assert mini.x_test.shape == (2_000, 28, 28, 1)
    assert mini.x_train.dtype == np.uint8
    assert np.bincount(mini.y_train).tolist() == [1200] * 10
    assert np.bincount(mini.y_test).tolist() == [200] * 10
    assert len(mini.classes) == 10
    assert mini.flip
    assert repr(mini) == (
        "Dataset('fashion-mnist-mini': 12,000 training and 2,000 test images of 28×28×1 uint8, 10 classes)"
    )


def test_images_are_the_known_ones(mini):
    """The unpacked bytes, whatever packed them (`data/README.md`)."""
    digest = hashlib.sha256(np.array([0, 0, 8, 3, *b"\0\0\x07\xd0\0\0\0\x1c\0\0\0\x1c"], np.uint8))
    digest.update(mini.x_test)
    assert digest.hexdigest() == "15a92dd1e9b16ea361928086e77df4dfa890c255c00b5a8c8162c1040ce8eef1"
    assert mini.y_train[:5].tolist() == [9, 0, 0, 3, 0]  # Fashion-MNIST begins so


@pytest.fixture
def copy(monkeypatch, tmp_path):
    """A copy of the shipped folder that is used in place of it."""
    source = shipped.shipped_dir()
    monkeypatch.setattr(shipped, "PACKAGE", tmp_path / "minilocal")
    folder = tmp_path / "minilocal" / "data" / "fashion-mnist-mini"
    shutil.copytree(source, folder)
    return folder


def test_installed_package_and_checkout(copy, tmp_path):
    assert shipped.shipped_dir() == copy
    beside = tmp_path / "data"
    shutil.move(copy.parent, beside)
    assert shipped.shipped_dir() == beside / "fashion-mnist-mini"
    shutil.rmtree(beside)
    with pytest.raises(InputError, match=r"neither in .* nor in .* reinstall minilocal"):
        load("fashion-mnist-mini")


@pytest.mark.parametrize("file", shipped.CHECKSUMS)
def test_a_changed_file_is_refused(copy, file):
    content = bytearray((copy / file).read_bytes())
    content[len(content) // 2] ^= 4
    (copy / file).write_bytes(content)
    with pytest.raises(InputError, match=f"{file} is not the file that ships with minilocal: reinstall"):
        load("fashion-mnist-mini")


def test_a_missing_file_is_refused(copy):
    (copy / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte\.gz cannot be read .* reinstall"):
        load("fashion-mnist-mini")
