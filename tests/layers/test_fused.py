import numpy as np
import pytest

from minilocal.layers import BatchNorm, BatchNormReLUDropout, Dropout, ReLU, Sequential
from minilocal.networks.vgg import build_network
from minilocal.optim import SGD
from minilocal.schedule import parse
from minilocal.steps import local_step


def both(channels, rate, dtype, rng):
    """Return the fused layer and the plain three, with the same parameters."""
    fused = BatchNormReLUDropout(channels, rate, dtype)
    plain = Sequential(bn=BatchNorm(channels, dtype), relu=ReLU(), dropout=Dropout(rate))
    for name, param in fused.params.items():
        param += (0.5 * rng.standard_normal(channels)).astype(dtype)
        plain.params[f"bn.{name}"][...] = param
    return fused, plain


@pytest.mark.parametrize("shape", [(8, 5), (3, 4, 6, 5), (16, 16, 16, 32)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rate", [0, 0.3])
def test_it_equals_the_three_layers_bit_for_bit(shape, dtype, rate, rng):
    fused, plain = both(shape[-1], rate, dtype, rng)
    for step in range(2):
        x, dy = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
        for layer in (fused, plain):
            layer.set_dropout_key(2**61 + 17 * step)
        y = fused.forward(x, training=True)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, plain.forward(x, training=True))
        np.testing.assert_array_equal(fused.backward(dy), plain.backward(dy))
        for name in ("gamma", "beta"):
            np.testing.assert_array_equal(fused.grads[name], plain.grads[f"bn.{name}"])
        for name in ("mean", "variance"):
            np.testing.assert_array_equal(fused.state[name], plain.state[f"bn.{name}"])
        np.testing.assert_array_equal(fused.forward(x), plain.forward(x))


def test_a_network_trains_to_the_same_bits_fused_or_not(rng):
    x, labels = rng.standard_normal((12, 8, 8, 2)).astype(np.float32), rng.integers(0, 3, 12)
    arrays = []
    for fused in (True, False):
        network = build_network("16 16 M 16", [8], (8, 8, 2), 3, "G2", features=32, dropout=0.2, fused=fused)
        optimizer = SGD()
        for step in range(3):
            local_step(network, parse("G2").blocks_at(0, 4), x, labels, optimizer, seed=1, step=step)
        arrays.append(network.arrays())
    assert arrays[0].keys() == arrays[1].keys()
    for name, array in arrays[0].items():
        np.testing.assert_array_equal(array, arrays[1][name], err_msg=name)


def test_a_nan_passes_forward_and_backward():
    layer = BatchNormReLUDropout(1, 0.0)
    x = np.array([[1.0], [2.0], [np.nan]], np.float32)
    assert np.isnan(layer.forward(x, training=True)).all()
    assert np.isnan(layer.backward(np.ones_like(x))).all()
