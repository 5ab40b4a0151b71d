import numpy as np

from minilocal.kernels.activation import mix
from minilocal.layers import Dropout, ReLU


def test_relu():
    layer = ReLU()
    x = np.array([[-1.0, 0.0, 2.0, np.nan, np.inf]])
    np.testing.assert_array_equal(layer.forward(x, training=True), [[0, 0, 2, np.nan, np.inf]])
    np.testing.assert_array_equal(layer.backward(np.full_like(x, 3)), [[0, 0, 3, 3, 3]])


def test_dropout_drops_the_right_share_and_scales_the_rest():
    layer = Dropout(0.3, key=7)
    x = np.ones((200, 500), np.float32)
    y = layer.forward(x, training=True)
    assert set(np.unique(y)) == {0, np.float32(1 / 0.7)}
    assert abs((y == 0).mean() - 0.3) < 0.005  # 3.5 standard deviations
    assert abs(y.mean() - 1) < 0.01
    for axis in (0, 1):  # no row or column is favoured: the mean of m Bernoulli numbers has variance p(1 − p)/m
        m = y.shape[axis]
        z = ((y == 0).mean(axis=axis) - 0.3) / np.sqrt(0.21 / m)
        assert abs(z.std() - 1) < 0.2
        assert np.abs(z).max() < 5


def test_backward_applies_the_mask_of_its_forward_even_after_the_key_has_changed(rng):
    layer = Dropout(0.5, key=1)
    x = rng.standard_normal((30, 40))
    y = layer.forward(x, training=True)
    layer.set_dropout_key(2)
    np.testing.assert_array_equal(layer.backward(x), y)


def test_masks_of_different_keys_are_uncorrelated_and_those_of_one_key_are_equal():
    masks = [Dropout(0.5, key=k).forward(np.ones(100_000), training=True) > 0 for k in (1, 2, 1 << 40, 2**62 - 1)]
    for i, a in enumerate(masks):
        for b in masks[:i]:
            assert abs(np.corrcoef(a, b)[0, 1]) < 0.015
    again = Dropout(0.5, key=1)
    for _ in range(2):
        assert np.array_equal(again.forward(np.ones(100_000), training=True) > 0, masks[0])


def test_mask_is_the_documented_hash():
    key, rate = (5 << 32) + 3, 0.25
    y = Dropout(rate, key).forward(np.ones(64), training=True)

    def lowbias32(h):
        h = (h ^ (h >> 16)) * 0x7FEB352D % 2**32
        h = (h ^ (h >> 15)) * 0x846CA68B % 2**32
        return h ^ (h >> 16)

    stays = [lowbias32(lowbias32(i + 3) ^ 5) >= rate * 2**32 for i in range(64)]
    assert [bool(v) for v in y] == stays
    assert mix(12345) == lowbias32(12345)


def test_without_training_or_at_rate_zero_x_comes_back(rng):
    x = rng.standard_normal((3, 4))
    assert Dropout(0.5).forward(x) is x
    np.testing.assert_array_equal(Dropout(0.0).forward(x, training=True), x)
