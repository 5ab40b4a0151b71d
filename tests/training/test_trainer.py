import numpy as np
import pytest

from minilocal.compute import parallel
from minilocal.datasets.prepare import prepare
from minilocal.errors import InputError, NonFiniteError
from minilocal.losses import softmax_cross_entropy
from minilocal.networks.vgg import build_network
from minilocal.schedule import parse
from minilocal.training.evaluation import confusion_matrix, evaluate
from minilocal.training.trainer import Trainer


def train(images, algo="G2S1", epochs=2, validation=0.0, seed=0, conv="auto", **options):
    data = prepare(images, validation=validation)
    network = build_network("8 M 12", [16], data.image_shape, 4, algo, features=64, seed=seed, conv=conv)
    trainer = Trainer(network, algo, data, epochs=epochs, batch_size=16, seed=seed, **options)
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


@pytest.mark.parametrize("algo", ["BP", "G1", "G2", "G2S1"])
def test_it_learns(images, algo):
    _, reports = train(images, algo, epochs=8, lr=0.05, crop=False)
    assert reports[-1].test.accuracy > 0.9


@pytest.mark.parametrize("conv", ["im2col", "winograd", "dense"])
def test_it_learns_with_every_conv_algorithm(images, conv):
    _, reports = train(images, "G2", epochs=8, lr=0.05, crop=False, conv=conv)
    assert reports[-1].test.accuracy > 0.9


def test_twenty_images_are_memorised(images):
    data = prepare(images, train_size=20)
    network = build_network("8 M 12", [16], data.image_shape, 4, "G1", features=64, dropout=0)
    trainer = Trainer(network, "G1", data, epochs=40, batch_size=20, crop=False, flip=False, lr=0.05)
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
    matrix = confusion_matrix(network, test, 4)
    assert matrix.sum() == len(test)
    assert matrix.diagonal().sum() / len(test) == evaluate(network, test)[3].accuracy


def test_on_step_sees_every_step(images):
    seen = []
    train(images, "G2S1", on_step=lambda epoch, count, results: seen.append((epoch, count, len(results))))
    assert seen == [(0, 16, 2)] * 6 + [(1, 16, 1)] * 6


def test_a_non_finite_loss_names_epoch_step_and_block(images):
    with pytest.raises(NonFiniteError) as error:
        train(images, "G1", lr=1e38)
    assert str(error.value) == (
        "the loss of block 1 is nan at A_1 (all outputs up to layer 1 are finite) in step 2 of epoch 1; "
        "try a smaller --lr than 1e+38"
    )


def test_a_loss_that_is_not_finite_names_its_classifier_and_the_layer_behind_it(images):
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


def test_an_epoch_that_was_trained_may_be_trained_again(images):
    trainer, _ = train(images, "G1", epochs=1)
    first, second = trainer.train_epoch(0), trainer.train_epoch(0)
    assert [part.steps for part in (*first.parts, *second.parts)] == [6, 6]


def test_a_network_built_for_another_algorithm_is_refused_at_once(images):
    data = prepare(images)
    network = build_network("8 M 12", [16], data.image_shape, 4, "G2", features=64)
    with pytest.raises(InputError, match="layer 1 has no auxiliary classifier; build the network for this algorithm"):
        Trainer(network, "G1", data, epochs=1, batch_size=16)
    with pytest.raises(InputError, match="epochs is 0"):
        Trainer(network, "G2", data, epochs=0, batch_size=16)
    with pytest.raises(InputError, match="lr_epochs is 2; learning rates must last for all 3 epochs"):
        Trainer(network, "G2", data, epochs=3, lr_epochs=2, batch_size=16)


@pytest.mark.parametrize("size", [0, 1, 97])
def test_batches_that_cannot_be_filled_are_refused(images, size):
    data = prepare(images)
    network = build_network("4", [], data.image_shape, 4)
    with pytest.raises(InputError, match=f"batch size is {size}; it must be at least 2 and at most the training"):
        Trainer(network, "BP", data, epochs=1, batch_size=size)


def test_boundaries_that_move_within_epochs_have_a_part_per_shift(images):
    seen = []
    schedule = parse("G2S1", shift_every=4)
    _, reports = train(images, schedule, on_step=lambda epoch, _, results: seen.append((epoch, results)))
    assert [[(part.shift, part.steps) for part in report.parts] for report in reports] == [
        [(0, 4), (1, 2)],  # six steps an epoch: 0000 11
        [(1, 2), (0, 4)],  # 11 0000
    ]
    for epoch, report in enumerate(reports):
        assert report.shift == report.parts[-1].shift
        for part in report.parts:
            blocks = [block.block for block in part.blocks]
            assert blocks == schedule.blocks_at(part.shift, 3)
            mine = [r for e, r in seen if e == epoch and [x.block for x in r] == blocks]
            assert part.blocks[0].train.loss == pytest.approx(np.mean([r[0].loss for r in mine]))
            assert part.blocks[0].train.accuracy == np.mean([r[0].correct for r in mine]) / 16
            assert [layer.block for layer in part.layers] == ([1, 1, 2] if part.shift == 0 else [0, 1, 1])


@pytest.mark.parametrize(
    "options", [{"idle": "learn"}, {"front": "block"}, {"shift_order": "random", "shift_every": 2}]
)
def test_variants_of_moving_boundaries_learn(images, options):
    _, reports = train(images, parse("G2S1", **options), epochs=8, lr=0.05, crop=False)
    assert reports[-1].test.accuracy > 0.9
