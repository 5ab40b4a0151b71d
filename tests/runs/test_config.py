from dataclasses import replace

import numpy as np
import pytest

from minilocal.datasets.prepare import prepare
from minilocal.layers import BatchNorm, BatchNormReLUDropout, Conv2d, Dropout, ReLU, im2col
from minilocal.layers.sequential import leaves
from minilocal.runs.config import Config, differences
from minilocal.training.trainer import Trainer


def trained(images, **options):
    x_train, x_test = (x.repeat(4, axis=1).repeat(4, axis=2) for x in (images.x_train, images.x_test))
    data = prepare(replace(images, x_train=x_train, x_test=x_test))
    config = Config(algo="G2S1", width=0.03125, batch_size=16, epochs=1, **options)
    trainer = Trainer(config.network(data.image_shape, len(data.classes)), data, config)
    called = []
    for leaf in (leaf for layer in trainer.network.layers for leaf in leaves(layer)):
        leaf.backward = lambda dy, need_dx=True, leaf=leaf, backward=leaf.backward: (
            called.append(type(leaf)),
            backward(dy, need_dx),
        )[1]
    return trainer, next(trainer.epochs()), called


def test_plain_trains_with_the_layers_that_are_read_and_gives_the_same_numbers_but_for_rounding(images):
    (fast, report, fast_calls), (plain, plain_report, plain_calls) = trained(images), trained(images, plain=True)
    assert {BatchNorm, ReLU, Dropout} <= {*plain_calls}
    assert BatchNormReLUDropout not in plain_calls
    assert BatchNorm not in fast_calls
    assert BatchNormReLUDropout in fast_calls
    convs = [leaf for layer in plain.network.layers for leaf in leaves(layer) if isinstance(leaf, Conv2d)]
    assert {conv.method((8, 8, 4)) for conv in convs} == {im2col}
    for name, array in fast.network.arrays().items():
        np.testing.assert_allclose(plain.network.arrays()[name], array, rtol=1e-3, atol=1e-4, err_msg=name)
    for block, other in zip(report.blocks, plain_report.blocks, strict=True):
        assert other.train.loss == pytest.approx(block.train.loss, rel=1e-4)


def test_differences_name_both_values_and_see_what_lr_epochs_means():
    assert differences(Config(data_dir="a"), Config(data_dir="b")) == {}
    assert differences(Config(epochs=10), Config(epochs=10, lr_epochs=10)) == {}
    assert differences(Config(epochs=10), Config(epochs=20), leave_out=("epochs",)) == {"lr_epochs": (10, 20)}


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    config = Config(dataset="npz:~/a.npz", data_dir="~/x")
    assert config.npz == tmp_path / "a.npz"
    assert config.absolute() == Config(dataset=f"npz:{tmp_path / 'a.npz'}", data_dir=str(tmp_path / "x"))
    assert config.moved_to("~/b").npz == tmp_path / "b" / "a.npz"
