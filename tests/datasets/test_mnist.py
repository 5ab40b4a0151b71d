import gzip
import struct

import numpy as np
import pytest

from minilocal.datasets import load, reading
from minilocal.datasets.mnist import read_idx
from minilocal.errors import InputError


def header(*sizes, kind=8):
    return struct.pack(f">BBBB{len(sizes)}I", 0, 0, kind, len(sizes), *sizes)


PACKED = gzip.compress(header(100) + bytes(range(100)))


def test_shapes_dtypes_and_content(mnist_folder):
    data = load("mnist", mnist_folder)
    assert data.x_train.shape == (30, 28, 28, 1)
    assert data.x_test.shape == (20, 28, 28, 1)
    assert data.x_train.dtype == np.uint8
    assert data.y_train.dtype == data.y_test.dtype == np.int64
    assert (data.name, data.classes, data.flip) == ("mnist", tuple("0123456789"), False)
    np.testing.assert_array_equal(data.x_test[..., 0], read_idx(mnist_folder / "t10k-images-idx3-ubyte.gz", 3))
    np.testing.assert_array_equal(data.y_test, np.arange(20) % 10)


def test_files_may_be_unpacked(mnist_folder):
    zipped = load("mnist", mnist_folder)
    for path in mnist_folder.glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    np.testing.assert_array_equal(load("mnist", mnist_folder).x_train, zipped.x_train)


@pytest.mark.parametrize(
    ("file", "array", "message"),
    [
        ("train-images-idx3-ubyte.gz", np.zeros((30, 20, 28)), "has 20×28 images, not 28×28"),
        ("train-labels-idx1-ubyte.gz", np.zeros(29), "images and .* 29 labels"),
        ("t10k-labels-idx1-ubyte.gz", np.full(20, 10), "label 10 of image 0 .* is not in 0 to 9"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(mnist_folder, write_idx, file, array, message):
    write_idx(mnist_folder / file, array.astype(np.uint8))
    with pytest.raises(InputError, match=message) as error:
        load("mnist", mnist_folder)
    assert file in str(error.value)


def test_what_the_script_writes_can_be_read(tmp_path, rng, write_idx):
    """And it writes the same array the same way each time."""
    array = rng.integers(0, 256, (5, 3, 4), dtype=np.uint8)
    write_idx(tmp_path / "a.gz", array)
    read = read_idx(tmp_path / "a.gz", 3)
    assert read.dtype == np.uint8
    assert read.flags.writeable
    np.testing.assert_array_equal(read, array)
    write_idx(tmp_path / "b.gz", array)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    with pytest.raises(ValueError, match="float64"):
        write_idx(tmp_path / "c.gz", np.zeros(3))


def test_content_and_not_the_name_shows_what_is_gzipped(tmp_path):
    array = np.arange(6, dtype=np.uint8)
    (tmp_path / "plain.gz").write_bytes(header(6) + array.tobytes())
    (tmp_path / "zipped").write_bytes(gzip.compress(header(6) + array.tobytes()))
    for name in ("plain.gz", "zipped"):
        np.testing.assert_array_equal(read_idx(tmp_path / name, 1), array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not start like an IDX file of bytes in 2 dimensions (00 00 08 02) but with nothing"),
        (b"\0\0\x08", "but with 00 00 08"),
        (b"PNG and so on", "but with 50 4e 47 20"),
        (header(2, 2, kind=13) + bytes(16), "but with 00 00 0d 02"),
        (header(4) + bytes(4), "but with 00 00 08 01"),
        (header(2, 2)[:-3], "ends inside its header, after 9 bytes"),
        (header(0, 2), "is empty: its sizes are 0×2"),
        (header(2, 2) + bytes(3), "promises 4 bytes (2×2) and contains only 3"),
        (header(2, 2) + bytes(5), "promises 4 bytes (2×2) and contains more"),
        (header(2**31, 2**31) + bytes(5), "promises 4,611,686,018,427,387,904 bytes of data"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_bad_files_are_refused(tmp_path, refusal, content, message, pack):
    path = tmp_path / "bad"
    path.write_bytes(pack(content))
    assert message in refusal(read_idx, path, 2)[0]


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        *((PACKED[:cut], "can't be read") for cut in (3, 11, 30, -1)),
        (PACKED[:-6] + bytes([PACKED[-6] ^ 1]) + PACKED[-5:], "CRC"),
        (gzip.compress(header(2**28) + bytes(10)), "contains only 10"),
        (gzip.compress(header(10) + bytes(2**24)), "promises 10 bytes (10) and contains more"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
def test_damage_lying_headers_and_gzip_bombs_cost_no_memory(tmp_path, refusal, packed, message):
    path = tmp_path / "lies.gz"
    path.write_bytes(packed)
    said, memory = refusal(read_idx, path, 1)
    assert message in said
    assert memory < 8e6


def test_a_gzip_bomb_is_refused_before_it_is_unpacked(tmp_path, refusal, monkeypatch):
    monkeypatch.setattr(reading, "_memory", lambda: 2**24 - 1)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(header(2**24) + bytes(2**24)))
    message, memory = refusal(read_idx, path, 1)
    assert "promises 16,777,216 bytes of data, and this machine has 16,777,215 bytes of memory" in message
    assert memory < 1e6


@pytest.mark.parametrize("name", ["absent", ".", "/dev/zero"])
def test_other_things_than_files_are_refused(tmp_path, refusal, name):
    assert "can't be read" in refusal(read_idx, tmp_path / name, 1)[0]
