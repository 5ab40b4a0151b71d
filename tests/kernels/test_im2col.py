import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from minilocal.kernels.im2col import col2im, im2col

shapes = {"n": st.integers(1, 3), "height": st.integers(1, 6), "width": st.integers(1, 6), "c": st.integers(1, 4),
          "k": st.integers(1, 5), "stride": st.integers(1, 4), "padding": st.integers(0, 4)}  # fmt: skip


def patches(x, k, stride, padding):
    """Return each patch of the padded image, cut out one by one."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    n, height, width, c = x.shape
    p, q = max(0, (height - k) // stride + 1), max(0, (width - k) // stride + 1)
    cols = np.zeros((n, p, q, k, k * c), x.dtype)
    for b, i, j in np.ndindex(n, p, q):
        cols[b, i, j] = x[b, i * stride : i * stride + k, j * stride : j * stride + k].reshape(k, k * c)
    return cols


@settings(max_examples=60)
@given(**shapes, dtype=st.sampled_from([np.float32, np.float64]))
def test_rows_are_patches(n, height, width, c, k, stride, padding, dtype):
    x = np.arange(1, n * height * width * c + 1, dtype=dtype).reshape(n, height, width, c)
    expected = patches(x, k, stride, padding)
    cols = np.full_like(expected, np.nan)  # every entry must be written, even the zeros of the border
    im2col(x.reshape(n, height, -1), cols, k, stride, padding)
    np.testing.assert_array_equal(cols, expected)


@settings(max_examples=60)
@given(**shapes)
def test_col2im_is_the_transpose(n, height, width, c, k, stride, padding):
    """<im2col(x), m> = <x, col2im(m)> for all x and m; with whole numbers, so that nothing is rounded."""
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 9, (n, height, width, c)).astype(np.float64)
    cols = patches(x, k, stride, padding)
    m = rng.integers(-9, 9, cols.shape).astype(np.float64)
    back = np.full((n, height, width * c), np.nan)
    col2im(m, back, k, stride, padding)
    assert np.sum(cols * m) == np.sum(x.reshape(back.shape) * back)
