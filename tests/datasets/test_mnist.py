import gzip

import numpy as np
import pytest

from minilocal.datasets.idx import read_idx, write_idx
from minilocal.datasets.mnist import DIGITS, read_mnist
from minilocal.errors import InputError


def read(folder):
    return read_mnist(folder, "mnist", DIGITS, flip=False)


def test_shapes_dtypes_and_content(mnist_folder):
    data = read(mnist_folder)
    assert data.x_train.shape == (30, 28, 28, 1)
    assert data.x_test.shape == (20, 28, 28, 1)
    assert data.x_train.dtype == np.uint8
    assert data.y_train.dtype == data.y_test.dtype == np.int64
    assert (data.name, data.classes, data.flip) == ("mnist", DIGITS, False)
    np.testing.assert_array_equal(data.x_test[..., 0], read_idx(mnist_folder / "t10k-images-idx3-ubyte.gz", 3))
    np.testing.assert_array_equal(data.y_test, np.arange(20) % 10)


def test_unpacked_files_do_as_well(mnist_folder):
    packed = read(mnist_folder)
    for path in mnist_folder.glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    np.testing.assert_array_equal(read(mnist_folder).x_train, packed.x_train)


def test_missing_file_is_named(mnist_folder):
    (mnist_folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InputError, match=r"holds no t10k-labels-idx1-ubyte\.gz or t10k-labels-idx1-ubyte"):
        read(mnist_folder)


@pytest.mark.parametrize(
    ("file", "array", "message"),
    [
        ("train-images-idx3-ubyte.gz", np.zeros((30, 20, 28)), "holds 20×28 images, not 28×28"),
        ("train-labels-idx1-ubyte.gz", np.zeros(29), "images and .* 29 labels"),
        ("t10k-labels-idx1-ubyte.gz", np.full(20, 10), "label 10 of image 0 .* is not in 0 to 9"),
    ],
)
def test_files_that_do_not_fit_are_refused(mnist_folder, file, array, message):
    write_idx(mnist_folder / file, array.astype(np.uint8))
    with pytest.raises(InputError, match=message) as error:
        read(mnist_folder)
    assert file in str(error.value)
