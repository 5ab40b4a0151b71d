"""Each transform agrees with its matrix, and the fused kernels with products of the transforms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minilocal.kernels import winograd

BT, G, AT = (np.array(matrix, float) for matrix in (winograd.BT, winograd.G, winograd.AT))
LANES = (0,) * 8


def sandwich(matrix, tiles):
    """Return matrix · tile · matrixᵀ of tiles (T, i, j, C), flattened to points (T, 36 or 16, C)."""
    points = np.einsum("ai,tijc,bj->tabc", matrix, tiles, matrix)
    return points.reshape(len(points), -1, points.shape[3])


def cut(maps, size):
    """Return the patch of that size around each 4×4 tile, image by image and row by row."""
    margin = (size - 4) // 2
    padded = np.pad(maps, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    n, height, width, _ = maps.shape
    return np.array([padded[b, 4 * p : 4 * p + size, 4 * q : 4 * q + size]
                     for b, p, q in np.ndindex(n, height // 4, width // 4)])  # fmt: skip


def room(size, rows, dtype):
    lengths = *winograd.room_sizes(rows * size[1] // 4, size), winograd.HALF
    return tuple(np.zeros(n, dtype) for n in lengths)


def points_of(x, dy):
    """Return v (T, 36, C) and m (T, 36, K), made in two calls."""
    size, rows, across = (*x.shape[1:], dy.shape[3]), len(x) * x.shape[1] // 4, x.shape[2] // 4
    v, m = (np.full((rows * across, 37, maps.shape[3]), np.nan, x.dtype) for maps in (x, dy))
    for first, last in ((0, rows // 2), (rows // 2, rows)):
        mine = (array[first * across : last * across].reshape(-1) for array in (v, m))
        winograd.points_of(
            x.reshape(-1), dy.reshape(-1), size, (*mine, *room(size, 1, x.dtype)[2:]), first, last, LANES
        )
    return v[:, :36], m[:, :36]


def weight_points(weight):
    """Return the points of weight (9, C, K), flat, made in two calls."""
    _, c, k = weight.shape
    u = np.full(36 * c * k, np.nan)
    for first, last in ((0, 3), (3, c)):
        winograd.weight_transform(weight.reshape(-1), u, np.empty(18 * 8), c, k, first, last, LANES)
    return u


def test_the_matrices_convolve(rng):
    d, g = rng.standard_normal((6, 6)), rng.standard_normal((3, 3))
    expected = [[np.sum(d[i : i + 3, j : j + 3] * g) for j in range(4)] for i in range(4)]
    np.testing.assert_allclose(AT @ ((BT @ d @ BT.T) * (G @ g @ G.T)) @ AT.T, expected, atol=1e-12)


@settings(max_examples=15)
@given(n=st.integers(1, 2), rows=st.integers(1, 3), columns=st.integers(1, 3), c=st.sampled_from([8, 16]),
       k=st.sampled_from([8, 16]), group=st.integers(1, 4), seed=st.integers(0, 99))  # fmt: skip
def test_every_kernel_agrees_with_the_matrices(n, rows, columns, c, k, group, seed):
    rng = np.random.default_rng(seed)
    x, dy = (rng.standard_normal((n, 4 * rows, 4 * columns, channels)) for channels in (c, k))
    weight, all_rows = rng.standard_normal((9, c, k)), n * rows
    v, m = points_of(x, dy)
    np.testing.assert_allclose(v, sandwich(BT, cut(x, 6)), atol=1e-12)
    np.testing.assert_allclose(m, sandwich(AT.T, cut(dy, 4)), atol=1e-12)

    u = weight_points(weight)
    points = u.reshape(36, k // 8, c, 8).transpose(0, 2, 1, 3).reshape(36, c, k)
    np.testing.assert_allclose(points.reshape(36, -1), sandwich(G, weight.reshape(1, 3, 3, -1))[0], atol=1e-12)

    halves = (0, all_rows // 2), (all_rows // 2, all_rows)
    size, flat_x, flat_dy = (*x.shape[1:], k), x.reshape(-1), dy.reshape(-1)
    y, mine = np.full((*x.shape[:3], k), np.nan), room(size, group, x.dtype)
    for first, last in halves:
        winograd.convolve(flat_x, u, y.reshape(-1), size, mine, first, last, group, LANES)
    products = np.einsum("tpc,pck->tpk", v, points).reshape(-1, 6, 6, k)
    np.testing.assert_allclose(cut(y, 4).reshape(-1, 16, k), sandwich(AT, products), atol=1e-10)

    sums, length = np.full((2, 36 * c * k), np.nan), c * k
    for i, (first, last) in enumerate(halves):
        winograd.weight_gradient(flat_x, flat_dy, sums[i], size, mine, first, last, group, LANES)
    np.testing.assert_allclose(sums.sum(0).reshape(36, c, k), np.einsum("tpc,tpk->pck", v, m), atol=1e-9)

    dweight, middle, scratch = np.full((9, length), np.nan), length // 16 * 8, np.empty(36 * length)
    for first, last in ((0, middle), (middle, length)):
        winograd.weight_transform_transposed(
            sums.reshape(-1), dweight.reshape(-1), scratch, np.empty(18 * 8), 2, length, first, last, LANES
        )
    expected = sandwich(G.T, sums.sum(0).reshape(1, 6, 6, -1))[0]
    np.testing.assert_allclose(dweight, expected, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_whole_numbers_are_exact_in_both_dtypes(rng, dtype):
    x = rng.integers(-9, 9, (1, 4, 4, 8)).astype(dtype)
    v, m = points_of(x, x)
    assert v.dtype == dtype
    np.testing.assert_array_equal(v, sandwich(BT, cut(x, 6)))
    np.testing.assert_array_equal(m, sandwich(AT.T, cut(x, 4)))


def test_nan_stays_nan():
    x, y, u, size = np.zeros((1, 4, 4, 8)), np.empty((1, 4, 4, 8)), weight_points(np.ones((9, 8, 8))), (4, 4, 8, 8)
    x[0, 1, 2, 0] = np.nan
    winograd.convolve(x.reshape(-1), u, y.reshape(-1), size, room(size, 1, x.dtype), 0, 1, 1, LANES)
    assert np.isnan(y).any()
