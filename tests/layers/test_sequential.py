import copy
import pickle

import numpy as np
import pytest

from minilocal.errors import InputError
from minilocal.layers import BatchNorm, Conv2d, Flatten, Layer, Linear, MaxPool2d, ReLU, Sequential
from minilocal.networks.network import Network
from minilocal.networks.vgg import build_network
from minilocal.optim import SGD
from minilocal.schedule import Block
from minilocal.steps import local_step


def small():
    return Sequential(pool=MaxPool2d(2), conv=Conv2d(2, 3, rng=0), bn=BatchNorm(3), relu=ReLU())


def test_its_arrays_are_those_of_its_layers():
    layer = small()
    assert list(layer.params) == ["conv.weight", "bn.gamma", "bn.beta"]
    assert set(layer.grads) == set(layer.params)
    assert list(layer.state) == ["bn.mean", "bn.variance"]
    assert layer.params["conv.weight"] is layer.layers["conv"].params["weight"]


def test_assigning_to_its_arrays_sets_those_of_its_layers(rng):
    layer, x = small(), rng.standard_normal((2, 4, 4, 2)).astype(np.float32)
    optimizer = SGD()
    weight = rng.standard_normal((3, 3, 3, 2)).astype(np.float32).swapaxes(2, 3)
    assert not weight.flags.contiguous
    other = Conv2d(2, 3, rng=0)
    other.params["weight"][...] = weight
    layer.params["conv.weight"] = weight
    layer.params.update({"bn.gamma": np.full(3, 2, np.float32)})
    layer.params["bn.beta"] += 1
    layer.state["bn.variance"] = np.full(3, 4, np.float32)
    expected = np.maximum(other.forward(layer.layers["pool"].forward(x)) * 2 / np.sqrt(4 + 1e-5) + 1, 0)
    np.testing.assert_allclose(layer.forward(x), expected, rtol=1e-5)
    layer.grads["conv.weight"] = weight
    optimizer.velocity_of(layer)["conv.weight"] = -weight
    optimizer.momentum, optimizer.weight_decay, optimizer.lr = 0.5, 0, 1
    optimizer.update(layer)
    np.testing.assert_allclose(layer.layers["conv"].params["weight"], weight / 2, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("conv.weight", np.zeros((3, 3, 3, 2), np.float32)),
        ("bn.gamma", np.zeros(3)),
        ("bn.gamma", np.float32(1)),
        ("bn.gama", np.zeros(3, np.float32)),
    ],
)
def test_what_can_not_be_assigned_is_refused(name, value):
    layer = small()
    with pytest.raises(
        InputError, match=rf"'{name}' can't be set to float.* of shape .*; the arrays are .*bn.gamma: fl"
    ):
        layer.params[name] = value
    assert layer.params["bn.gamma"].all()
    for group in ("params", "grads", "state"):
        with pytest.raises(AttributeError, match=f"{group} can't be replaced; assign to its arrays"):
            setattr(layer, group, {})


def test_a_parameter_that_is_not_contiguous_is_trained_all_the_same():
    layer = Layer()
    layer.add_param("weight", np.ones((4, 6))[:, :3])
    layer.grads["weight"] = np.ones((4, 3))
    SGD(lr=0.5, weight_decay=0).update(layer)
    assert (layer.params["weight"] == 0.5).all()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda both: pickle.loads(pickle.dumps(both))])
def test_a_network_and_its_optimizer_are_copied_and_pickled_with_momentum(copied, rng):
    network = build_network("4 M 6", [8], (8, 8, 2), 3, "G2S1", features=32)
    x, labels, optimizer = rng.standard_normal((6, 8, 8, 2)).astype(np.float32), np.arange(6) % 3, SGD()
    blocks = [Block(1, 2), Block(3, 3)]
    local_step(network, blocks, x, labels, optimizer)
    network.layer(1).forward(x, training=True)  # what it keeps is copied too
    pairs = (network, optimizer), copied((network, optimizer))
    for one, its_optimizer in pairs:
        local_step(one, blocks, x, labels, its_optimizer)
    (bits, other_bits) = ([a.tobytes() for a in one.arrays().values()] for one, _ in pairs)
    assert bits == other_bits
    layer = pairs[1][0].layer(1)
    assert layer.params["conv.weight"] is layer.layers["conv"].params["weight"]
    assert layer.params["conv.weight"] is not network.layer(1).params["conv.weight"]
    layer.params["conv.weight"] = layer.params["conv.weight"] + 1
    assert pairs[1][0].arrays()["layers.1.conv.weight"].tobytes() != network.arrays()["layers.1.conv.weight"].tobytes()


def test_a_layer_may_stand_in_one_place_only():
    linear = Linear(4, 4, rng=0)
    for build in (
        lambda: Sequential(one=linear, two=linear),
        lambda: Sequential(one=linear, two=Sequential(linear=linear)),
        lambda: Network([linear, Sequential(linear=linear)], {}, (4,)),
    ):
        with pytest.raises(
            InputError, match=r"Linear\(weight 4×4, bias 4\) stands in two places; make a layer for each"
        ):
            build()


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
    layer = Sequential(conv=Conv2d(2, 3, rng=0), flatten=Flatten(), linear=Linear(48, 5, rng=0))
    assert layer.output_shape((4, 4, 2)) == (5,)
    assert layer.macs((4, 4, 2)) == 4 * 4 * 9 * 2 * 3 + 48 * 5
    with pytest.raises(InputError, match="linear: Linear takes vectors of 48 numbers"):
        layer.output_shape((6, 6, 2))


def test_repr_shows_types_and_shapes():
    assert repr(small()) == (
        "Sequential(pool=MaxPool2d(2×2), conv=Conv2d(weight 3×3×2×3), bn=BatchNorm(gamma 3, beta 3), relu=ReLU())"
    )
