"""Clocks around layers, and the count of what they keep for backward."""

import time

import numpy as np
import pytest

import minilocal as ml
from minilocal.bench.instruments import CONV_KINDS, bytes_covered, instrumented, saved_at_loss, saved_bytes, timed
from minilocal.layers import Layer
from minilocal.layers.sequential import leaves


def make():
    """Return a network, an optimizer and a function that takes a step of two blocks; always the same."""
    network, optimizer = ml.build_network("3 4 M", [5], (8, 8, 2), 3, "G2", features=8), ml.SGD()
    x = np.random.default_rng(0).standard_normal((4, 8, 8, 2)).astype(np.float32)
    blocks = [ml.Block(1, 2), ml.Block(3, 3)]
    return network, optimizer, lambda: ml.local_step(network, blocks, x, np.arange(4) % 3, optimizer)


def test_kinds_of_work_and_their_times():
    network, optimizer, train = make()
    train()  # compiles
    with instrumented(network, optimizer) as seconds:
        start = time.perf_counter()
        train()
        total = time.perf_counter() - start
    kinds = {type(leaf).__name__ for layer in network.layers for leaf in leaves(layer)} - {"Conv2d"}
    assert set(seconds) == kinds | {*CONV_KINDS, "classifiers", "loss", "SGD"}
    assert all(value > 0 for value in seconds.values())
    assert sum(seconds.values()) < total


def test_the_first_layer_of_a_block_has_no_input_gradient():
    network, optimizer, _ = make()
    x = np.zeros((4, 8, 8, 2), np.float32)
    with instrumented(network, optimizer) as seconds:
        y = network.layers[0].forward(x, training=True)
        network.layers[0].backward(y, need_dx=False)
    assert seconds["Conv2d input gradient"] == 0 < seconds["Conv2d weight gradient"]


def test_instruments_change_no_numbers_and_leave_nothing_behind():
    network, optimizer, train = make()
    with instrumented(network, optimizer):
        clocked = [result.loss for result in train()]
    plain, _, train = make()
    assert clocked == [result.loss for result in train()]
    for name, array in network.arrays().items():
        assert array.tobytes() == plain.arrays()[name].tobytes(), name
    for thing in (*network.auxiliary.values(), optimizer, *(leaf for part in network.layers for leaf in leaves(part))):
        assert not {"forward", "backward", "update"} & set(vars(thing))


def test_clocks_count_failing_calls_too():
    seconds = {"a": 0.0, "all": 0.0}
    with pytest.raises(ZeroDivisionError):
        timed(lambda: 1 / 0, "a", seconds, within="all")()
    assert seconds["a"] == -seconds["all"] > 0


class Keeper(Layer):
    kept = ("first", "second")


def test_what_layers_share_counts_once():
    a, b = np.zeros((10, 4), np.float32), np.zeros(7, np.uint8)
    one, two = Keeper(), Keeper()
    network = ml.Network([ml.Sequential(one=one, two=two)], {1: ml.Linear(3, 2, rng=0)}, (3,))
    one.first, one.second = a, b
    two.first, two.second = a.reshape(40), 12345  # a key, say, is not an array
    assert saved_bytes(network) == 160 + 7


def test_bytes_covered():
    a = np.zeros((6, 8), np.float32)
    assert bytes_covered([]) == bytes_covered([a[:0]]) == 0
    assert bytes_covered([a[:4], a[2:]]) == a.nbytes  # they overlap
    assert bytes_covered([a[:2], a[4:]]) == a.nbytes - 64  # they don't
    assert bytes_covered([a.T, a]) == a.nbytes


def test_what_a_step_saves_worked_by_hand():
    """One FC layer without dropout in a block: x; BatchNorm's input, mean and 1/deviation; the output."""
    n, d, width, classes = 8, 6, 5, 3
    network = ml.build_network("2", [width, width], (1, 1, d), classes, "G1", dropout=0)
    x = np.random.default_rng(0).standard_normal((n, 1, 1, d)).astype(np.float32)
    with saved_at_loss(network) as sizes:
        ml.local_step(network, [ml.Block(2, 2), ml.Block(3, 3)], x, np.arange(n) % classes, ml.SGD())
    layer = {2: n * 2 + 2 * n * width + 2 * width, 3: n * width + 2 * n * width + 2 * width}
    a1 = n * classes + 2 * classes  # its Linear's input is the layer's output; its BatchNorm's is its own
    assert sizes == [4 * (layer[2] + a1), 4 * layer[3]]
    assert saved_bytes(network) == 0  # everything is released
