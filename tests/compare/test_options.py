from pathlib import Path

import pytest

from minilocal.compare.options import PRESETS, read
from minilocal.compare.sweep import DataSize, Sweep
from minilocal.networks.configs import CONFIGS
from minilocal.networks.vgg import DROPOUT

SIX = ["BP", "G1", "G2", "G2S1", "G3", "G3S2"]


def test_the_defaults_and_the_algorithms_of_cifar100s_table():
    assert read(["--preset", "laptop"]) == read([])
    assert [entry.label for entry in read([]).entries] == SIX
    assert read([]).seeds == (0, 1, 2)
    assert [entry.label for entry in read(["--dataset", "cifar100"]).entries] == [*SIX[:-1], "G3S1"]


def test_the_course_preset_compares_two_algorithms_with_a2_too():
    options = read(["--preset", "course"])
    assert [entry.label for entry in options.entries] == [*SIX, "G1/a2", "G3S2/a2"]
    assert (options.setting.train_size, options.setting.model, len(options.seeds)) == (20_000, "vgg11b", 3)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("model", CONFIGS)
@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "fashion-mnist-mini"])
def test_every_network_and_data_set_gives_valid_runs(preset, model, dataset):
    options = read(["--preset", preset, "--model", model, "--dataset", dataset])
    classes = 100 if dataset == "cifar100" else 10
    size = DataSize(50_000, 10_000, (32, 32, 3), classes)
    sweep = Sweep(Path(), options.setting, size, options.entries, options.seeds)
    for run in sweep.runs:  # whose configurations are checked when they are made
        assert sweep.costs(run.entry).macs > 0  # its network fits the images, and its blocks the network


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100"])
@pytest.mark.parametrize("model", ["vgg11b", "vgg11bx2", "vgg16", "vgg19"])
def test_the_paper_preset_is_the_papers_recipe(dataset, model):
    options = read(["--preset", "paper", "--model", model, "--dataset", dataset])
    setting = options.setting
    assert (setting.width, setting.epochs, setting.batch_size, setting.momentum) == (1.0, 400, 128, 0.9)
    assert (setting.weight_decay, setting.train_size, options.seeds) == (5e-4, None, (0,))
    assert setting.dropout_rate == DROPOUT.get((model, dataset), 0.05)
    moving = "G3S1" if dataset == "cifar100" else "G3S2"
    local = ["G1", "G2", "G2S1", "G3", moving]
    assert [entry.label for entry in options.entries] == ["BP", *local, *(f"{algo}/a2" for algo in local)]
    for entry in options.entries:
        assert entry.config(setting, 0).dropout_rate == setting.dropout_rate


def test_the_command_line_overrides_a_preset():
    options = read(["--preset", "paper", "--epochs", "2", "--width", "0.5", "--algo", "G1", "--seeds", "7", "8"])
    assert (options.setting.epochs, options.setting.width, options.seeds) == (2, 0.5, (7, 8))
    assert [entry.label for entry in options.entries] == ["G1"]
    assert options.setting.model == "vgg11b"
