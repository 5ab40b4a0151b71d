import math

import pytest

import minilocal as ml
from minilocal.bench.macs import inference_macs, step_macs
from minilocal.bench.plan import own_numbers, plan_inference, plan_steps
from minilocal.schedule import Block


@pytest.fixture(scope="module")
def network():
    """Two conv layers, a max-pool, one FC layer, 4×4×2 images; A_1 pools 4×4×3 = 48 numbers by 2×1 to 24."""
    return ml.build_network("3 5 M", [7], (4, 4, 2), 10, "G1", features=24)


CONV1, CONV2, FC = 16 * 9 * 2 * 3, 16 * 9 * 3 * 5, 2 * 2 * 5 * 7
A1, A2, A3 = 24 * 10, 2 * 2 * 5 * 10, 7 * 10  # A_2 pools 4×4×5 = 80 numbers by 2×2 to 20


@pytest.mark.parametrize(
    ("blocks", "macs"),
    [
        ([(1, 3)], 2 * CONV1 + 3 * CONV2 + 3 * FC + 3 * A3),
        ([(1, 1), (2, 2), (3, 3)], 2 * (CONV1 + CONV2 + FC) + 3 * (A1 + A2 + A3)),
        ([(1, 2), (3, 3)], 2 * CONV1 + 3 * CONV2 + 2 * FC + 3 * (A2 + A3)),
        ([(2, 3)], CONV1 + 2 * CONV2 + 3 * FC + 3 * A3),
        ([(3, 3)], CONV1 + CONV2 + 2 * FC + 3 * A3),
    ],
)
def test_steps(network, blocks, macs):
    assert step_macs(network, [Block(*block) for block in blocks]) == macs


def test_inference(network):
    assert inference_macs(network) == CONV1 + CONV2 + FC + A3
    assert plan_inference(network).shifts[0].macs == inference_macs(network)


@pytest.mark.parametrize("algo", ["BP", "G2", "G3S2"])
def test_parts_add_up_to_the_networks_own_count(algo):
    network = ml.build_vgg("vgg8b", algo=algo, width=1 / 16)
    shapes = [network.input_shape, *network.shapes]
    forward = [layer.macs(shape) for layer, shape in zip(network.layers, shapes, strict=False)]
    for shift in plan_steps(network, ml.parse_schedule(algo)).shifts:
        firsts = [block.first for block in shift.blocks]
        trained = forward[shift.blocks[0].first - 1 :]
        classifiers = sum(network.classifier(b.last).macs(network.shapes[b.last - 1]) for b in shift.blocks)
        without = sum(forward[first - 1] for first in firsts)
        assert shift.macs == sum(forward) + 2 * sum(trained) - without + 3 * classifiers


def test_published_share():
    """G1 saves a third of BP's multiply-adds on the b-nets."""
    macs = {}
    for algo in ("BP", "G1"):
        network = ml.build_vgg("vgg11b", algo=algo, width=0.25)
        macs[algo] = plan_steps(network, ml.parse_schedule(algo)).shifts[0].macs
    assert macs["G1"] / macs["BP"] == pytest.approx(1 - 0.333, abs=0.01)


def test_what_a_blocks_layers_need_themselves(network):
    first, second, third = 4 * 4 * 2 + 2 * 4 * 4 * 3, 4 * 4 * 3 + 2 * 4 * 4 * 5, 2 * 2 * 5 + 2 * 7
    assert [own_numbers(network, Block(i, i)) for i in (1, 2, 3)] == [first, second, third]
    assert own_numbers(network, Block(1, 3)) == first + second + third
    shift = plan_steps(network, ml.parse_schedule("G1")).shifts[0]
    assert shift.own_numbers == math.prod((4, 4, 3)) + 2 * math.prod((4, 4, 5))
