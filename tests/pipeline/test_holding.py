import numpy as np
import pytest

from minilocal.losses import CrossEntropy
from minilocal.networks.vgg import build_network
from minilocal.optim import SGD
from minilocal.pipeline.holding import HeldLayers, Move, moves
from minilocal.schedule import parse
from minilocal.steps import local_step


@pytest.fixture
def held():
    return HeldLayers(build_network("4 M 6", [8], (8, 8, 1), 3, "G2S1", features=16), SGD())


def test_layers_move_when_their_owner_changes():
    before, after = dict(enumerate([0, 0, 1, 1, 2], 1)), dict(enumerate([0, 1, 1, 2, 2], 1))
    assert moves(before, after) == [Move(2, 0, 1), Move(4, 1, 2)]
    assert moves(after, after) == []


def test_a_layer_comes_with_its_classifier_statistics_and_momentum(held):
    shapes = [array.shape for array in held.arrays(2)]
    weights, classifier = [(3, 3, 4, 6), (6,), (6,)], [(4 * 4 * 6 // 8, 3), (3,), (3,)]
    assert shapes == [*weights, (6,), (6,), *weights, *classifier, (3,), (3,), *classifier]


def test_a_dropped_layer_takes_no_memory_but_knows_its_shapes(held):
    network, before = held.network, held.network.shapes
    held.keep_only([1])
    assert held.numbers == {1}
    for name, array in network.arrays().items():
        assert any(array.strides) == (name.startswith(("layers.1.", "aux.1."))), name
    assert network.layer(2).output_shape(before[0]) == before[1]
    with pytest.raises(ValueError, match="read-only"):
        network.layer(2).params["conv.weight"][...] = 1


def leave_and_return(held, number):
    sent = [array.copy() for array in held.arrays(number)]
    held.drop(number)
    held.hold(number)
    for array, content in zip(held.arrays(number), sent, strict=True):
        array[...] = content


def test_a_layer_that_returns_trains_as_if_it_had_never_left(held, rng):
    schedule = parse("G2S1")
    x, labels = rng.standard_normal((4, 8, 8, 1)).astype(np.float32), np.array([0, 1, 2, 0])
    other = HeldLayers(build_network("4 M 6", [8], (8, 8, 1), 3, "G2S1", features=16), SGD())

    def step(which, number):
        local_step(which.network, schedule.blocks_at(number, 3), x, labels, which.optimizer, 0, number)

    step(held, 0)
    step(other, 0)
    leave_and_return(other, 2)
    leave_and_return(other, 3)
    step(held, 1)
    step(other, 1)
    for number in (1, 2, 3):
        for a, b in zip(held.arrays(number), other.arrays(number), strict=True):
            assert a.tobytes() == b.tobytes()


class Doubled:
    """A loss that refers to its classifier a second time, through the loss inside it."""

    def __init__(self, classifier):
        self.inner = CrossEntropy(classifier)
        self.layers = {"aux": classifier}

    def __call__(self, x, labels, need_dx=True):
        value, correct, dx = self.inner(x, labels, need_dx)
        self.layers["aux"].grads["linear.weight"] *= 2
        return 2 * value, correct, dx


def test_a_loss_of_your_own_that_returns_still_computes_with_the_layers_that_it_trains(held, rng):
    network = held.network
    network.losses[2] = Doubled(network.classifier(2))
    leave_and_return(held, 2)
    loss = network.losses[2]
    assert loss.inner.layers["aux"] is loss.layers["aux"] is network.classifier(2)
    before = network.arrays()["aux.2.linear.weight"].copy()
    x, labels = rng.standard_normal((4, 8, 8, 1)).astype(np.float32), np.array([0, 1, 2, 0])
    local_step(network, parse("G2S1").blocks_at(0, 3), x, labels, held.optimizer)
    assert not np.array_equal(before, network.arrays()["aux.2.linear.weight"])
