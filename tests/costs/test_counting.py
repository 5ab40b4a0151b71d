"""The formula against a count: real steps run, and every matrix product in them is counted."""

import numpy as np
import pytest

from minilocal.compute import parallel
from minilocal.costs.algorithm import algorithm_costs
from minilocal.gradcheck import ALGORITHMS
from minilocal.layers import im2col
from minilocal.networks.configs import Architecture
from minilocal.networks.vgg import build_network
from minilocal.optim import SGD
from minilocal.schedule import Schedule, parse
from minilocal.steps import backprop_step, local_step

TINY = Architecture("4 5 M 6 7 M", (8, 9), 32)
WHITENED = Architecture("W 4 5 M 6", (8,), 32)
RESIDUAL = Architecture("4 R4 R5/2 M P6k5 P5/2 8k1 A", (), 32)
IMAGES, CLASSES = (3, 8, 8, 2), 5
SCHEDULES = [
    *map(parse, ALGORITHMS),
    parse("G3S1", idle="learn"),
    parse("G3S2", front="block"),
    parse("G3S2", front="block", idle="learn"),
]


class CountingNumPy:
    """NumPy, except that matmul records the multiply-adds of each product."""

    def __init__(self):
        self.products = []  # threads may append at once

    def __getattr__(self, name):
        return getattr(np, name)

    def matmul(self, a, b, **options):
        (m, k), (_, n) = a.shape, b.shape
        self.products.append(m * k * n)
        return np.matmul(a, b, **options)


@pytest.fixture
def counting(monkeypatch):
    """Count in the two places that multiply matrices when convolutions use im2col."""
    counting = CountingNumPy()
    for module in (im2col, parallel):
        monkeypatch.setattr(module, "np", counting)
    return counting


@pytest.mark.parametrize(
    ("architecture", "classifier"), [(TINY, "a1"), (TINY, "a2"), (RESIDUAL, "a1"), (WHITENED, "a1")]
)
@pytest.mark.parametrize(
    ("schedule", "epoch"),
    [(schedule, epoch) for schedule in SCHEDULES for epoch in range(schedule.period)],
    ids=lambda value: value.title if isinstance(value, Schedule) else str(value),
)
def test_a_real_step_multiplies_as_often_as_the_formula_says(counting, rng, schedule, epoch, architecture, classifier):
    network = build_network(
        architecture.stages, architecture.fc, IMAGES[1:], CLASSES, schedule,
        features=architecture.features, classifier=classifier, conv="im2col",
    )  # fmt: skip
    x, labels = rng.standard_normal(IMAGES).astype(np.float32), rng.integers(0, CLASSES, IMAGES[0])
    if schedule.block_size is None:
        backprop_step(network, x, labels, SGD())
    else:
        blocks, idle = schedule.blocks_at(epoch, len(network)), schedule.idle_at(epoch, len(network))
        local_step(network, blocks, x, labels, SGD(), idle=idle)
    step = algorithm_costs(architecture, schedule, IMAGES[1:], CLASSES, classifier).steps[epoch]
    assert sum(counting.products) == len(x) * step.macs.total


@pytest.mark.parametrize("local_loss", ["sim", "predsim"])
@pytest.mark.parametrize(
    ("schedule", "epoch"),
    [(parse("G1"), 0), (parse("G3S1", idle="learn"), 1), (parse("G3S2"), 1)],
    ids=lambda value: value.title if isinstance(value, Schedule) else str(value),
)
def test_so_it_does_with_similarity_matching_whose_own_products_are_not_counted(
    counting, rng, schedule, epoch, local_loss
):
    network = build_network(
        TINY.stages, TINY.fc, IMAGES[1:], CLASSES, schedule,
        features=TINY.features, conv="im2col", local_loss=local_loss,
    )  # fmt: skip
    x, labels = rng.standard_normal(IMAGES).astype(np.float32), rng.integers(0, CLASSES, IMAGES[0])
    blocks, idle = schedule.blocks_at(epoch, len(network)), schedule.idle_at(epoch, len(network))
    local_step(network, blocks, x, labels, SGD(), idle=idle)
    step = algorithm_costs(TINY, schedule, IMAGES[1:], CLASSES, local_loss=local_loss).steps[epoch]
    matched = [n for n in [*(b.last for b in blocks), *idle] if "sim" in network.loss(n).layers]
    similarity = sum(2 * len(x) * network.shapes[n - 1][-1] for n in matched)
    assert sum(counting.products) == len(x) * (step.macs.total + similarity)
