"""Vectors compute what arrays compute, compiled or not."""

import numpy as np
import pytest
from numba.core.errors import TypingError

from minilocal.compute.compilation import kernel
from minilocal.compute.vectors import add_products, lanes, linear, load, loads, store, stores


@kernel
def axpy(x, y, length):
    """Add x₀ times the vector x to the vector y, and then y to itself."""
    (total,) = add_products((load(y, 0, length),), x, 0, 1, load(x, 0, length))
    store(y, 0, total + total)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("length", [4, 8, 16])
def test_vectors_compute_what_arrays_compute(rng, dtype, length):
    x, y = (rng.integers(-9, 9, length + 1).astype(dtype) for _ in range(2))
    expected = np.append(2 * (x[0] * x[:-1] + y[:-1]), y[-1])
    axpy(x, y, (0,) * length)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, expected)


@kernel
def several(x, y, length):
    """Add x[i] times the last vector of x to each of its first three vectors, and write them to y."""
    n = len(length)
    stores(y, 0, n, add_products(loads(x, 0, n, 3, length), x, 0, 1, load(x, 3 * n, length)))


def test_several_vectors_at_once(rng):
    x, y = rng.integers(-9, 9, (4, 8)).astype(np.float32), np.empty((3, 8), np.float32)
    several(x.ravel(), y.reshape(-1), (0,) * 8)
    np.testing.assert_array_equal(y, x[:3] + np.outer(x[0, :3], x[3]))


MATRIX = ((0, 1, 0, -2), (3, -1, 2, 0), (3, 1, -2, 0), (-1, -1, 0, 1), (0, 0, 0, 1), (-0.5, 0, 0, 0))
multiplied = linear(MATRIX)


@kernel
def times_matrix(x, y, length):
    """Write MATRIX · x to y, for four vectors x."""
    n = len(length)
    stores(y, 0, n, multiplied(loads(x, 0, n, 4, length)))


def test_several_vectors_times_a_matrix(rng):
    x, y = rng.integers(-9, 9, (4, 8)).astype(np.float32), np.empty((6, 8), np.float32)
    times_matrix(x.ravel(), y.reshape(-1), (0,) * 8)
    np.testing.assert_array_equal(y, MATRIX @ x)


def test_lanes_divide_all_channels():
    assert len(lanes(24, 8)) == 8
    assert len(lanes(16, 32)) in (8, 16)
    assert lanes(12, 16) == ()


@pytest.mark.skipif(not hasattr(axpy, "py_func"), reason="not compiled")
def test_arrays_that_are_not_one_run_of_numbers_are_refused():
    with pytest.raises(TypingError):
        axpy(np.zeros(32)[::2], np.zeros(16), (0,) * 16)
