import numpy as np
import pytest

from minilocal.compute import parallel
from minilocal.errors import InputError
from minilocal.kernels.activation import mix
from minilocal.layers import Dropout, ReLU


def test_relu(rng):
    layer = ReLU()
    x = np.array([[-1.0, 0.0, 2.0, np.nan, np.inf]])
    np.testing.assert_array_equal(layer.forward(x, training=True), [[0, 0, 2, np.nan, np.inf]])
    np.testing.assert_array_equal(layer.backward(np.full_like(x, 3)), [[0, 0, 3, 3, 3]])


def test_dropout_keeps_and_scales(rng):
    layer = Dropout(0.3, key=7)
    x = np.ones((200, 500), np.float32)
    y = layer.forward(x, training=True)
    assert set(np.unique(y)) == {0, np.float32(1 / 0.7)}
    assert abs((y == 0).mean() - 0.3) < 0.005  # 3.5 standard deviations
    assert abs(y.mean() - 1) < 0.01
    for axis in (
        0,
        1,
    ):  # no row or column is favoured: variance of a mean of m Bernoulli numbers is p(1 − p)/m
        m = y.shape[axis]
        z = ((y == 0).mean(axis=axis) - 0.3) / np.sqrt(0.21 / m)
        assert abs(z.std() - 1) < 0.2
        assert np.abs(z).max() < 5


def test_backward_applies_the_same_mask_even_if_the_key_has_moved_on(rng):
    layer = Dropout(0.5, key=1)
    x = rng.standard_normal((30, 40))
    y = layer.forward(x, training=True)
    layer.set_dropout_key(2)
    np.testing.assert_array_equal(layer.backward(x), y)


def test_masks_differ_by_key_and_are_uncorrelated(rng):
    masks = [Dropout(0.5, key=k).forward(np.ones(100_000), training=True) > 0 for k in (1, 2, 1 << 40, 2**62 - 1)]
    for i, a in enumerate(masks):
        for b in masks[:i]:
            assert abs(np.corrcoef(a, b)[0, 1]) < 0.015


def test_mask_depends_on_the_key_alone_not_on_threads_or_calls():
    x = np.ones((300, 1000), np.float32)
    masks = []
    for threads in (1, 2, 4):
        parallel.set_threads(threads)
        layer = Dropout(0.1, key=99)
        layer.forward(x, training=True)
        masks.append(layer.forward(x, training=True))
    assert np.array_equal(masks[0], masks[1])
    assert np.array_equal(masks[0], masks[2])


def test_mask_is_the_documented_hash():
    key, rate = (5 << 32) + 3, 0.25
    y = Dropout(rate, key).forward(np.ones(64), training=True)

    def lowbias32(h):
        h = (h ^ (h >> 16)) * 0x7FEB352D % 2**32
        h = (h ^ (h >> 15)) * 0x846CA68B % 2**32
        return h ^ (h >> 16)

    kept = [lowbias32(lowbias32(i + 3) ^ 5) >= rate * 2**32 for i in range(64)]
    assert [bool(v) for v in y] == kept
    assert mix(12345) == lowbias32(12345)


def test_without_training_or_rate_nothing_happens(rng):
    x = rng.standard_normal((3, 4))
    assert Dropout(0.5).forward(x) is x
    np.testing.assert_array_equal(Dropout(0.0).forward(x, training=True), x)


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan")])
def test_rates_out_of_range_are_refused(rate):
    with pytest.raises(InputError, match="at least 0 and below 1"):
        Dropout(rate)
