import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from minilocal.layers import AvgPool2d, MaxPool2d

shapes = {"n": st.integers(1, 4), "p": st.integers(1, 4), "q": st.integers(1, 4), "c": st.integers(1, 5),
          "h": st.integers(1, 4), "w": st.integers(1, 4), "seed": st.integers(0, 50)}  # fmt: skip


def windows(x, h, w):
    """Yield each window: its place in the output and its slice of the input."""
    n, height, width, c = x.shape
    for b, p, q, k in np.ndindex(n, height // h, width // w, c):
        yield (b, p, q, k), (b, slice(p * h, p * h + h), slice(q * w, q * w + w), k)


@settings(max_examples=30)
@given(**shapes)
def test_max_pool_matches_its_definition(n, p, q, c, h, w, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 5, (n, p * h, q * w, c)).astype(np.float64)  # with many ties
    dy = rng.standard_normal((n, p, q, c))
    layer = MaxPool2d((h, w))
    y, dx = layer.forward(x, training=True), layer.backward(dy)
    expected = np.zeros_like(x)
    for place, window in windows(x, h, w):
        assert y[place] == x[window].max()
        expected[window][np.unravel_index(x[window].argmax(), (h, w))] = dy[place]  # the first of equal values
    np.testing.assert_array_equal(dx, expected)


@settings(max_examples=30)
@given(**shapes)
def test_avg_pool_matches_its_definition(n, p, q, c, h, w, seed):
    rng = np.random.default_rng(seed)
    x, dy = rng.standard_normal((n, p * h, q * w, c)), rng.standard_normal((n, p, q, c))
    layer = AvgPool2d((h, w))
    y, dx = layer.forward(x, training=True), layer.backward(dy)
    for place, window in windows(x, h, w):
        np.testing.assert_allclose(y[place], x[window].mean(), atol=1e-14)
        np.testing.assert_allclose(dx[window], dy[place] / (h * w))
