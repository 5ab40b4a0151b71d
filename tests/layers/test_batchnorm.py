import numpy as np
import pytest

from minilocal.layers import BatchNorm


@pytest.mark.parametrize("shape", [(8, 5), (3, 4, 6, 5), (64, 32, 32, 16)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-5), (np.float64, 1e-12)])
def test_training_normalises_by_the_batch(rng, shape, dtype, tolerance):
    x = (3 * rng.standard_normal(shape) + 2).astype(dtype)
    layer = BatchNorm(shape[-1], dtype)
    layer.params["gamma"][...] = rng.standard_normal(shape[-1])
    layer.params["beta"][...] = rng.standard_normal(shape[-1])
    y = layer.forward(x, training=True)
    axes = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axes, dtype=np.float64), x.var(axes, dtype=np.float64)
    expected = (x - mean) / np.sqrt(variance + 1e-5) * layer.params["gamma"] + layer.params["beta"]
    assert y.dtype == dtype
    np.testing.assert_allclose(y, expected, atol=10 * tolerance)
    m = x.size // shape[-1]
    np.testing.assert_allclose(layer.state["mean"], 0.1 * mean, rtol=tolerance)
    np.testing.assert_allclose(layer.state["variance"], 0.9 + 0.1 * variance * m / (m - 1), rtol=tolerance)


def test_evaluation_uses_the_running_statistics(rng):
    layer = BatchNorm(3, np.float64)
    layer.state["mean"][...], layer.state["variance"][...] = [1, 2, 3], [4, 9, 16]
    before = {name: a.copy() for name, a in layer.state.items()}
    x = rng.standard_normal((6, 3))
    np.testing.assert_allclose(layer.forward(x), (x - [1, 2, 3]) / np.sqrt(np.array([4, 9, 16]) + 1e-5))
    assert all(np.array_equal(before[name], layer.state[name]) for name in before)


def test_gradients_match_the_definition(rng):
    """dL/dx from the Jacobian of x̂, written out as an M×M matrix per channel."""
    m, channels = 7, 3
    x, dy = rng.standard_normal((m, channels)), rng.standard_normal((m, channels))
    layer = BatchNorm(channels, np.float64)
    layer.params["gamma"][...] = [0.5, 1, 2]
    layer.forward(x, training=True)
    dx = layer.backward(dy)
    for c in range(channels):
        std = np.sqrt(x[:, c].var() + 1e-5)
        xhat = (x[:, c] - x[:, c].mean()) / std
        jacobian = (np.eye(m) - 1 / m - np.outer(xhat, xhat) / m) / std
        np.testing.assert_allclose(dx[:, c], layer.params["gamma"][c] * jacobian @ dy[:, c])
        np.testing.assert_allclose(layer.grads["gamma"][c], dy[:, c] @ xhat)
    np.testing.assert_allclose(layer.grads["beta"], dy.sum(axis=0))


def test_a_large_mean_does_not_spoil_the_variance(rng):
    x = (1e6 + rng.standard_normal((4096, 2))).astype(np.float64)
    y = BatchNorm(2, np.float64).forward(x, training=True)
    np.testing.assert_allclose(y.std(axis=0), 1, rtol=1e-4)


def test_a_nan_stays_in_its_channel(rng):
    x = rng.standard_normal((8, 3))
    x[2, 1] = np.nan
    y = BatchNorm(3, np.float64).forward(x, training=True)
    assert np.isnan(y[:, 1]).all()
    assert np.isfinite(y[:, [0, 2]]).all()
