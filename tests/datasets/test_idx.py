import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from minilocal.datasets import files
from minilocal.datasets.idx import read_idx, write_idx
from minilocal.errors import InputError


def header(*sizes, kind=8, ndim=None):
    return struct.pack(f">BBBB{len(sizes)}I", 0, 0, kind, len(sizes) if ndim is None else ndim, *sizes)


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_round_trip(tmp_path, rng, name):
    array = rng.integers(0, 256, (5, 3, 4), dtype=np.uint8)
    write_idx(tmp_path / name, array)
    read = read_idx(tmp_path / name, 3)
    assert read.dtype == np.uint8
    assert read.flags.writeable
    np.testing.assert_array_equal(read, array)


def test_content_and_not_name_decides_about_gzip(tmp_path):
    array = np.arange(6, dtype=np.uint8)
    (tmp_path / "plain.gz").write_bytes(header(6) + array.tobytes())
    (tmp_path / "packed").write_bytes(gzip.compress(header(6) + array.tobytes()))
    for name in ("plain.gz", "packed"):
        np.testing.assert_array_equal(read_idx(tmp_path / name, 1), array)


def test_the_same_array_gives_the_same_file(tmp_path):
    array = np.arange(200, dtype=np.uint8)
    for name in ("a.gz", "b.gz"):
        write_idx(tmp_path / name, array)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an IDX file"),
        (b"\0\0\x08", "is not an IDX file"),
        (b"PNG and so on", "is not an IDX file"),
        (header(2, 2, kind=13) + bytes(16), "holds IDX type 13, not unsigned bytes"),
        (header(4) + bytes(4), "has 1 dimensions, not 2"),
        (header(2, 2)[:-3], "ends inside its header, after 9 bytes"),
        (header(0, 2), "is empty: its sizes are 0×2"),
        (header(2, 2) + bytes(3), "promises 4 bytes (2×2) and holds only 3"),
        (header(2, 2) + bytes(5), "promises 4 bytes (2×2) and holds more"),
        (header(2**31, 2**31) + bytes(5), "more than the 2,147,483,648 that are read"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_bad_files_are_refused(tmp_path, content, message, pack):
    path = tmp_path / "bad"
    path.write_bytes(pack(content))
    with pytest.raises(InputError) as error:
        read_idx(path, 2)
    assert message in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("cut", [3, 11, 30, -1])
def test_truncated_gzip_is_refused(tmp_path, rng, cut):
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(header(100) + rng.bytes(100))[:cut])
    with pytest.raises(InputError, match=r"cut\.gz cannot be read"):
        read_idx(path, 1)


def test_wrong_checksum_in_gzip_is_refused(tmp_path):
    packed = bytearray(gzip.compress(header(100) + bytes(100)))
    packed[-6] ^= 1
    path = tmp_path / "flipped.gz"
    path.write_bytes(packed)
    with pytest.raises(InputError, match="CRC"):
        read_idx(path, 1)


def test_lying_header_costs_no_memory(tmp_path):
    path = tmp_path / "lies.gz"
    path.write_bytes(gzip.compress(header(2**28) + bytes(10)))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="holds only 10"):
            read_idx(path, 1)
        assert tracemalloc.get_traced_memory()[1] < 8e6
    finally:
        tracemalloc.stop()


def test_a_gzip_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MODEST", 2**20)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(header(2**24) + bytes(2**24)))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="would unpack to 16,777,216: no images or weights do"):
            read_idx(path, 1)
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


def test_a_gzip_bomb_behind_an_honest_header_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(header(10) + bytes(2**24)))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"promises 10 bytes .* and holds more"):
            read_idx(path, 1)
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["absent", "."])
def test_what_is_no_file_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="cannot be read"):
        read_idx(tmp_path / name, 1)


def test_only_bytes_are_written(tmp_path):
    with pytest.raises(InputError, match="not float64"):
        write_idx(tmp_path / "x", np.zeros(3))
    assert not (tmp_path / "x").exists()
