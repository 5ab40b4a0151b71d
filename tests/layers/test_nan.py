"""What is not a number stays visible: no layer hides a NaN, neither forward nor backward."""

import numpy as np
import pytest

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
)
from minilocal.networks.auxiliary import a1, a2
from minilocal.networks.vgg import cbrd, fbrd

MAP, VECTOR = (4, 4, 4, 3), (4, 6)
LAYERS = {
    "im2col": (Conv2d(3, 5, method="im2col"), MAP),
    "im2col 1×1": (Conv2d(3, 5, 1, padding=0, bias=True), MAP),
    "Winograd": (Conv2d(3, 5, method="winograd"), MAP),
    "dense": (Conv2d(3, 5, method="dense"), (4, 2, 2, 3)),
    "BatchNorm": (BatchNorm(3), MAP),
    "BatchNorm of vectors": (BatchNorm(6), VECTOR),
    "ReLU": (ReLU(), MAP),
    "Dropout": (Dropout(1e-6, key=3), MAP),
    "fused": (BatchNormReLUDropout(3, 1e-6, key=3), MAP),
    "max-pool": (MaxPool2d(2), MAP),
    "average pool": (AvgPool2d((4, 2)), MAP),
    "Flatten": (Flatten(), MAP),
    "Linear": (Linear(6, 5), VECTOR),
    "CBRD": (cbrd(3, 5, 0.1, pool=True, rng=0), MAP),
    "FBRD": (fbrd(6, 5, 0.1, rng=0), VECTOR),
    "A1": (a1((4, 4, 3), 5, 12, np.random.default_rng(0)), MAP),
    "A2": (a2((8, 8, 3), 5, 12, np.random.default_rng(0)), (4, 8, 8, 3)),
}
each_layer = pytest.mark.parametrize(("layer", "shape"), LAYERS.values(), ids=LAYERS)


@pytest.fixture(autouse=True)
def quiet():
    with np.errstate(all="ignore"):
        yield


@each_layer
@pytest.mark.parametrize("training", [False, True])
def test_forward(layer, shape, training, rng):
    """Wherever one number of the input is NaN, the output of its image has one."""
    for place in (0, -1, 17):
        x = rng.standard_normal(shape).astype(np.float32)
        x.flat[place] = np.nan
        image = int(np.flatnonzero(np.isnan(x.reshape(len(x), -1)).any(axis=1))[0])
        y = layer.forward(x, training)
        assert np.isnan(y[image]).any()
        layer.release()


@each_layer
def test_backward(layer, shape, rng):
    """A NaN that comes from behind reaches the gradients of the parameters and of the input."""
    for place in (0, -1, 7):
        x = rng.standard_normal(shape).astype(np.float32)
        y = layer.forward(x, training=True)
        dy = rng.standard_normal(y.shape).astype(np.float32)
        alive = np.flatnonzero(y)  # a gradient does not pass where ReLU or dropout has left a zero
        dy.flat[alive[place % len(alive)]] = np.nan
        dx = layer.backward(dy)
        assert np.isnan(dx).any()
        for name, gradient in layer.grads.items():
            assert np.isnan(gradient).any(), name
        layer.release()
