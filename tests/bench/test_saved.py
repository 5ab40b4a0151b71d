import numpy as np
import pytest

import minilocal as ml
from minilocal.bench.saved import bytes_covered, saved_at_loss, saved_bytes
from minilocal.layers import Layer


class Keeper(Layer):
    """Keeps what it is given, in whatever it is wrapped."""

    kept = ("first", "second")


def test_what_layers_share_counts_once():
    a, b = np.zeros((10, 4), np.float32), np.zeros(7, np.uint8)
    one, two = Keeper(), Keeper()
    network = ml.Network([ml.Sequential(one=one, two=two)], {1: ml.Linear(3, 2)}, (3,))
    one.first, one.second = a, {"b": b}
    two.first, two.second = (a.reshape(40), [a[3:5]]), 12345  # a key, say, is no array
    assert saved_bytes(network) == 160 + 7


def test_bytes_covered():
    a = np.zeros((6, 8), np.float32)
    assert bytes_covered([]) == bytes_covered([a[:0]]) == 0
    assert bytes_covered([a[:4], a[2:]]) == a.nbytes  # they overlap
    assert bytes_covered([a[:2], a[4:]]) == a.nbytes - 64  # they do not
    assert bytes_covered([a.T, a]) == a.nbytes


def test_a_step_worked_by_hand():
    """One FC layer without dropout in a block: x; BatchNorm's input, mean and 1/deviation; the output."""
    n, d, width, classes = 8, 6, 5, 3
    network = ml.build_network("2", [width, width], (1, 1, d), classes, "G1", dropout=0)
    x = np.random.default_rng(0).standard_normal((n, 1, 1, d)).astype(np.float32)
    with saved_at_loss(network) as sizes:
        ml.local_step(network, [ml.Block(2, 2), ml.Block(3, 3)], x, np.arange(n) % classes, ml.SGD())
    layer = {2: n * 2 + 2 * n * width + 2 * width, 3: n * width + 2 * n * width + 2 * width}
    a1 = n * classes + 2 * classes  # its Linear's input is the layer's output; its BatchNorm's is its own
    assert sizes == [4 * (layer[2] + a1), 4 * layer[3]]
    assert saved_bytes(network) == 0  # all released


@pytest.mark.parametrize("algo", ["BP", "G1", "G2"])
def test_local_learning_saves_no_more_than_its_largest_block_needs(algo):
    from minilocal.bench.plan import plan_steps

    network, n = ml.build_vgg("vgg8b", algo=algo, width=1 / 16), 4
    (shift,) = plan_steps(network, ml.parse_schedule(algo)).shifts
    x = np.random.default_rng(0).standard_normal((n, 32, 32, 3)).astype(np.float32)
    with saved_at_loss(network) as sizes:
        ml.local_step(network, shift.blocks, x, np.arange(n), ml.SGD())
    assert len(sizes) == len(shift.blocks)
    assert 0.5 < max(sizes) / (4 * n * shift.own_numbers) < 1.1
