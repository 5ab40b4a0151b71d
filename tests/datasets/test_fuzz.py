"""Whatever the bytes, a reader returns a consistent data set or raises `InputError`."""

import dataclasses
import gzip
import hashlib
import shutil
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minilocal.datasets import folders, load
from minilocal.datasets.catalogue import CATALOGUE, IDX
from minilocal.datasets.cifar import read_records
from minilocal.datasets.mnist import read_idx
from minilocal.datasets.own_images import read_own_images
from minilocal.errors import InputError


def read_or_refuse(read, path):
    """Return the result, or None if the file was refused properly."""
    try:
        return read(path)
    except InputError as error:
        message = str(error)
    assert str(path) in message
    return None


def test_idx(tmp_path, fuzz, damage):
    changes, damaged = damage
    path = tmp_path / "file"

    @fuzz
    @given(changes=changes, packed=st.booleans(), early=st.booleans())
    def check(changes, packed, early):
        content = struct.pack(">BBBB3I", 0, 0, 8, 3, 4, 28, 28) + bytes(range(256)) * 12 + bytes(64)
        if early:  # damage before the packing leaves a whole gzip file with a lying header
            content = damaged(content[:24], changes) + content[24:]
        content = gzip.compress(content, 1) if packed else content
        if not early:
            content = damaged(content, changes)
        path.write_bytes(content)
        array = read_or_refuse(lambda path: read_idx(path, 3), path)
        assert array is None or array.ndim == 3

    check()


def test_cifar(tmp_path, fuzz, damage):
    changes, damaged = damage
    path = tmp_path / "file"

    @fuzz
    @given(changes=changes, records=st.integers(0, 3), fine=st.booleans())
    def check(changes, records, fine):
        counts = (20, 100) if fine else (10,)
        path.write_bytes(damaged(bytes([*[3] * len(counts), *bytes(3072)] * records), changes))
        if read := read_or_refuse(lambda path: read_records(path, counts), path):
            images, labels = read
            assert images.shape == (len(labels), 32, 32, 3)
            assert 0 <= labels.min() <= labels.max() < counts[-1]

    check()


@pytest.fixture(scope="module")
def good_npz(tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "good.npz"
    x, y = np.arange(3 * 4 * 4, dtype=np.uint8).reshape(3, 4, 4), np.arange(3)
    np.savez_compressed(path, x_train=x / 2, y_train=y, x_test=x / 4, y_test=y, classes=np.array(["a", "b", "c"]))
    return path


def check_npz(path):
    if data := read_or_refuse(read_own_images, path):
        for x, y in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
            assert x.ndim == 4
            assert len(x) == len(y)
            assert 0 <= y.min() <= y.max() < len(data.classes)


def test_npz_archive(tmp_path, good_npz, fuzz, damage):
    changes, damaged = damage
    path = tmp_path / "my.npz"

    @fuzz
    @given(changes=changes)
    def check(changes):
        path.write_bytes(damaged(good_npz.read_bytes(), changes))
        check_npz(path)

    check()


def test_npz_members(tmp_path, good_npz, fuzz, damage):
    changes, damaged = damage
    path = tmp_path / "my.npz"

    @fuzz
    @given(changes=changes, which=st.integers(0, 4), in_header=st.booleans())
    def check(changes, which, in_header):
        with zipfile.ZipFile(good_npz) as good, zipfile.ZipFile(path, "w") as bad:
            for i, name in enumerate(good.namelist()):
                content = good.read(name)
                if i == which:
                    cut = 80 if in_header else len(content)
                    content = damaged(content[:cut], changes) + content[cut:]
                bad.writestr(name, content)
        check_npz(path)

    check()


def test_shipped_data(tmp_path, mnist_folder, monkeypatch, fuzz, damage):
    """Every change of a file that has a checksum is noticed."""
    changes, damaged = damage
    entry = CATALOGUE["fashion-mnist-mini"]
    folder = tmp_path / "data" / entry.folder
    shutil.move(mnist_folder, folder)
    good = {name: (folder / name).read_bytes() for name in IDX}
    checksums = tuple(hashlib.sha256(content).hexdigest() for content in good.values())
    monkeypatch.setitem(CATALOGUE, entry.name, dataclasses.replace(entry, sha256=checksums))
    monkeypatch.setattr(folders, "PACKAGE", tmp_path)
    assert len(load("fashion-mnist-mini").x_train) == 30

    @fuzz
    @given(changes=changes, name=st.sampled_from(sorted(good)))
    def check(changes, name):
        content = damaged(good[name], changes)
        (folder / name).write_bytes(content)
        try:
            read = read_or_refuse(lambda _: load("fashion-mnist-mini"), folder / name)
        finally:
            (folder / name).write_bytes(good[name])
        assert (read is None) == (content != good[name])

    check()
