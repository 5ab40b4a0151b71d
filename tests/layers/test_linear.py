import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from minilocal.layers import Flatten, Linear


def test_worked_by_hand():
    layer = Linear(2, 2, rng=0)
    layer.params["weight"][...] = [[1, 2], [3, 4]]
    layer.params["bias"][...] = [10, 20]
    x = np.array([[1, 1], [0, 2]], np.float32)
    np.testing.assert_array_equal(layer.forward(x, training=True), [[14, 26], [16, 28]])
    dx = layer.backward(np.array([[1, 0], [0, 1]], np.float32))
    np.testing.assert_array_equal(dx, [[1, 3], [2, 4]])
    np.testing.assert_array_equal(layer.grads["weight"], [[1, 0], [1, 2]])
    np.testing.assert_array_equal(layer.grads["bias"], [1, 1])


@settings(max_examples=30)
@given(n=st.integers(1, 40), d_in=st.integers(1, 40), d_out=st.integers(1, 40), bias=st.booleans())
def test_it_is_a_matrix_product(n, d_in, d_out, bias):
    rng = np.random.default_rng(n)
    layer = Linear(d_in, d_out, bias, dtype=np.float64, rng=0)
    x, dy = rng.standard_normal((n, d_in)), rng.standard_normal((n, d_out))
    np.testing.assert_allclose(layer.forward(x, training=True), np.einsum("ni,io->no", x, layer.params["weight"]))
    np.testing.assert_allclose(layer.backward(dy), np.einsum("no,io->ni", dy, layer.params["weight"]), atol=1e-12)
    np.testing.assert_allclose(layer.grads["weight"], np.einsum("ni,no->io", x, dy), atol=1e-12)
    assert set(layer.grads) == ({"weight", "bias"} if bias else {"weight"})


def test_gain_sets_the_initial_variance():
    for gain in (1, 2):
        weight = Linear(1000, 300, gain=gain, rng=0).params["weight"]
        assert abs(weight.var() * 1000 / gain - 1) < 0.02


def test_flatten_is_in_height_width_channel_order():
    x = np.arange(2.0 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    layer = Flatten()
    y = layer.forward(x, training=True)
    assert y.shape == (2, 60)
    assert y[1, 5 * (4 * 2 + 3) + 1] == x[1, 2, 3, 1]
    np.testing.assert_array_equal(layer.backward(y), x)
