import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minilocal.errors import InputError
from minilocal.layers import Conv2d, dense, direct, im2col, winograd


def convolve(x, weight, stride, padding):
    """The convolution by its definition: nested loops, no tricks."""
    n, height, width, c_in = x.shape
    k, _, _, c_out = weight.shape
    p, q = (height + 2 * padding - k) // stride + 1, (width + 2 * padding - k) // stride + 1
    y = np.zeros((n, p, q, c_out))
    for b, r, s, o, i, j in np.ndindex(n, p, q, c_out, k, k):
        h, w = r * stride + i - padding, s * stride + j - padding
        if 0 <= h < height and 0 <= w < width:
            for c in range(c_in):
                y[b, r, s, o] += x[b, h, w, c] * weight[i, j, c, o]
    return y


@settings(max_examples=40)
@given(
    n=st.integers(1, 5), height=st.integers(1, 6), width=st.integers(1, 6), c_in=st.integers(1, 3),
    c_out=st.integers(1, 3), k=st.integers(1, 5), stride=st.integers(1, 4), padding=st.integers(0, 3),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_forward_and_gradients_match_the_definition(n, height, width, c_in, c_out, k, stride, padding, seed):
    rng = np.random.default_rng(seed)
    layer = Conv2d(c_in, c_out, k, stride, padding, bias=True, rng=rng, dtype=np.float64)
    layer.params["bias"][...] = rng.standard_normal(c_out)
    x = rng.standard_normal((n, height, width, c_in))
    if min(height, width) + 2 * padding < k:
        with pytest.raises(InputError, match="does not fit"):
            layer.forward(x)
        return
    weight = layer.params["weight"]
    y = layer.forward(x, training=True)
    np.testing.assert_allclose(y, convolve(x, weight, stride, padding) + layer.params["bias"], atol=1e-12)
    assert y.shape[1:] == layer.output_shape(x.shape[1:])
    assert layer.macs(x.shape[1:]) == y[0].size * k * k * c_in

    # The gradients are the transposes: <dy, conv(x, w)> is linear in x and in w, so it is <dx, x> and <dw, w>.
    dy = rng.standard_normal(y.shape)
    dx = layer.backward(dy)
    other_x, other_w = rng.standard_normal(x.shape), rng.standard_normal(weight.shape)
    np.testing.assert_allclose(
        np.sum(dx * other_x), np.sum(dy * convolve(other_x, weight, stride, padding)), atol=1e-10
    )
    np.testing.assert_allclose(
        np.sum(layer.grads["weight"] * other_w),
        np.sum(dy * convolve(x, other_w, stride, padding)),
        atol=1e-10,
    )
    np.testing.assert_allclose(layer.grads["bias"], dy.sum(axis=(0, 1, 2)), atol=1e-12)


@settings(max_examples=20)
@given(n=st.integers(1, 4), rows=st.integers(1, 3), columns=st.integers(1, 3), c_in=st.sampled_from([8, 16, 24]),
       c_out=st.sampled_from([8, 16, 32]), seed=st.integers(0, 99))  # fmt: skip
def test_winograd_equals_im2col(n, rows, columns, c_in, c_out, seed):
    assert_same("winograd", (n, 4 * rows, 4 * columns, c_in), c_out, 3, 1, 1, seed)


@settings(max_examples=20)
@given(n=st.integers(1, 3), height=st.integers(3, 9), width=st.integers(8, 13), c_in=st.integers(1, 4),
       c_out=st.sampled_from([8, 16, 24]), padding=st.integers(0, 2), seed=st.integers(0, 99))  # fmt: skip
def test_direct_equals_im2col(n, height, width, c_in, c_out, padding, seed):
    assert_same("direct", (n, height, width, c_in), c_out, 3, 1, padding, seed)


@settings(max_examples=30)
@given(n=st.integers(1, 4), height=st.integers(1, 4), width=st.integers(1, 4), c_in=st.integers(1, 3),
       c_out=st.integers(1, 3), k=st.integers(1, 4), stride=st.integers(1, 3), padding=st.integers(0, 2),
       seed=st.integers(0, 99))  # fmt: skip
def test_dense_equals_im2col(n, height, width, c_in, c_out, k, stride, padding, seed):
    if min(height, width) + 2 * padding >= k:
        assert_same("dense", (n, height, width, c_in), c_out, k, stride, padding, seed)


def assert_same(method, shape, c_out, k, stride, padding, seed, dtype=np.float64, tolerance=1e-11):
    rng = np.random.default_rng(seed)
    x, results = rng.standard_normal(shape).astype(dtype), []
    dy = None
    for name in ("im2col", method):
        layer = Conv2d(shape[3], c_out, k, stride, padding, rng=seed, dtype=dtype, method=name)
        y = layer.forward(x, training=True)
        dy = rng.standard_normal(y.shape).astype(dtype) if dy is None else dy
        layer.grads["weight"][...] = np.nan
        results.append([y, layer.backward(dy), layer.grads["weight"]])
    for a, b in zip(*results, strict=True):
        assert b.dtype == dtype
        np.testing.assert_allclose(b, a, atol=tolerance * max(1, np.abs(a).max()))


@pytest.mark.parametrize("limits", [{}, {"GROUP_TILES": 8}, {"WIDE": 1}, {"WIDE": 1, "BATCH_TILES": 64}], ids=str)
@pytest.mark.parametrize("shape", [(35, 8, 8, 16), (3, 16, 4, 32)])
def test_winograd_in_float32_agrees_with_im2col(limits, shape, monkeypatch):
    """In groups of any size, with sums in lanes or by BLAS."""
    for name, value in limits.items():
        monkeypatch.setattr(winograd, name, value)
    assert Conv2d(shape[3], 48, method="winograd", rng=0).method(shape[1:]) is winograd
    assert_same("winograd", shape, 48, 3, 1, 1, 0, np.float32, 3e-5)


def test_dense_in_float32_agrees_with_im2col():
    assert_same("dense", (64, 2, 2, 64), 48, 3, 1, 1, 0, np.float32, 3e-5)


def test_the_method_follows_the_shape():
    wide, thin, big = Conv2d(32, 64, rng=0), Conv2d(3, 64, rng=0), Conv2d(32, 32, kernel=5, padding=2, rng=0)
    odd = Conv2d(12, 20, rng=0)
    assert wide.method((8, 12, 32)) is winograd
    assert wide.method((8, 6, 32)) is im2col
    assert wide.method((2, 2, 32)) is dense
    assert thin.method((8, 8, 3)) is direct
    assert thin.method((8, 4, 3)) is im2col
    assert odd.method((8, 8, 12)) is im2col
    assert big.method((8, 8, 32)) is im2col
    assert Conv2d(32, 32, stride=2, rng=0).method((8, 8, 32)) is im2col
    for name, module in (("im2col", im2col), ("winograd", winograd), ("direct", direct), ("dense", dense)):
        assert Conv2d(8, 16, method=name, rng=0).method((8, 8, 8)) is module
    for name, shape in (("winograd", (6, 8, 8)), ("direct", (8, 4, 8))):
        assert Conv2d(8, 16, method=name, rng=0).method(shape) is im2col
    with pytest.raises(InputError, match="method 'fft' is unknown; choose from auto, im2col, winograd, direct, dense"):
        Conv2d(3, 4, method="fft", rng=0)


def test_worked_by_hand():
    layer = Conv2d(1, 1, kernel=2, padding=0, rng=0)
    layer.params["weight"][:, :, 0, 0] = [[1, 2], [3, 4]]
    x = np.array([[0, 1, 2], [3, 4, 5]], np.float32).reshape(1, 2, 3, 1)
    y = layer.forward(x, training=True)
    np.testing.assert_array_equal(y.ravel(), [0 + 2 + 9 + 16, 1 + 4 + 12 + 20])
    dx = layer.backward(np.array([1, 10], np.float32).reshape(y.shape))
    np.testing.assert_array_equal(dx[0, :, :, 0], [[1, 2 + 10, 20], [3, 4 + 30, 40]])
    np.testing.assert_array_equal(layer.grads["weight"][:, :, 0, 0], [[0 + 10, 1 + 20], [3 + 40, 4 + 50]])


def test_float32_follows_float64(rng):
    x, dy = rng.standard_normal((9, 8, 8, 16)), rng.standard_normal((9, 8, 8, 24))
    exact, rounded = Conv2d(16, 24, rng=5, dtype=np.float64), Conv2d(16, 24, rng=5)
    outputs = []
    for layer, dtype in ((exact, np.float64), (rounded, np.float32)):
        y = layer.forward(x.astype(dtype), training=True)
        outputs.append((y, layer.backward(dy.astype(dtype)), layer.grads["weight"]))
        assert all(a.dtype == dtype for a in outputs[-1])
    for a, b in zip(*outputs, strict=True):
        np.testing.assert_allclose(b, a, atol=1e-4 * np.abs(a).max())


def test_initial_weights_are_he_normal():
    weight = Conv2d(64, 128, rng=0).params["weight"]
    assert abs(weight.var() / (2 / (9 * 64)) - 1) < 0.02
    assert abs(weight.mean()) < 1e-3


@pytest.mark.parametrize(("c_in", "c_out"), [(2, 4), (3, 3), (5, 2)])
def test_a_convolution_can_start_as_the_identity(c_in, c_out, rng):
    layer, random = (Conv2d(c_in, c_out, rng=0) for _ in range(2))
    layer.start_as_identity()
    x, same = rng.standard_normal((2, 5, 5, c_in), np.float32), min(c_in, c_out)
    y = layer.forward(x)
    np.testing.assert_array_equal(y[..., :same], x[..., :same])
    np.testing.assert_array_equal(y[..., same:], random.forward(x)[..., same:])  # other outputs begin as ever
