import time

import numpy as np
import pytest

import minilocal as ml
from minilocal.bench.instruments import CONV_KINDS, instrumented, timed
from minilocal.bench.leaves import leaves


@pytest.fixture
def step():
    network, optimizer = ml.build_network("3 4 M", [5], (8, 8, 2), 3, "G2", features=8), ml.SGD()
    x = np.random.default_rng(0).standard_normal((4, 8, 8, 2)).astype(np.float32)
    blocks = [ml.Block(1, 2), ml.Block(3, 3)]
    return network, optimizer, lambda: ml.local_step(network, blocks, x, np.arange(4) % 3, optimizer)


def test_kinds_of_work_and_their_times(step):
    network, optimizer, train = step
    train()  # compiles
    with instrumented(network, optimizer) as seconds:
        start = time.perf_counter()
        train()
        total = time.perf_counter() - start
    kinds = {type(leaf).__name__ for layer in network.layers for leaf in leaves(layer)} - {"Conv2d"}
    assert set(seconds) == kinds | {*CONV_KINDS, "classifiers", "loss", "SGD"}
    assert all(value > 0 for value in seconds.values())
    assert sum(seconds.values()) < total


def test_the_first_layer_of_a_block_has_no_input_gradient(step):
    network, optimizer, _ = step
    x = np.zeros((4, 8, 8, 2), np.float32)
    with instrumented(network, optimizer) as seconds:
        y = network.layers[0].forward(x, training=True)
        network.layers[0].backward(y, need_dx=False)
    assert seconds["Conv2d input gradient"] == 0 < seconds["Conv2d weight gradient"]


def test_instruments_change_no_numbers_and_leave_nothing_behind(step):
    network, optimizer, train = step
    with instrumented(network, optimizer):
        clocked = [result.loss for result in train()]
    plain = ml.build_network("3 4 M", [5], (8, 8, 2), 3, "G2", features=8)
    x = np.random.default_rng(0).standard_normal((4, 8, 8, 2)).astype(np.float32)
    results = ml.local_step(plain, [ml.Block(1, 2), ml.Block(3, 3)], x, np.arange(4) % 3, ml.SGD())
    assert clocked == [result.loss for result in results]
    for name, array in network.arrays().items():
        assert array.tobytes() == plain.arrays()[name].tobytes(), name
    for thing in (*network.auxiliary.values(), optimizer, *(leaf for part in network.layers for leaf in leaves(part))):
        assert not {"forward", "backward", "update"} & set(vars(thing))


def test_clocks_count_failing_calls_too():
    seconds = {"a": 0.0}
    with pytest.raises(ZeroDivisionError):
        timed(lambda: 1 / 0, "a", seconds)()
    assert seconds["a"] > 0
