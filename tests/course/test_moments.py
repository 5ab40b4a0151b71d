import matplotlib.pyplot as plt
import numpy as np
import pytest

import minilocal as ml
from minilocal.bench.instruments import saved_at_loss
from minilocal.course.moments import draw_moments, recorded


@pytest.fixture
def task(rng):
    network = ml.build_network("4 4 M 8", [8], (8, 8, 1), 3, "G2", features=64)
    return network, rng.standard_normal((8, 8, 8, 1)).astype(np.float32), rng.integers(0, 3, 8)


def names(moments):
    return " ".join(f"{moment.phase[0]}{moment.part}" for moment in moments)


def test_backpropagation_keeps_everything_until_it_updates(task):
    network = task[0]
    with recorded(network) as moments, saved_at_loss(network) as saved:
        ml.backprop_step(*task)
    assert names(moments) == "f1 f2 f3 f4 fA4 bA4 b4 b3 b2 b1 uA4"
    assert max(moment.total for moment in moments) == saved[0]
    assert moments[0].kept["1"] == moments[-2].kept["1"] > 0
    assert moments[-1].total == 0


def test_a_block_releases_its_layers_before_the_next_one_begins(task):
    network, blocks = task[0], [ml.Block(1, 2), ml.Block(3, 4)]
    with recorded(network) as moments:
        ml.local_step(network, blocks, *task[1:])
    assert names(moments) == "f1 f2 fA2 bA2 b2 b1 uA2 f3 f4 fA4 bA4 b4 b3 uA4"
    assert moments[6].total == 0
    figure = draw_moments({"G2": (moments, blocks)})
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels[0] == "→\n1"
    assert labels[6] == "↻\n1-2"
    plt.close(figure)


def test_nothing_is_recorded_afterwards(task):
    with recorded(task[0]) as moments:
        pass
    ml.backprop_step(*task)
    assert moments == []
