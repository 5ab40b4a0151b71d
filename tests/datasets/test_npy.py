"""What `read_npz` does not show: archives that unpack to far more than they hold."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from minilocal.datasets import files, npy
from minilocal.errors import InputError


def read(path, wanted=lambda name: True):
    with path.open("rb") as file:
        return npy.read_arrays(file, path, wanted)


@pytest.fixture
def bomb(tmp_path):
    """64 MB of zeros in 64 kB."""
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros(2**26, np.uint8))
    return tmp_path / "bomb.npz"


def peak(task):
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as error:
            task()
        return str(error.value), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_zip_bomb_is_refused_before_it_is_unpacked(bomb, monkeypatch):
    assert bomb.stat().st_size < 2**17
    monkeypatch.setattr(files, "MODEST", 2**24)
    message, memory = peak(lambda: read(bomb))
    assert f"{bomb} has {bomb.stat().st_size:,} bytes and would unpack to 67,108,992" in message
    assert memory < 2**20


def test_a_zip_bomb_that_lies_about_its_size_ends_there(bomb, monkeypatch):
    """Its directory says 1,000 bytes: no more are unpacked."""
    content, size = bomb.read_bytes(), (2**26 + 128).to_bytes(4, "little")
    where = content.rfind(size)
    bomb.write_bytes(content[:where] + (1000).to_bytes(4, "little") + content[where + 4 :])
    message, memory = peak(lambda: read(bomb))
    assert "is not a whole" in message
    assert memory < 2**22


def test_modest_archives_may_be_as_dense_as_they_like(bomb):
    assert read(bomb)["x"].size == 2**26


def test_a_gigantic_array_costs_no_memory(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**12,)})
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue() + bytes(100))
    message, memory = peak(lambda: read(tmp_path / "x.npz"))
    assert "100 bytes do not make float32 of shape (1000000000000,)" in message
    assert memory < 2**20


def test_only_wanted_arrays_are_read(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.zeros(2), b=np.array([{}], object))
    assert read(tmp_path / "x.npz", lambda name: name == "a").keys() == {"a"}
    with zipfile.ZipFile(tmp_path / "x.npz", "a") as archive:
        archive.writestr("readme.txt", b"hello")
    assert read(tmp_path / "x.npz", lambda name: name != "b").keys() == {"a"}
