import pickle
from dataclasses import replace

import numpy as np
import pytest

from minilocal.compute import parallel
from minilocal.datasets.prepare import prepare
from minilocal.errors import InputError, NonFiniteError
from minilocal.losses import softmax_cross_entropy
from minilocal.networks.vgg import build_network
from minilocal.steps import BlockResult
from minilocal.training.evaluation import Score, evaluate, predictions
from minilocal.training.recipe import Recipe
from minilocal.training.results import Position, StepResults
from minilocal.training.trainer import Trainer


def train(images, algo="G2S1", epochs=2, validation=0.0, seed=0, conv="auto", local_loss="ce", **options):
    data = prepare(images, validation=validation)
    recipe = Recipe(algo=algo, epochs=epochs, batch_size=16, seed=seed, **options)
    options = {"features": 64, "seed": seed, "conv": conv, "local_loss": local_loss}
    network = build_network("8 M 16", [16], data.image_shape, 4, recipe.schedule, **options)
    trainer = Trainer(network, data, recipe)
    return trainer, list(trainer.epochs())


def bits(trainer):
    momentum = [v for _, layer in trainer.network.named_layers() for v in trainer.optimizer.velocity_of(layer).values()]
    return [a.tobytes() for a in (*trainer.network.arrays().values(), *momentum)]


@pytest.mark.parametrize(
    ("algo", "conv"), [("BP", "winograd"), ("G1", "im2col"), ("G2S1", "winograd"), ("G1", "dense")]
)
def test_same_seed_same_bits_whatever_the_threads(images, algo, conv):
    runs = []
    for threads in (1, 2, 4):
        parallel.set_threads(threads)
        trainer, reports = train(images, algo, conv=conv)
        runs.append((bits(trainer), [(r.blocks, r.layers) for r in reports]))
    assert runs[0] == runs[1] == runs[2]
    assert bits(train(images, algo, seed=1, conv=conv)[0]) != runs[0][0]


def test_a_trainer_can_be_pickled_between_epochs(images):
    trainer, _ = train(images, epochs=1)
    trainer.recipe = replace(trainer.recipe, epochs=2)
    other = pickle.loads(pickle.dumps(trainer))
    for one in (trainer, other):
        assert len(list(one.epochs())) == 1
    assert bits(trainer) == bits(other)


@pytest.mark.parametrize("algo", ["BP", "G1", "G2", "G2S1"])
def test_it_learns(images, algo):
    _, reports = train(images, algo, epochs=8, lr=0.05, crop=False)
    assert reports[-1].test.accuracy > 0.9


@pytest.mark.parametrize("conv", ["im2col", "winograd", "dense"])
def test_it_learns_with_every_method_of_convolution(images, conv):
    _, reports = train(images, "G2", epochs=8, lr=0.05, crop=False, conv=conv)
    assert reports[-1].test.accuracy > 0.9


def test_twenty_images_are_memorised(images):
    data = prepare(images, train_size=20)
    network = build_network("8 M 16", [16], data.image_shape, 4, "G1", features=64, dropout=0)
    trainer = Trainer(network, data, Recipe(algo="G1", epochs=40, batch_size=20, crop=False, flip=False, lr=0.05))
    *_, last = trainer.epochs()
    assert last.blocks[-1].train.loss < 0.05
    assert last.blocks[-1].train.accuracy == 1


def test_reports_name_epoch_shift_blocks_and_every_active_classifier(images):
    _, (first, second) = train(images, "G2S1", validation=0.25)
    assert (first.epoch, first.shift, second.epoch, second.shift) == (1, 0, 2, 1)
    assert [tuple(b.block) for b in first.blocks] == [(1, 2), (3, 3)]
    assert [tuple(b.block) for b in second.blocks] == [(2, 3)]
    assert all(set(b.held_out) == {"test", "validation"} for b in first.blocks)
    assert [layer.block for layer in second.layers] == [0, 1, 1]
    assert second.layers[0].gradient_norm == 0 < second.layers[1].gradient_norm
    assert first.images == 64
    assert second.lr < first.lr < 0.1


def test_scores_are_means_over_all_images(images):
    trainer, reports = train(images, "G1")
    network, test = trainer.network, trainer.data.test
    stats = test.normalisation
    x = ((test.pixels - stats.mean) / stats.std).astype(np.float32)
    for number in (1, 2, 3):
        features = x
        for i in range(1, number + 1):
            features = network.layer(i).forward(features)
        logits = network.auxiliary[number].forward(features)
        score = reports[-1].blocks[number - 1].held_out["test"]
        assert score.loss == pytest.approx(softmax_cross_entropy(logits, test.labels)[0], rel=1e-5)
        assert score.accuracy == np.mean(logits.argmax(axis=1) == test.labels)
    assert np.mean(predictions(network, test) == test.labels) == evaluate(network, test)[3].accuracy


def test_on_step_sees_every_step(images):
    trainer, seen = train(images, "G2S1", epochs=2)[0], []
    trainer.on_step = lambda epoch, count, results: seen.append((epoch, count, len(results)))
    trainer.train_epoch(0), trainer.train_epoch(1)
    assert seen == [(0, 16, 2)] * 6 + [(1, 16, 1)] * 6


def test_a_non_finite_loss_names_epoch_step_and_block(images):
    trainer, _ = train(images, "G1", epochs=1)
    trainer.network.auxiliary[1].params["linear.weight"][...] = 3e38
    with pytest.raises(NonFiniteError) as error:
        trainer.train_epoch(0)
    assert str(error.value) == (
        "the loss of block 1 is nan at A_1 (all outputs up to layer 1 are finite) in step 1 of epoch 1; "
        "try a smaller --lr than 0.1"
    )


def test_a_loss_that_is_not_finite_names_its_classifier_and_the_first_bad_output(images):
    trainer, _ = train(images, "G2", epochs=1)
    layer = trainer.network.layer(2)
    forward = layer.forward
    layer.forward = lambda x, training=False: forward(x, training) * np.float32(np.inf)
    with pytest.raises(NonFiniteError) as error:
        trainer.train_epoch(0)
    assert str(error.value) == (
        "the loss of block 1-2 is nan at A_2 (the output of layer 2 is the first that is not finite) "
        "in step 1 of epoch 1; try a smaller --lr than 0.1"
    )


def test_epochs_of_a_longer_training_have_its_learning_rates(images):
    whole, part = train(images, epochs=4), train(images, epochs=2, lr_epochs=4)
    assert [report.lr for report in part[1]] == [report.lr for report in whole[1][:2]]
    assert part[1][-1].blocks == whole[1][1].blocks
    assert part[1][-1].lr > train(images, epochs=2)[1][-1].lr


def test_an_epoch_can_be_trained_again(images):
    trainer, _ = train(images, "G1", epochs=1)
    assert [trainer.train_epoch(0).images for _ in range(2)] == [96, 96]


def test_a_network_built_for_another_algorithm_is_refused_at_once(images):
    data = prepare(images)
    network = build_network("8 M 16", [16], data.image_shape, 4, "G2", features=64)
    with pytest.raises(InputError, match="layer 1 has no local loss; build the network for this algorithm"):
        Trainer(network, data, Recipe(algo="G1", batch_size=16))


def test_a_batch_larger_than_the_training_set_is_refused(images):
    data = prepare(images)
    network = build_network("4", [], data.image_shape, 4)
    with pytest.raises(InputError, match="batch size is 97; it must be at most the number of training images, 96"):
        Trainer(network, data, Recipe(algo="BP", batch_size=97))


@pytest.mark.parametrize("options", [{"idle": "learn"}, {"front": "block"}])
def test_variants_of_moving_boundaries_learn(images, options):
    _, reports = train(images, "G2S1", epochs=8, lr=0.05, crop=False, **options)
    assert reports[-1].test.accuracy > 0.9


def test_smoothed_labels_reach_every_block_and_leave_scores_alone(images):
    plain, smoothed = train(images, "G2S1"), train(images, "G2S1", label_smoothing=0.2)
    assert bits(plain[0]) != bits(smoothed[0])
    first = [reports[0].blocks for _, reports in (plain, smoothed)]
    assert all(one.train.loss != other.train.loss for one, other in zip(*first, strict=True))
    scores = evaluate(smoothed[0].network, smoothed[0].data.test, [2, 3])
    assert scores[3] == smoothed[1][-1].test  # the held-out loss is plain cross-entropy
    Trainer(smoothed[0].network, smoothed[0].data, Recipe(algo="G2S1", batch_size=16))  # smooths nothing
    smoothed[0].train_epoch(0)
    assert {loss.smoothing for loss in smoothed[0].network.losses.values()} == {0.2}


def test_similarity_matching_learns_without_class_scores(images):
    trainer, reports = train(images, "G2S1", epochs=8, lr=0.05, crop=False, validation=0.25, local_loss="sim")
    assert reports[-1].test.accuracy > 0.9
    inner, last = reports[-2].blocks
    assert reports[0].blocks[0].train.loss > inner.train.loss > 0
    assert np.isnan(inner.train.accuracy)
    assert inner.held_out == {}
    assert last.train.accuracy > 0.9
    assert set(last.held_out) == {"validation", "test"}
    assert sorted(trainer.network.auxiliary) == [3]


def test_predsim_learns_with_a_rate_that_suits_it(images):
    trainer, reports = train(images, "G2S1", epochs=8, lr=1.0, crop=False, local_loss="predsim", label_smoothing=0.1)
    assert reports[-1].test.accuracy > 0.9
    assert {loss.smoothing for loss in trainer.network.losses.values()} == {0.1}
    assert sorted(trainer.network.auxiliary) == [2, 3]


@pytest.mark.parametrize("local_loss", ["sim", "predsim"])
def test_other_losses_give_the_same_bits_whatever_the_threads(images, local_loss):
    runs = []
    for threads in (1, 2):
        parallel.set_threads(threads)
        runs.append(bits(train(images, "G1", epochs=1, local_loss=local_loss)[0]))
    assert runs[0] == runs[1]


class OwnLoss:
    def __init__(self, **layers):
        self.layers = layers


def test_a_loss_that_does_not_suit_the_recipe_or_the_evaluation_is_refused_at_once(images):
    data = prepare(images)
    network = build_network("8", [], data.image_shape, 4)
    network.losses[1] = OwnLoss(aux=network.classifier())
    with pytest.raises(InputError, match=r"label_smoothing is 0\.1, but <.*OwnLoss"):
        Trainer(network, data, Recipe(algo="BP", batch_size=16, label_smoothing=0.1))
    network.losses[1] = OwnLoss()
    with pytest.raises(InputError, match="the loss on layer 1 has no auxiliary classifier"):
        Trainer(network, data, Recipe(algo="BP", batch_size=16))


class Recorder:
    """Stands in for workers that are one step behind; records the trainer's own steps."""

    def __init__(self, trainer):
        self.trainer, self.late, self.asked = trainer, [], []

    def take(self, step):
        self.asked.append((step.epoch, step.index))
        finished, self.late = self.late, [self.results(step)]
        return finished

    def results(self, step):
        blocks = [BlockResult(block, 1.0, 16) for block in step.blocks]
        return StepResults(blocks, dict.fromkeys(range(step.blocks[0].first, 4), 1.0))

    def finish(self):
        finished, self.late = self.late, []
        return finished

    def collect(self):
        self.asked.append("collect")

    def evaluate(self, classifiers):
        return {"test": dict.fromkeys(classifiers, Score(0.5, 0.25))}


def test_workers_take_steps_up_to_where_a_save_is_due(images):
    trainer, saved = train(images, "G1", epochs=2)[0], []
    trainer.workers = Recorder(trainer)
    trainer.is_due = lambda position: position in (Position(0, 2), Position(1, 6)) and position not in saved
    trainer.save = lambda: saved.append(trainer.totals.position)
    trainer.totals = trainer.new_totals(0)
    reports = list(trainer.epochs())
    assert [report.images for report in reports] == [96, 96]
    assert saved == [(0, 2), (1, 6)]
    assert trainer.workers.asked == [
        (0, 0), (0, 1), "collect", *((0, i) for i in range(2, 6)), "collect",
        *((1, i) for i in range(6)), "collect", "collect",
    ]  # fmt: skip
