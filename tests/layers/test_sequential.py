import numpy as np
import pytest

from minilocal.errors import InputError
from minilocal.layers import BatchNorm, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential


def small():
    return Sequential(pool=MaxPool2d(2), conv=Conv2d(2, 3), bn=BatchNorm(3), relu=ReLU())


def test_its_arrays_are_those_of_its_layers():
    layer = small()
    assert list(layer.params) == ["conv.weight", "bn.gamma", "bn.beta"]
    assert set(layer.grads) == set(layer.params)
    assert list(layer.state) == ["bn.mean", "bn.variance"]
    assert layer.params["conv.weight"] is layer.layers["conv"].params["weight"]


def test_without_need_dx_no_layer_before_the_first_product_runs_backward(rng, monkeypatch):
    calls = []
    for kind in (MaxPool2d, Conv2d, BatchNorm, ReLU):

        def spy(self, dy, need_dx=True, original=kind.backward):
            calls.append((type(self).__name__, need_dx))
            return original(self, dy, need_dx)

        monkeypatch.setattr(kind, "backward", spy)
    layer = small()
    y = layer.forward(rng.standard_normal((2, 4, 4, 2)).astype(np.float32), training=True)
    assert layer.backward(y, need_dx=False) is None
    assert calls == [("ReLU", True), ("BatchNorm", True), ("Conv2d", False)]
    calls.clear()
    assert layer.backward(y).shape == (2, 4, 4, 2)
    assert calls == [("ReLU", True), ("BatchNorm", True), ("Conv2d", True), ("MaxPool2d", True)]


def test_shapes_and_macs_add_up():
    layer = Sequential(conv=Conv2d(2, 3), flatten=Flatten(), linear=Linear(48, 5))
    assert layer.output_shape((4, 4, 2)) == (5,)
    assert layer.macs((4, 4, 2)) == 4 * 4 * 9 * 2 * 3 + 48 * 5
    with pytest.raises(InputError, match="linear: Linear takes vectors of 48 numbers"):
        layer.output_shape((6, 6, 2))


def test_repr_shows_types_and_shapes():
    assert repr(small()) == (
        "Sequential(pool=MaxPool2d(2×2), conv=Conv2d(weight 3×3×2×3), bn=BatchNorm(gamma 3, beta 3), relu=ReLU())"
    )
