"""Layers of one's own: those inside them are found, trained, saved, released, and have dropout keys of their own."""

import copy
import pickle

import numpy as np
import pytest

from minilocal import gradcheck
from minilocal.compute.streams import dropout_key
from minilocal.errors import InputError
from minilocal.layers import BatchNorm, BatchNormReLUDropout, Conv2d, Dropout, Flatten, Layer, Linear, ReLU, Sequential
from minilocal.layers.sequential import leaves
from minilocal.networks.auxiliary import own_classifier
from minilocal.networks.network import Network
from minilocal.networks.vgg import cbrd
from minilocal.optim import SGD
from minilocal.schedule import Block
from minilocal.steps import backprop_step, local_step


class Residual(Layer):
    """y = x + body(x), where the body is an attribute."""

    def __init__(self, channels, rng, dtype=np.float32):
        super().__init__()
        self.make(channels, rng, dtype)

    def make(self, channels, rng, dtype):
        self.body = Sequential(
            conv=Conv2d(channels, channels, rng=rng, dtype=dtype), bn=BatchNorm(channels, dtype), relu=ReLU()
        )

    def forward(self, x, training=False):
        return self.body.forward(x, training) + x

    def backward(self, dy, need_dx=True):
        dx = self.body.backward(dy, need_dx)
        return dx + dy if need_dx else None

    def output_shape(self, shape):
        return self.body.output_shape(shape)

    def macs(self, shape):
        return self.body.macs(shape)


class Late(Residual):
    """Calls super().__init__() after it has set its attributes."""

    def __init__(self, channels, rng, dtype=np.float32):
        self.make(channels, rng, dtype)
        Layer.__init__(self)


class Never(Residual):
    """Does not call super().__init__() at all."""

    def __init__(self, channels, rng, dtype=np.float32):
        self.make(channels, rng, dtype)


class Listed(Residual):
    """Has its layers in a list, to which it appends."""

    def make(self, channels, rng, dtype):
        self.blocks, self.more = [], {"last": (Residual(channels, rng, dtype),)}
        for _ in range(2):
            self.blocks.append(Residual(channels, rng, dtype))

    def forward(self, x, training=False):
        for block in self.layers.values():
            x = block.forward(x, training)
        return x

    def backward(self, dy, need_dx=True):
        for block in reversed(self.layers.values()):
            dy = block.backward(dy, need_dx or block is not self.blocks[0])
        return dy

    def output_shape(self, shape):
        return shape

    def macs(self, shape):
        return sum(block.macs(shape) for block in self.layers.values())


KINDS = (Residual, Late, Never, Listed)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradients_of_layers_inside_a_layer_are_its_own(kind, rng):
    layer = kind(3, rng, np.float64)
    assert len(layer.params) == (9 if kind is Listed else 3)
    assert layer.macs((6, 5, 3)) == 6 * 5 * 81 * (len(layer.params) // 3)
    checks = list(gradcheck.check_layer("residual", layer, rng.standard_normal((4, 6, 5, 3))))
    assert not [check.explain() for check in checks if not check.passed()]
    assert {check.argument for check in checks} == {"x", *layer.params}


def test_names_follow_the_attributes(rng):
    assert list(Residual(2, rng).params) == ["body.conv.weight", "body.bn.gamma", "body.bn.beta"]
    assert list(Residual(2, rng).state) == ["body.bn.mean", "body.bn.variance"]
    assert list(Listed(2, rng).layers) == ["blocks.0", "blocks.1", "more.last.0"]
    assert "blocks.1.body.bn.mean" in Listed(2, rng).state
    assert repr(Late(2, rng)).startswith("Late(body=Sequential(conv=Conv2d(weight 3×3×2×2), bn=BatchNorm(gamma 2, be")


def test_a_layer_and_the_layers_inside_it_may_both_have_arrays(rng):
    layer = Residual(2, rng)
    layer.add_param("scale", np.ones(2, np.float32))
    layer.add_state("count", np.zeros(1, np.float32))
    assert list(layer.params) == list(layer.grads) == ["scale", "body.conv.weight", "body.bn.gamma", "body.bn.beta"]
    assert list(layer.state) == ["count", "body.bn.mean", "body.bn.variance"]
    assert repr(layer).startswith("Residual(scale 2, body=Sequential(")


def test_a_layer_that_is_replaced_or_that_gets_a_parameter_later_is_trained_too(rng):
    layer = Residual(2, rng)
    layer.body = Sequential(conv=Conv2d(2, 2, rng=rng), relu=ReLU())
    layer.body.conv.add_param("scale", np.ones(2, np.float32))
    assert list(layer.params) == ["body.conv.weight", "body.conv.scale"]
    assert layer.params["body.conv.weight"] is layer.body.conv.params["weight"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_trains_saves_copies_and_releases_them(kind, rng):
    layers = [kind(3, rng), kind(3, rng)]
    network = Network(layers, {n: own_classifier((4, 4, 3), 2, rng) for n in (1, 2)}, (4, 4, 3))
    x, labels, optimizer = rng.standard_normal((6, 4, 4, 3)).astype(np.float32), np.arange(6) % 2, SGD()
    before = {name: array.copy() for name, array in network.arrays().items()}
    local_step(network, [Block(1, 1), Block(2, 2)], x, labels, optimizer)
    after = network.arrays()
    assert all((after[name] != before[name]).any() for name in before)
    assert sum("bn.mean" in name for name in after) == (6 if kind is Listed else 2)
    assert all(getattr(leaf, name) is None for layer in layers for leaf in leaves(layer) for name in leaf.kept)
    with pytest.raises(RuntimeError, match="needs forward"):
        layers[0].backward(x)
    network.layer(1).forward(x, training=True)
    for copied in (copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))):
        twin, its_optimizer = copied((network, optimizer))
        bits = [a.tobytes() for a in network.arrays().values()]
        backprop_step(twin, x, labels, its_optimizer)
        assert [a.tobytes() for a in network.arrays().values()] == bits
        twin.load(network.arrays())
        assert [a.tobytes() for a in twin.arrays().values()] == bits


def test_one_layer_in_two_attributes_is_refused(rng):
    layer = Residual(3, rng)
    layer.again = layer.body.conv
    with pytest.raises(InputError, match="stands in two places"):
        Network([layer], {}, (4, 4, 3))


def test_macs_of_layers_inside_a_layer_are_never_forgotten(rng):
    class Silent(Residual):
        macs = Layer.macs

    with pytest.raises(TypeError, match="Silent has no macs"):
        Silent(3, rng).macs((4, 4, 3))


def test_a_name_that_a_sequential_needs_itself_is_refused():
    for name in ("forward", "params", "layers"):
        with pytest.raises(InputError, match=f"can't be named '{name}'; choose"):
            Sequential(**{name: ReLU()})


class TwoDropouts(Layer):
    def __init__(self):
        self.one, self.two = Dropout(0.5), Dropout(0.5)

    def forward(self, x, training=False):
        return np.stack([self.one.forward(x, training), self.two.forward(x, training)])


def test_each_dropout_inside_a_layer_has_a_mask_of_its_own():
    layer, x = TwoDropouts(), np.ones((100, 100))
    masks = []
    for key in (7, 8, 7):
        layer.set_dropout_key(key)
        masks += list(layer.forward(x, training=True) > 0)
    for i, a in enumerate(masks[:4]):
        for b in masks[:i]:
            assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.05
    np.testing.assert_array_equal(masks[4:], masks[:2])  # the same key, the same masks


@pytest.mark.parametrize("fused", [True, False])
def test_the_only_dropout_of_a_layer_has_the_key_of_the_layer_itself(fused, rng):
    network = Network([cbrd(3, 3, 0.2, rng=rng, fused=fused) for _ in range(2)], {}, (4, 4, 3))
    network.set_dropout_keys(3, 5)
    for number in (1, 2):
        (key,) = (leaf.key for leaf in network.layer(number).layers.values() if hasattr(leaf, "key"))
        assert key == dropout_key(3, 5, number)


def test_dropouts_in_a_loss_come_after_those_in_its_layer(rng):
    classifier = Sequential(flatten=Flatten(), dropout=Dropout(0.5), linear=Linear(48, 2, rng=rng))
    network = Network([cbrd(3, 3, 0.2, rng=rng), Residual(3, rng)], {1: classifier}, (4, 4, 3))
    keys = set()
    for step in range(3):
        network.set_dropout_keys(0, step)
        keys |= {network.layer(1).bn.key, classifier.dropout.key}
    assert len(keys) == 6


def test_without_a_seed_or_generator_no_layer_is_made(rng):
    for make in (lambda **rng: Conv2d(2, 3, **rng), lambda **rng: Linear(2, 3, **rng), lambda **rng: cbrd(2, 3, **rng)):
        with pytest.raises(TypeError, match="rng"):
            make()
        with pytest.raises(InputError, match=r"rng is None, so no two runs .*; pass a seed or a Generator"):
            make(rng=None)
        first, second = make(rng=rng), make(rng=rng)
        assert (next(iter(first.params.values())) != next(iter(second.params.values()))).all()


class InPlace(Residual):
    """Adds x where it must not: to what ReLU keeps, but in a single place, which central differences may miss."""

    def forward(self, x, training=False):
        y = self.body.forward(x, training)
        y[0, 0, 0, 0] += x[0, 0, 0, 0]
        return y


class ChangesInput(Residual):
    """Changes the input of a layer inside it, which keeps it."""

    def forward(self, x, training=False):
        between = self.body.conv.forward(x, training)
        y = self.body.bn.forward(between, training)
        between *= 2
        return self.body.relu.forward(y, training) + x


@pytest.mark.parametrize(("kind", "says"), [(InPlace, "own.body.relu.y"), (ChangesInput, "own.body.bn.x")])
def test_the_gradient_check_finds_what_was_changed_in_place(kind, says, rng):
    layer = Sequential(own=kind(3, rng, np.float64))
    with pytest.raises(
        InputError,
        match=rf"^block.{says}, which backward needs, has changed since it was kept; write y = y \+ x, not y \+= x",
    ):
        list(gradcheck.check_layer("block", layer, rng.standard_normal((9, 7, 7, 3))))
    layer.forward(rng.standard_normal((9, 7, 7, 3)), training=True)


def test_fused_layers_keep_what_they_return(rng):
    class Fused(Residual):
        def make(self, channels, rng, dtype):
            self.body = BatchNormReLUDropout(channels, 0.1, dtype)

        def forward(self, x, training=False):
            y = self.body.forward(x, training)
            y += x
            return y

    with pytest.raises(InputError, match=r"fused.body.y"):
        list(gradcheck.check_layer("fused", Fused(3, rng, np.float64), rng.standard_normal((4, 3))))
