import pytest

from minilocal.errors import InputError
from minilocal.runs.config import Config
from minilocal.runs.resume import resumed

RUN = Config(algo="G3S2", epochs=10, data_dir="/data")
LONG = Config(epochs=10, lr_epochs=30)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"algo": "g3s2"},
        {"lr": 0.1, "epochs": 10, "crop": True},
        {"data_dir": "elsewhere"},
    ],
)
def test_a_run_is_resumed_with_its_own_options(asked):
    assert resumed(RUN, asked) == RUN


def test_a_relative_file_is_the_same_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = Config(dataset=f"npz:{tmp_path / 'own.npz'}")
    assert resumed(run, {"dataset": "npz:own.npz"}) == run


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"lr": 0.05}, "--lr is 0.05, but the run has 0.1; leave out options that differ, or begin a new run"),
        ({"lr": 0.05, "seed": 3}, "--seed is 3, but the run has 0; --lr is 0.05, but the run has 0.1; leave out"),
        ({"algo": "G3"}, "--algo is G3, but the run has G3S2"),
        ({"crop": False}, "--crop is False, but the run has True"),
        ({"dropout": 0.2}, "--dropout is 0.2, but the run has the default"),
        ({"train_size": 100}, "--train-size is 100, but the run has the default"),
        ({"lr_epochs": 20}, "--lr-epochs is 20, but the run has 10"),
        ({"epochs": 5}, "--epochs is 5, but the run has 10; more are possible, fewer are not"),
        (
            {"epochs": 20},
            "--epochs is 20, but the run's learning rate was planned to end after 10 epochs; only a run that "
            "began with --lr-epochs 20 or more can become that long",
        ),
        ({"lr": -1.0}, "lr is -1.0; it must be above 0"),
    ],
)
def test_other_options_are_refused_by_name(asked, says):
    with pytest.raises(InputError) as error:
        resumed(RUN, asked)
    assert str(error.value).startswith(says)


def test_more_epochs_need_a_learning_rate_that_was_planned_for_them():
    assert resumed(LONG, {"epochs": 30}).epochs == 30
    assert resumed(LONG, {"epochs": 11, "lr_epochs": 30}).epochs == 11
    with pytest.raises(InputError, match="lr_epochs is 30; the learning-rate schedule must last for all 31 epochs"):
        resumed(LONG, {"epochs": 31})
