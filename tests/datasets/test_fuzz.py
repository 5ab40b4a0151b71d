"""Whatever the bytes, a reader returns a consistent data set or raises `InputError`."""

import contextlib
import dataclasses
import functools
import gzip
import hashlib
import re
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


@pytest.fixture
def on_damage(fuzz, damage):
    """Decorates a check, and runs it on some hundreds of inputs; its first argument damages the bytes of a file."""
    changes, damaged = damage
    damages = changes.map(lambda drawn: functools.partial(damaged, changes=drawn))
    return lambda **others: lambda check: fuzz(given(damaged=damages, **others)(check))()


def test_idx(tmp_path, on_damage):
    path = tmp_path / "file"

    @on_damage(packed=st.booleans(), early=st.booleans())
    def check(damaged, packed, early):
        content = struct.pack(">BBBB3I", 0, 0, 8, 3, 4, 28, 28) + bytes(range(256)) * 12 + bytes(64)
        if early:  # damage before the packing leaves a whole gzip file with a lying header
            content = damaged(content[:24]) + content[24:]
        content = gzip.compress(content, 1) if packed else content
        if not early:
            content = damaged(content)
        path.write_bytes(content)
        array = read_or_refuse(lambda path: read_idx(path, 3), path)
        assert array is None or array.ndim == 3


def test_cifar(tmp_path, on_damage):
    path = tmp_path / "file"

    @on_damage(records=st.integers(0, 3), fine=st.booleans())
    def check(damaged, records, fine):
        counts = (20, 100) if fine else (10,)
        path.write_bytes(damaged(bytes([*[3] * len(counts), *bytes(3072)] * records)))
        if read := read_or_refuse(lambda path: read_records(path, counts), path):
            images, labels = read
            assert images.shape == (len(labels), 32, 32, 3)
            assert 0 <= labels.min() <= labels.max() < counts[-1]


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


def test_npz_archive(tmp_path, good_npz, on_damage):
    path = tmp_path / "my.npz"

    @on_damage()
    def check(damaged):
        path.write_bytes(damaged(good_npz.read_bytes()))
        check_npz(path)


def test_npz_members(tmp_path, good_npz, on_damage):
    path = tmp_path / "my.npz"

    @on_damage(which=st.integers(0, 4), in_header=st.booleans())
    def check(damaged, which, in_header):
        with zipfile.ZipFile(good_npz) as good, zipfile.ZipFile(path, "w") as bad:
            for i, name in enumerate(good.namelist()):
                content = good.read(name)
                if i == which:
                    cut = 80 if in_header else len(content)
                    content = damaged(content[:cut]) + content[cut:]
                bad.writestr(name, content)
        check_npz(path)


def test_shipped_data(tmp_path, mnist_folder, monkeypatch, on_damage):
    """Every change of a file that has a checksum is noticed."""
    entry = CATALOGUE["fashion-mnist-mini"]
    folder = tmp_path / "data" / entry.folder
    shutil.move(mnist_folder, folder)
    good = {name: (folder / name).read_bytes() for name in IDX}
    checksums = tuple(hashlib.sha256(content).hexdigest() for content in good.values())
    monkeypatch.setitem(CATALOGUE, entry.name, dataclasses.replace(entry, sha256=checksums))
    monkeypatch.setattr(folders, "PACKAGE", tmp_path)
    assert len(load("fashion-mnist-mini").x_train) == 30

    @on_damage(name=st.sampled_from(sorted(good)))
    def check(damaged, name):
        content = damaged(good[name])
        (folder / name).write_bytes(content)
        message = re.escape(f"{folder / name} is not the file that ships with minilocal; reinstall")
        refused = pytest.raises(InputError, match=message) if content != good[name] else contextlib.nullcontext()
        try:
            with refused:
                load("fashion-mnist-mini")
        finally:
            (folder / name).write_bytes(good[name])
