"""Archives that are damaged or lie; `test_own_images.py` and `test_fuzz.py` have more of them."""

import io
import zipfile

import numpy as np
import pytest

from minilocal.datasets import npz, reading
from minilocal.errors import InputError


def read(path, wanted=lambda name: True):
    with path.open("rb") as file:
        return npz.read_arrays(file, path, wanted)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.npz"


@pytest.fixture
def bomb(path):
    """64 MB of zeros in 64 kB."""
    np.savez_compressed(path, x=np.zeros(2**26, np.uint8))
    assert path.stat().st_size < 2**17
    return path


def test_a_zip_bomb_is_refused_before_it_is_unpacked(bomb, refusal, monkeypatch):
    monkeypatch.setattr(reading, "_memory", lambda: 2**26)
    message, memory = refusal(read, bomb)
    assert f"{bomb} promises 67,108,992 bytes of data, and this machine has 67,108,864 bytes of memory" in message
    assert memory < 2**20


@pytest.mark.parametrize("said", [1000, 2**26 + 127, 2**26 + 129])
def test_a_directory_that_lies_about_a_size_is_refused(bomb, refusal, said):
    content, size = bomb.read_bytes(), (2**26 + 128).to_bytes(4, "little")
    where = content.rfind(size)
    bomb.write_bytes(content[:where] + said.to_bytes(4, "little") + content[where + 4 :])
    message, memory = refusal(read, bomb)
    assert "is not a whole" in message
    assert memory < 2**20


def test_sparse_images_may_pack_as_densely_as_they_like(path):
    """66,000 black-and-white images of 64×64 pixels, few of them white: 270 MB in 0.3 MB."""
    x = np.zeros((66_000, 64, 64), np.uint8)
    x[::100, 30, 30:33] = 1
    np.savez_compressed(path, x=x)
    assert x.nbytes > 100 * path.stat().st_size
    assert np.array_equal(read(path)["x"][::100], x[::100])


def test_memory_follows_what_a_file_contains_and_not_what_it_promises(path, refusal):
    """Directory and header agree on 200 MB, in a file of 1 MB."""
    header, size = io.BytesIO(), 200_000_000
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (size,)})
    content = header.getvalue() + bytes(2**20)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", content)
    promised = (len(content) - 2**20 + size).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(len(content).to_bytes(4, "little"), promised))
    message, memory = refusal(read, path)
    assert "is not a whole" in message
    assert memory < 2**24


def test_a_gigantic_array_costs_no_memory(path, refusal):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**12,)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", header.getvalue() + bytes(100))
    message, memory = refusal(read, path)
    assert "100 bytes do not make float32 of shape (1000000000000,)" in message
    assert memory < 2**20


@pytest.mark.parametrize("savez", [np.savez, np.savez_compressed])
def test_a_changed_byte_never_changes_numbers(path, savez):
    x = np.random.default_rng(0).integers(0, 256, 200, np.uint8)
    savez(path, x=x)
    content, start = path.read_bytes(), 30 + len("x.npy") + 20  # of the local header
    with zipfile.ZipFile(path) as archive:
        stop = start + archive.getinfo("x.npy").compress_size
    noticed = 0
    for at in range(start, stop):
        path.write_bytes(content[:at] + bytes([content[at] ^ 16]) + content[at + 1 :])
        try:
            np.testing.assert_array_equal(read(path)["x"], x)  # such bits exist at the end of a compressed array
        except InputError:
            noticed += 1
    assert noticed >= stop - start - 2


def test_arrays_with_one_name_and_too_many_are_refused(path, refusal, monkeypatch):
    np.savez(path, a=np.zeros(2), b=np.zeros(2))
    monkeypatch.setattr(npz, "MOST_MEMBERS", 1)
    assert "contains 2 arrays with 2 names; at most 1 are read" in refusal(read, path)[0]
    monkeypatch.undo()
    path.write_bytes(path.read_bytes().replace(b"b.npy", b"a.npy"))
    assert "contains 2 arrays with 1 names; at most 10,000 are read, each name once" in refusal(read, path)[0]


def test_only_wanted_arrays_are_read(path):
    np.savez(path, a=np.zeros(2), b=np.array([{}], object))
    assert read(path, lambda name: name == "a").keys() == {"a"}
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("readme.txt", b"hello")
    assert read(path, lambda name: name != "b").keys() == {"a"}
