"""What holds for every layer: NaNs stay visible, threads change nothing, gradients and memory are handled alike.

Also the arguments and inputs that layers refuse.
"""

from functools import partial

import numpy as np
import pytest

from minilocal.compute import parallel
from minilocal.errors import InputError
from minilocal.layers import (
    AvgPool2d,
    BatchNorm,
    BatchNormReLUDropout,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    MaxPool2d,
    ReLU,
    winograd,
)
from minilocal.networks.auxiliary import a1, a2
from minilocal.networks.vgg import cbrd, fbrd

POOLS = (MaxPool2d, AvgPool2d)
MAP, VECTOR = (4, 4, 4, 3), (4, 6)
LAYERS = {
    "im2col": (lambda: Conv2d(3, 5, method="im2col"), MAP),
    "im2col 1×1": (lambda: Conv2d(3, 5, 1, padding=0, bias=True), MAP),
    "Winograd": (lambda: Conv2d(8, 16, method="winograd"), (4, 8, 4, 8)),
    "direct": (lambda: Conv2d(3, 8, method="direct"), (4, 8, 9, 3)),
    "dense": (lambda: Conv2d(3, 5, method="dense"), (4, 2, 2, 3)),
    "BatchNorm": (lambda: BatchNorm(3), MAP),
    "BatchNorm of vectors": (lambda: BatchNorm(6), VECTOR),
    "ReLU": (ReLU, MAP),
    "Dropout": (lambda: Dropout(1e-6, key=3), MAP),
    "fused": (lambda: BatchNormReLUDropout(3, 1e-6, key=3), MAP),
    "max-pool": (lambda: MaxPool2d(2), MAP),
    "average pool": (lambda: AvgPool2d((4, 2)), MAP),
    "Flatten": (Flatten, MAP),
    "Linear": (lambda: Linear(6, 5), VECTOR),
    "CBRD": (lambda: cbrd(3, 5, 0.1, pool=True), MAP),
    "FBRD": (lambda: fbrd(6, 5, 0.1), VECTOR),
    "A1": (lambda: a1((4, 4, 3), 5, 12), MAP),
    "A2": (lambda: a2((8, 8, 3), 5, 12), (4, 8, 8, 3)),
}
each_layer = pytest.mark.parametrize(("make", "shape"), LAYERS.values(), ids=LAYERS)
quiet = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def normal(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


@quiet
@each_layer
@pytest.mark.parametrize("training", [False, True])
def test_a_nan_in_an_image_shows_in_its_output(make, shape, training, rng):
    for place in (0, 3, 12, 15, 17, -1):  # also each place of a pooling window
        x = normal(rng, *shape)
        x.flat[place] = np.nan
        image = int(np.flatnonzero(np.isnan(x.reshape(len(x), -1)).any(axis=1))[0])
        assert np.isnan(make().forward(x, training)[image]).any()


@quiet
@each_layer
def test_a_nan_in_dy_shows_in_all_gradients(make, shape, rng):
    for place in (0, -1, 7):
        layer, x = make(), normal(rng, *shape)
        y = layer.forward(x, training=True)
        dy = normal(rng, *y.shape)
        alive = np.flatnonzero(y)  # no gradient passes where ReLU or dropout has left a zero
        dy.flat[alive[place % len(alive)]] = np.nan
        assert np.isnan(layer.backward(dy)).any()
        for name, gradient in layer.grads.items():
            assert np.isnan(gradient).any(), name


@each_layer
def test_without_need_dx_only_the_parameters_gradients_are_computed(make, shape, rng):
    layer = make()
    dy = normal(rng, *layer.forward(normal(rng, *shape), training=True).shape)
    layer.backward(dy)
    expected = {name: gradient.copy() for name, gradient in layer.grads.items()}
    for gradient in layer.grads.values():
        gradient[...] = np.nan
    assert layer.backward(dy, need_dx=False) is None
    for name, gradient in layer.grads.items():
        np.testing.assert_array_equal(gradient, expected[name], err_msg=name)


@each_layer
def test_a_released_layer_keeps_nothing_and_says_what_backward_needs(make, shape, rng):
    layer = make()
    y = layer.forward(normal(rng, *shape), training=True)
    layer.release()
    for leaf in getattr(layer, "layers", {"": layer}).values():
        assert all(getattr(leaf, name) is None for name in leaf.kept)
    if not isinstance(layer, AvgPool2d):  # it needs nothing from its forward
        with pytest.raises(RuntimeError, match=r"needs forward\(x, training=True\) first"):
            layer.backward(y)


@pytest.mark.parametrize(
    ("make", "shape", "says"),
    [
        (lambda: Conv2d(2, 3), (4, 4, 2), r"takes maps \(height, width, 2\), not of shape \(4, 2\)"),
        (lambda: Conv2d(2, 3), (1, 4, 4, 3), r"takes maps \(height, width, 2\)"),
        (lambda: Conv2d(3, 2), MAP, r"Conv2d has float32 parameters and got uint8; use x.astype\(np.float32\)"),
        (lambda: Conv2d(2, 3, stride=0), MAP, "must be at least 1"),
        (lambda: Linear(3, 2), (1, 4), "vectors of 3 numbers"),
        (lambda: Linear(3, 2), (1, 1, 3), "vectors of 3 numbers"),
        (lambda: Linear(0, 2), VECTOR, "at least 1"),
        (lambda: BatchNorm(3), (2, 4), "takes 3 channels"),
        (lambda: BatchNorm(3), (1, 3), "at least 2 values per channel"),
        (lambda: BatchNorm(0), VECTOR, "at least 1"),
        *((partial(Dropout, rate), MAP, "at least 0 and below 1") for rate in (-0.1, 1, 1.5, float("nan"))),
        (lambda: BatchNormReLUDropout(3, 1), MAP, "dropout rate is 1"),
        *((partial(pool, 2), (1, 5, 4, 1), "2×2 pooling window does not divide a 5×4 map") for pool in POOLS),
        *((partial(pool, 2), (1, 4), "takes maps") for pool in POOLS),
        *((partial(pool, 0), MAP, "at least 1") for pool in POOLS),
    ],
)
def test_bad_inputs_are_refused(make, shape, says):
    dtype = np.uint8 if "uint8" in says else np.float32
    with pytest.raises(InputError, match=says):
        make().forward(np.zeros(shape, dtype), training=True)


THREADED = {
    "im2col": (lambda: Conv2d(16, 24, method="im2col"), (37, 8, 8, 16)),
    "Winograd": (lambda: Conv2d(16, 24, method="winograd"), (37, 8, 8, 16)),
    "Winograd by BLAS": (lambda: Conv2d(16, 24, method="winograd"), (37, 8, 8, 16)),
    "direct": (lambda: Conv2d(3, 24, method="direct"), (37, 8, 8, 3)),
    "dense": (lambda: Conv2d(16, 24, method="dense"), (37, 2, 2, 16)),
    "BatchNorm": (lambda: BatchNorm(24), (64, 16, 16, 24)),
    "fused": (lambda: BatchNormReLUDropout(24, 0.2, key=5), (64, 16, 16, 24)),
    "ReLU": (ReLU, (64, 16, 16, 24)),
    "Dropout": (lambda: Dropout(0.1, key=99), (64, 16, 16, 24)),
    "max-pool": (lambda: MaxPool2d(2), (37, 8, 8, 16)),
    "average pool": (lambda: AvgPool2d(2), (37, 8, 8, 16)),
    "Linear": (lambda: Linear(300, 200), (1100, 300)),
}


@pytest.mark.parametrize("name", THREADED)
def test_no_bit_depends_on_the_number_of_threads(name, rng, monkeypatch):
    if name == "Winograd by BLAS":
        monkeypatch.setattr(winograd, "WIDE", 1)
        monkeypatch.setattr(winograd, "BATCH_TILES", 64)
    make, shape = THREADED[name]
    x, results = normal(rng, *shape), []
    for threads in (1, 2, 4):
        parallel.set_threads(threads)
        layer = make()
        y = layer.forward(x, training=True)
        results.append([y, layer.backward(y + 1), *layer.grads.values(), *layer.state.values()])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
