import numpy as np
import pytest

from minilocal.errors import InputError, ShapeError
from minilocal.gradcheck import check_layer
from minilocal.layers import Whitening, direct


@pytest.fixture
def correlated(rng):
    """Images whose neighbouring pixels and channels are nearly equal."""
    x = rng.standard_normal((200, 12, 12, 3)).cumsum(axis=1).cumsum(axis=2)
    return x + 0.3 * x.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("channels", [1, 3])
def test_whitened_patches_are_uncorrelated_and_have_variance_1(correlated, channels):
    x = np.ascontiguousarray(correlated[..., :channels] * 10)
    layer = Whitening(channels, np.float64)
    layer.fit(x)
    patches = layer.forward(x)[:, :-1, :-1].reshape(-1, 8 * channels)
    covariance = patches.T @ patches / len(patches)
    half = 4 * channels
    np.testing.assert_allclose(covariance[:half, :half], np.eye(half), atol=2e-3)
    np.testing.assert_array_equal(patches[:, half:], -patches[:, :half])


def test_before_the_fit_patches_pass_and_beyond_the_image_there_are_zeros():
    layer = Whitening(2)
    x = np.arange(1, 13, dtype=np.float32).reshape(1, 2, 3, 2)
    y = layer.forward(x)
    assert y.shape == (1, *layer.output_shape((2, 3, 2))) == (1, 2, 3, 16)
    np.testing.assert_array_equal(y[0, 0, 1, :8], [3, 4, 5, 6, 9, 10, 11, 12])  # its pixel, right, below, both
    np.testing.assert_array_equal(y[0, 1, 2, :8], [11, 12, 0, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(y[..., 8:], -y[..., :8])


def test_a_channel_without_contrast_stays_finite():
    layer = Whitening(1)
    layer.fit(np.zeros((5, 4, 4, 1), np.float32))
    assert np.isfinite(layer.state["weight"]).all()
    assert layer.fitted


def test_it_trains_nothing_and_passes_the_right_gradient(correlated):
    layer = Whitening(3, np.float64)
    layer.fit(correlated)
    assert not layer.params
    assert [check.argument for check in check_layer("Whitening", layer, correlated[:3])] == ["x"]


def test_both_ways_to_convolve_give_the_same(correlated):
    x = correlated.astype(np.float32)
    fast, plain = Whitening(3), Whitening(3, method="im2col")
    assert direct.fits((12, 12, 3), 3, 1, 1, 24)
    for layer in (fast, plain):
        layer.fit(x)
    np.testing.assert_allclose(fast.forward(x), plain.forward(x), rtol=1e-4, atol=1e-4)


def test_bad_sizes_are_refused():
    with pytest.raises(InputError, match="channels must be at least 1"):
        Whitening(0)
    with pytest.raises(ShapeError, match=r"takes images \(height, width, 3\)"):
        Whitening(3).output_shape((4, 4, 1))
    with pytest.raises(InputError, match="1×4 pixels have no 2×2 patches"):
        Whitening(1).fit(np.zeros((9, 1, 4, 1), np.float32))
