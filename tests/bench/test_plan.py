"""What is to be timed, and the numbers that are known before any clock runs."""

import pytest

import minilocal as ml
from minilocal.bench.plan import own_numbers, plan_inference, plan_steps

SMALL = {"model": "vgg8b", "width": 1 / 16, "classifier": "a1"}


def forward_macs(network):
    inputs = [network.input_shape, *network.shapes]
    return [layer.macs(shape) for layer, shape in zip(network.layers, inputs, strict=False)]


@pytest.mark.parametrize("classifier", ["a1", "a2"])
@pytest.mark.parametrize("algo", ["BP", "G2", "G3S2"])
def test_macs_add_up_to_the_networks_own_count(algo, classifier):
    network = ml.build_vgg("vgg8b", algo=algo, width=1 / 16, classifier=classifier)
    forward = forward_macs(network)
    for step in plan_steps(algo, **SMALL | {"classifier": classifier}).steps:
        trained = forward[step.blocks[0].first - 1 :]
        classifiers = sum(network.classifier(b.last).macs(network.shapes[b.last - 1]) for b in step.blocks)
        without = sum(forward[block.first - 1] for block in step.blocks)  # a block's first layer has no input gradient
        assert step.macs == sum(forward) + 2 * sum(trained) - without + 3 * classifiers


def test_macs_of_inference():
    network = ml.build_vgg("vgg8b", width=1 / 16)
    (step,) = plan_inference(**SMALL).steps
    assert step.macs == sum(forward_macs(network)) + network.classifier().macs(network.shapes[-1])
    assert not step.blocks


def test_what_layers_need_themselves():
    """The product's input, after any max-pool, and the output twice: in CBRD, BatchNorm's input is as large."""
    own = own_numbers("vgg8b", 1 / 16)  # 8 16 M 16 32 M 32 M 32 M 64
    assert own[0] == 32 * 32 * 3 + 2 * 32 * 32 * 8
    assert own[1] == 32 * 32 * 8 + 2 * 32 * 32 * 16
    assert own[2] == 16 * 16 * 16 + 2 * 16 * 16 * 16
    assert own[6] == 2 * 2 * 32 + 2 * 64
    assert [plan_steps(algo, **SMALL).steps[0].own_numbers for algo in ("BP", "G1", "G3")] == [
        sum(own), max(own), sum(own[:3])
    ]  # fmt: skip
