"""Each transform agrees with its matrix, and each transpose with its transform."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minilocal.kernels import winograd

BT = np.array([[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
               [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]], float)  # fmt: skip
G = np.array([[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
              [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]])  # fmt: skip
AT = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], float)

sizes = {"n": st.integers(1, 2), "rows": st.integers(1, 2), "columns": st.integers(1, 3), "c": st.integers(1, 5),
         "seed": st.integers(0, 99)}  # fmt: skip


def sandwich(matrix, tiles):
    """Return matrix · tile · matrixᵀ of tiles (..., i, j, C), flattened to points (i·j, tiles, C)."""
    points = np.einsum("ai,tijc,bj->abtc", matrix, tiles, matrix)
    return points.reshape(-1, *points.shape[2:])


def cut(maps, size):
    """Return the patch of that size around each 4×4 tile, image by image and row by row."""
    margin = (size - 4) // 2
    padded = np.pad(maps, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    n, height, width, _ = maps.shape
    return np.array([padded[b, 4 * p : 4 * p + size, 4 * q : 4 * q + size]
                     for b, p, q in np.ndindex(n, height // 4, width // 4)])  # fmt: skip


def test_the_matrices_convolve(rng):
    d, g = rng.standard_normal((6, 6)), rng.standard_normal((3, 3))
    expected = [[np.sum(d[i : i + 3, j : j + 3] * g) for j in range(4)] for i in range(4)]
    np.testing.assert_allclose(AT @ ((BT @ d @ BT.T) * (G @ g @ G.T)) @ AT.T, expected, atol=1e-12)


@settings(max_examples=15)
@given(**sizes)
def test_input_and_output_transforms(n, rows, columns, c, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 4 * rows, 4 * columns, c))
    tiles = rows * columns
    points = np.full((36, n * tiles, c), np.nan)
    for image in range(n):  # one call per image, as for the chunks of a batch
        winograd.input_transform(x[image : image + 1], points, image * tiles)
    np.testing.assert_allclose(points, sandwich(BT, cut(x, 6)), atol=1e-12)

    m, y = rng.standard_normal(points.shape), np.full_like(x, np.nan)
    winograd.output_transform(m, y, 0)
    expected = sandwich(AT, m.reshape(6, 6, n * tiles, c).transpose(2, 0, 1, 3))
    np.testing.assert_allclose(cut(y, 4).transpose(1, 2, 0, 3).reshape(expected.shape), expected, atol=1e-12)


@settings(max_examples=15)
@given(**sizes)
def test_transposes(n, rows, columns, c, seed):
    """<m, T(x)> = <Tᵀ(m), x>, for the transforms of input and output."""
    rng = np.random.default_rng(seed)
    x, m = rng.standard_normal((n, 4 * rows, 4 * columns, c)), rng.standard_normal((36, n * rows * columns, c))
    points, maps = np.full_like(m, np.nan), np.full_like(x, np.nan)
    winograd.input_transform(x, points, 0)
    winograd.input_transform_transposed(m, maps, 0)
    np.testing.assert_allclose(np.sum(m * points), np.sum(maps * x), atol=1e-9)
    winograd.output_transform(m, maps, 0)
    winograd.output_transform_transposed(x, points, 0)
    np.testing.assert_allclose(np.sum(m * points), np.sum(maps * x), atol=1e-9)


@pytest.mark.parametrize("middle", [1, 5])
def test_weight_transform_and_its_transpose(rng, middle):
    g, m = rng.standard_normal((9, 7)), rng.standard_normal((36, 7))
    points, back = np.full_like(m, np.nan), np.full_like(g, np.nan)
    for first, last in ((0, middle), (middle, 7)):
        winograd.weight_transform(g, points, first, last)
        winograd.weight_transform_transposed(m, back, first, last)
    np.testing.assert_allclose(points, sandwich(G, g.reshape(1, 3, 3, 7))[:, 0], atol=1e-12)
    np.testing.assert_allclose(np.sum(m * points), np.sum(back * g), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_whole_numbers_are_exact_in_both_dtypes(rng, dtype):
    x = rng.integers(-9, 9, (1, 4, 4, 2)).astype(dtype)
    points = np.empty((36, 1, 2), dtype)
    winograd.input_transform(x, points, 0)
    np.testing.assert_array_equal(points, sandwich(BT, cut(x, 6)))


def test_nan_stays_nan():
    x, points = np.zeros((1, 4, 4, 1)), np.empty((36, 1, 1))
    x[0, 1, 2, 0] = np.nan
    winograd.input_transform(x, points, 0)
    y = np.empty_like(x)
    winograd.output_transform(points, y, 0)
    assert np.isnan(y).any()
