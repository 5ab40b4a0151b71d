import hashlib
import json
import zipfile

import numpy as np
import pytest

from minilocal.errors import InputError
from minilocal.runs import sealed

ARRAYS = {"layers.1.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "layers.1.bias": np.array([0.5, -1e-300])}
ABOUT = {"epoch": 3, "loss": 0.1 + 0.2, "tables": {"metrics.csv": "a,b\n1,2\n"}, "name": "é"}


def write(path, arrays=ARRAYS, about=ABOUT):
    with path.open("w+b") as file:
        sealed.write(file, arrays, about)
    return path


def signed(content):
    """Return content, in place of a checkpoint's bytes before its checksum, with the right checksum."""
    return content + hashlib.sha256(content).hexdigest().encode()


def refused(path, message):
    with pytest.raises(InputError, match=message) as error:
        sealed.read(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "checkpoint.npz")


def test_round_trip(path):
    arrays, about = sealed.read(path)
    assert about == {"version": 1, **ABOUT}
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_only_wanted_arrays_are_read(path):
    assert sealed.read(path, lambda name: name.endswith("bias"))[0].keys() == {"layers.1.bias"}


def test_the_same_content_gives_the_same_bytes(path, tmp_path):
    assert write(tmp_path / "again.npz").read_bytes() == path.read_bytes()


def test_numpy_and_zip_read_it_too(path):
    with np.load(path, allow_pickle=False) as file:
        np.testing.assert_array_equal(file["layers.1.weight"], ARRAYS["layers.1.weight"])
        assert json.loads(file["about"].tobytes())["epoch"] == 3
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.comment == hashlib.sha256(path.read_bytes()[:-64]).hexdigest().encode()


@pytest.fixture
def small(tmp_path):
    return write(tmp_path / "checkpoint.npz", {}, {})


def test_every_changed_byte_is_noticed(small):
    path, content = small, small.read_bytes()
    for i in range(len(content)):
        path.write_bytes(content[:i] + bytes([content[i] ^ (1 << i % 8)]) + content[i + 1 :])
        refused(path, "is damaged: its checksum is wrong|its end is missing")


def test_every_missing_or_extra_byte_is_noticed(small):
    path, content = small, small.read_bytes()
    for i in range(len(content)):
        path.write_bytes(content[:i])
        refused(path, "its end is missing|its checksum is wrong")
    for more in (b"\0", b"x", content):
        path.write_bytes(content + more)
        refused(path, "its end is missing|its checksum is wrong")


def test_a_path_that_is_not_a_file_is_refused(tmp_path):
    refused(tmp_path / "absent.npz", r"can't be read \(No such file or directory\)")
    refused(tmp_path, "can't be read")


def test_another_version_is_refused(tmp_path):
    refused(write(tmp_path / "new.npz", about={"version": 2}), "has format 2, and this program reads format 1; update")


@pytest.mark.parametrize("text", [b"", b"[", b"[]", b"3", b"{}", b"\xff", b"[" * 10**5, b"null"])
def test_a_signed_file_that_says_nothing_is_refused(tmp_path, text):
    path = tmp_path / "checkpoint.npz"
    with path.open("wb") as file:
        np.savez(file, about=np.frombuffer(text or b" ", np.uint8))
    path.write_bytes(signed(path.read_bytes()[:-2] + b"\x40\0"))
    refused(path, "does not say what it holds")


def test_a_signed_pickle_is_not_loaded(tmp_path):
    path = write(tmp_path / "checkpoint.npz", {"x": np.array([{}], dtype=object)})
    refused(path, "x holds Python objects, which are not read")
