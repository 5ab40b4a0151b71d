"""The cosine between local gradients and BP's: right at every shift, and without a trace in the training."""

import pickle

import numpy as np
import pytest

from minilocal.datasets.prepare import prepare
from minilocal.layers import BatchNorm, Conv2d, MaxPool2d, ReLU, Sequential
from minilocal.networks.auxiliary import own_classifier
from minilocal.networks.network import Network
from minilocal.networks.vgg import build_network
from minilocal.schedule import Block, parse
from minilocal.steps import backprop_step, local_step
from minilocal.training.alignment import alignment
from minilocal.training.recipe import Recipe
from minilocal.training.trainer import Trainer


def network(algo, local_loss="ce"):
    options = {"features": 64, "dropout": 0.2, "local_loss": local_loss}
    return build_network("6 M 8 8", [12, 10], (8, 8, 1), 4, algo, **options)


@pytest.fixture
def batch(rng):
    return rng.standard_normal((16, 8, 8, 1)).astype(np.float32), rng.integers(0, 4, 16)


@pytest.mark.parametrize("algo", ["G1", "G2S1", "G3S2"])
def test_cosines_are_those_of_the_two_steps_gradients_at_every_shift(algo, batch):
    schedule = parse(algo)
    for epoch in range(schedule.period):
        blocks = schedule.blocks_at(epoch, 5)
        local, bp = network(algo), network(algo)
        local_step(local, blocks, *batch, seed=3, step=2)
        backprop_step(bp, *batch, seed=3, step=2)
        cosines = alignment(network(algo), blocks, *batch, seed=3, step=2)
        assert list(cosines) == list(range(blocks[0].first, 6))  # frozen layers have none
        for number, cosine in cosines.items():
            a, b = (
                np.concatenate([g.ravel() for g in each.layer(number).grads.values()]).astype(float)
                for each in (local, bp)
            )
            assert cosine == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-12)
            assert (cosine == 1) == (number >= blocks[-1].first)  # the last block learns from BP's own loss
            assert cosine < 0.999 or number >= blocks[-1].first


def test_bp_is_aligned_with_itself(batch):
    assert alignment(network("BP"), [Block(1, 5)], *batch) == dict.fromkeys(range(1, 6), 1.0)


def test_the_network_keeps_every_bit(batch):
    """Running statistics, gradients and dropout keys too."""
    net = network("G2S1", "predsim")
    local_step(net, [Block(1, 2), Block(3, 4), Block(5, 5)], *batch, seed=3, step=2)
    before = pickle.dumps(net)
    alignment(net, [Block(2, 3), Block(4, 5)], *batch, seed=4, step=1)
    assert pickle.dumps(net) == before


def test_a_layer_without_gradient_has_no_cosine(batch, rng):
    dead = Sequential(conv=Conv2d(2, 2, rng=rng), bn=BatchNorm(2), relu=ReLU())
    dead.bn.params["beta"] -= 100  # ReLU passes nothing
    layers = [Sequential(conv=Conv2d(1, 2, rng=rng)), MaxPool2d(2), dead]
    net = Network(layers, {1: own_classifier((8, 8, 2), 4, rng), 3: own_classifier((4, 4, 2), 4, rng)}, (8, 8, 1))
    assert alignment(net, [Block(1, 1), Block(2, 3)], *batch) == {}


@pytest.mark.parametrize(
    "options",
    [{"algo": "BP"}, {"algo": "G2S1"}, {"algo": "G3S2", "idle": "learn"}, {"algo": "G2S1", "local_loss": "sim"}],
    ids=lambda options: " ".join(options.values()),
)
def test_training_with_it_has_the_same_bits_and_reports(images, options):
    runs, options = [], dict(options)
    loss, data = options.pop("local_loss", "ce"), prepare(images)
    for asked in (False, True):
        recipe = Recipe(epochs=3, batch_size=16, alignment=asked, **options)
        net = build_network("8 M 16", [16], data.image_shape, 4, recipe.schedule, features=64, local_loss=loss)
        trainer = Trainer(net, data, recipe)
        reports = list(trainer.epochs())
        momentum = [trainer.optimizer.velocity_of(layer) for _, layer in net.named_layers()]
        runs.append((pickle.dumps([net.arrays(), momentum]), [(r.blocks, r.layers) for r in reports]))
    assert str(runs[0]) == str(runs[1])  # as text, because an accuracy may be NaN
    for report in reports:
        assert list(report.alignment) == [layer.layer for layer in report.layers if layer.block]
        assert all(abs(cosine) <= 1 for cosine in report.alignment.values())
    assert len({report.alignment[3 if options["algo"] != "BP" else 1] for report in reports}) == 1  # the last block: 1
