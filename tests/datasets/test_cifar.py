import numpy as np
import pytest

from minilocal.datasets import load
from minilocal.datasets.catalogue import CIFAR10, CIFAR100
from minilocal.datasets.cifar import read_records
from minilocal.errors import InputError


def test_known_class_names():
    assert len(CIFAR10) == 10
    assert len(set(CIFAR100)) == 100
    assert list(CIFAR100) == sorted(CIFAR100)


def test_planes_become_channels(tmp_path):
    red, green, blue = (np.full((32, 32), value, np.uint8) for value in (1, 2, 3))
    red[4, 9] = 200  # row 4, column 9
    (tmp_path / "batch").write_bytes(bytes([7]) + red.tobytes() + green.tobytes() + blue.tobytes())
    images, labels = read_records(tmp_path / "batch", (10,))
    assert images.shape == (1, 32, 32, 3)
    assert images.flags.c_contiguous
    assert labels.tolist() == [7]
    assert images[0, 4, 9].tolist() == [200, 2, 3]
    assert images[0, 9, 4].tolist() == [1, 2, 3]


def test_cifar10(cifar10_folder):
    data = load("cifar10", cifar10_folder)
    assert data.x_train.shape == (20, 32, 32, 3)
    assert data.x_test.shape == (6, 32, 32, 3)
    assert data.x_train.dtype == np.uint8
    assert data.y_train.dtype == np.int64
    assert (data.name, data.classes, data.flip) == ("cifar10", CIFAR10, True)
    fourth, labels = read_records(cifar10_folder / "data_batch_4.bin", (10,))
    np.testing.assert_array_equal(data.x_train[12:16], fourth)
    np.testing.assert_array_equal(data.y_train[12:16], labels)


def test_one_batch_is_enough(cifar10_folder):
    for i in (1, 2, 4, 5):
        (cifar10_folder / f"data_batch_{i}.bin").unlink()
    assert len(load("cifar10", cifar10_folder).x_train) == 4


def test_a_copy_of_a_batch_does_not_count(cifar10_folder):
    for name in ("data_batch_1 (1).bin", "data_batch_1_copy.bin", "data_batch_6.bin"):
        (cifar10_folder / name).write_bytes((cifar10_folder / "data_batch_1.bin").read_bytes())
    assert len(load("cifar10", cifar10_folder).x_train) == 20


def test_cifar100_uses_the_fine_labels(cifar100_folder):
    data = load("cifar100", cifar100_folder)
    records = np.frombuffer((cifar100_folder / "train.bin").read_bytes(), np.uint8).reshape(8, 3074)
    np.testing.assert_array_equal(data.y_train, records[:, 1])
    np.testing.assert_array_equal(data.x_train[..., 2].reshape(8, -1), records[:, 2 + 2048 :])
    assert data.classes == CIFAR100


@pytest.mark.parametrize("text", ["a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n", "a\r\nb\r\nc\nd\ne\nf\ng\nh\ni\nj"])
def test_class_names_of_the_file(cifar10_folder, text):
    (cifar10_folder / "batches.meta.txt").write_text(text, newline="")
    assert load("cifar10", cifar10_folder).classes == tuple("abcdefghij")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"cat\ndog\n", "has 2 class names, not 10"),
        (b"\xff\xfe", "UTF-8"),
        (b"x" * 70_000, "is too long; at"),
    ],
)
def test_bad_class_names_are_refused(cifar10_folder, content, message):
    (cifar10_folder / "batches.meta.txt").write_bytes(content)
    with pytest.raises(InputError, match=message):
        load("cifar10", cifar10_folder)


@pytest.mark.parametrize("content", [b"", b"x", bytes(3072), bytes(3074), bytes(2 * 3073 - 1)])
def test_only_whole_records_are_read(cifar10_folder, content):
    (cifar10_folder / "data_batch_3.bin").write_bytes(content)
    with pytest.raises(InputError, match=r"data_batch_3\.bin has .* bytes, not a whole number of records of 3,073"):
        load("cifar10", cifar10_folder)


@pytest.mark.parametrize(
    ("counts", "place", "label", "message"),
    [
        ((10,), 2 * 3073, 11, "label 11 of record 2 .* is not in 0 to 9"),
        ((20, 100), 3 * 3074 + 1, 100, "label 100 of record 3 .* is not in 0 to 99"),
        ((20, 100), 3074, 20, "label 20 of record 1 .* is not in 0 to 19"),  # not used, but a sign of another format
    ],
)
def test_labels_out_of_range_are_named(tmp_path, counts, place, label, message):
    content = bytearray(4 * (len(counts) + 3072))
    content[place] = label
    (tmp_path / "x.bin").write_bytes(content)
    with pytest.raises(InputError, match=rf"x\.bin: {message}"):
        read_records(tmp_path / "x.bin", counts)


def test_unreadable_files_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(InputError, match=f"{path} can't be read"):
            read_records(path, (10,))
