"""Runs that are interrupted in every way and resumed: the same bytes as an uninterrupted run."""

import errno
import os
import signal
import threading

import numpy as np
import pytest

from minilocal.console.signals import TERMINATE
from minilocal.datasets.prepare import prepare
from minilocal.errors import InputError, Interrupted, NonFiniteError, TrainingError
from minilocal.networks.vgg import build_network
from minilocal.runs import sealed
from minilocal.runs.config import Config
from minilocal.runs.directory import RunDirectory
from minilocal.runs.record import train_into
from minilocal.training.recipe import Recipe
from minilocal.training.trainer import Trainer

SAME = ("metrics.csv", "gradients.csv", "checkpoint.npz")
VARIANT = {"algo": "G2S1", "idle": "learn", "front": "block"}
ALIGNED = {"algo": "G3S2", "local_loss": "sim", "idle": "learn", "alignment": True}
LOSSES = [{"algo": "G2S1", "local_loss": "predsim"}, ALIGNED]
ALGORITHMS = [*({"algo": name} for name in ("BP", "G1", "G2S1", "G3S2")), VARIANT, *LOSSES]
each_algorithm = pytest.mark.parametrize("algo", ALGORITHMS, ids=lambda options: " ".join(map(str, options.values())))


def trainer(images, algo="G2S1", epochs=3, **options):
    data, options = prepare(images), options | (algo if isinstance(algo, dict) else {"algo": algo})
    loss = options.pop("local_loss", "ce")
    recipe = Recipe(epochs=epochs, batch_size=16, **options)
    network = build_network("8 M 12", [16], data.image_shape, 4, recipe.schedule, features=64, local_loss=loss)
    return Trainer(network, data, recipe)  # six steps per epoch


@pytest.fixture
def run(tmp_path):
    """Make run directories by name."""

    def make(name="run"):
        (tmp_path / name).mkdir()
        return RunDirectory(tmp_path / name)

    return make


def check_same(one, other):
    for name in (*SAME, *(path.name for path in one.path.glob("alignment.csv"))):
        assert (one.path / name).read_bytes() == (other.path / name).read_bytes(), name


def check_timing(run, epochs):
    assert [row["epoch"] for row in run.read_rows("timing.csv")] == list(range(1, epochs + 1))


def test_alignment_is_written_where_it_is_asked_for_and_changes_nothing_else(images, run):
    plain, aligned = run("plain"), run("aligned")
    list(train_into(plain, trainer(images, ALIGNED | {"alignment": False})))
    reports = list(train_into(aligned, trainer(images, ALIGNED)))
    assert not (plain.path / "alignment.csv").exists()
    for name in ("metrics.csv", "gradients.csv"):
        assert (plain.path / name).read_bytes() == (aligned.path / name).read_bytes()
    assert arrays(plain) == arrays(aligned)
    rows = aligned.read_rows("alignment.csv")
    assert [(row["epoch"], row["layer"], row.get("cosine")) for row in rows] == [
        (report.epoch, layer.layer, report.alignment.get(layer.layer)) for report in reports for layer in report.layers
    ]
    assert [row["layer"] for row in rows if "cosine" not in row] == [1, 2]  # frozen in the second epoch
    assert [row["block"] for row in rows] == [row["block"] for row in aligned.read_rows("gradients.csv")]


def arrays(run):
    content, _ = sealed.read(run.path / "checkpoint.npz", lambda name: True)
    return {name: array.tobytes() for name, array in content.items()}


@each_algorithm
def test_a_resumed_run_equals_an_uninterrupted_one(images, algo, run):
    whole, parts = run("whole"), run("parts")
    list(train_into(whole, trainer(images, algo)))
    for stop in (1, 2):
        mine = train_into(parts, trainer(images, algo))
        while next(mine).epoch < stop:
            pass
        mine.close()
    (report,) = train_into(parts, trainer(images, algo))
    assert report.epoch == 3
    check_same(whole, parts)
    check_timing(parts, 3)
    assert list(train_into(parts, trainer(images, algo))) == []
    check_same(whole, parts)


@pytest.mark.parametrize(
    ("algo", "every"),
    [*((algo, 1) for algo in ALGORITHMS), ({"algo": "G3S2"}, 4)],
    ids=lambda x: " ".join(map(str, x.values())) if isinstance(x, dict) else str(x),
)
def test_a_run_that_dies_in_any_step_resumes_within_the_epoch(images, algo, run, every):
    """It dies after each of its 12 steps, before the step is saved, and resumes from the last checkpoint."""
    whole, parts = run("whole"), run("parts")
    list(train_into(whole, trainer(images, algo, epochs=2)))
    done = 0
    for fatal in range(1, 13):
        mine, seen = trainer(images, algo, epochs=2), []

        def die(*_, mine=mine, fatal=fatal, seen=seen):
            seen.append(mine.totals.position)
            if 6 * seen[-1].epoch + seen[-1].step == fatal:
                raise MemoryError

        mine.on_step = die
        with pytest.raises(MemoryError):
            list(train_into(parts, mine, checkpoint_every=every))
        assert len(seen) == fatal - done
        done = max(fatal - 1 - (fatal - 1) % every, 6 * ((fatal - 1) // 6))  # by steps, or the end of an epoch
    list(train_into(parts, trainer(images, algo, epochs=2)))
    check_same(whole, parts)
    check_timing(parts, 2)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (TERMINATE, 143)])
@pytest.mark.parametrize("step", [1, 6, 7, 11])
def test_a_signal_is_obeyed_once_the_step_is_saved(images, run, number, status, step):
    whole, parts, mine = run("whole"), run("parts"), trainer(images, epochs=2)
    list(train_into(whole, trainer(images, epochs=2)))
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(TERMINATE)
    seen = []

    def ask(*_):
        seen.append(mine.totals.position)
        if len(seen) == step:
            signal.raise_signal(number)

    mine.on_step = ask
    with pytest.raises(Interrupted) as stop:
        list(train_into(parts, mine))
    assert stop.value.status == status
    place = f"step {(step - 1) % 6 + 1} of epoch {(step - 1) // 6 + 1}"
    assert str(stop.value) == f"stopped after {place}; to resume: python -m minilocal.train --resume {parts.path}"
    assert len(seen) == step
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(TERMINATE)) == handlers
    goes_on = trainer(images, epochs=2)
    list(train_into(parts, goes_on, on_begin=seen.append))
    assert 6 * seen[-1].epoch + seen[-1].step == step
    check_same(whole, parts)


def test_a_signal_during_the_evaluation_does_not_wait_for_its_end(images, run, monkeypatch):
    whole, parts, mine = run("whole"), run("parts"), trainer(images)
    list(train_into(whole, trainer(images)))
    data = mine.data
    batches = []

    def evaluate(network, held_out, ends, after_batch):
        for batch in range(3):
            batches.append(batch)
            if batch == 1:
                signal.raise_signal(TERMINATE)
            after_batch()

    with monkeypatch.context() as patch:
        patch.setattr("minilocal.training.trainer.evaluate", evaluate)
        with pytest.raises(Interrupted, match="stopped after step 6 of epoch 1"):
            list(train_into(parts, mine))
    assert batches == [0, 1]
    assert data is mine.data
    list(train_into(parts, trainer(images)))
    check_same(whole, parts)


def test_a_signal_at_the_very_end_has_nothing_left_to_stop(images, run):
    mine = trainer(images, epochs=2)
    reports = train_into(run(), mine)
    next(reports)
    next(reports)
    signal.raise_signal(TERMINATE)
    assert next(reports, None) is None


def test_outside_the_main_thread_signals_are_left_alone(images, run):
    reports = []
    thread = threading.Thread(target=lambda: reports.extend(train_into(run(), trainer(images, epochs=1))))
    thread.start()
    thread.join()
    assert len(reports) == 1


def test_a_checkpoint_says_everything(images, run):
    mine, directory = trainer(images, "G2S1", epochs=2, seed=5), run()
    list(train_into(directory, mine))
    arrays, about = sealed.read(directory.path / "checkpoint.npz")
    expected = {*mine.network.arrays()}
    assert arrays.keys() == expected | {
        f"momentum.{name}" for name in expected if ".bn.m" not in name and ".bn.v" not in name
    }
    sums = mine.new_totals(2).as_dict()
    assert (sums["epoch"], sums["steps"], sums["losses"]) == (2, 0, [0.0, 0.0])
    assert about == {
        "version": 1, "config": mine.recipe.as_dict(), "data": mine.data.checksum, "steps_per_epoch": 6, "sums": sums,
        "tables": {name: (directory.path / name).read_text() for name in ("metrics.csv", "gradients.csv")},
    }  # fmt: skip


@pytest.mark.parametrize(("keep", "older"), [(0, []), (1, [(1, 3)]), (3, [(1, 3), (1, 0), (0, 6)]), (9, None)])
def test_old_checkpoints_are_kept(images, run, keep, older):
    directory = run()
    list(train_into(directory, trainer(images, epochs=2), checkpoint_every=3, keep=keep))
    everything = [(1, 6), (1, 3), (1, 0), (0, 6), (0, 3), (0, 0)]
    expected = [(1, 6), *older][:keep] if older is not None else everything
    assert [*directory.checkpoints.older()] == expected
    for place, path in directory.checkpoints.older().items():
        _, about = sealed.read(path)
        assert (about["sums"]["epoch"], about["sums"]["steps"]) == place


def test_a_damaged_checkpoint_is_replaced_by_the_previous_one(images, run, capsys):
    whole, parts = run("whole"), run("parts")
    list(train_into(whole, trainer(images), keep=2))
    reports = train_into(parts, trainer(images), keep=2)
    next(reports), next(reports)
    reports.close()
    for name in ("checkpoint.npz", "checkpoint-epoch1.npz"):
        content = bytearray((parts.path / name).read_bytes())
        content[len(content) // 2] ^= 1
        (parts.path / name).write_bytes(content)
    capsys.readouterr()
    places = []
    list(train_into(parts, trainer(images), keep=2, on_begin=places.append))
    assert places == [(0, 0)]
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("/")[-1] for line in lines] == [
        "checkpoint.npz is damaged: its checksum is wrong; checkpoint-epoch0.npz is used instead",
        "checkpoint-epoch1.npz is damaged: its checksum is wrong; checkpoint-epoch0.npz is used instead",
    ]
    check_same(whole, parts)
    assert [*parts.checkpoints.older()] == [(2, 0), (1, 0)]
    assert all(sealed.read(path) for path in parts.checkpoints.older().values())


def test_without_a_good_checkpoint_nothing_is_trained(images, run):
    directory = run()
    next(train_into(directory, trainer(images)))
    before = {}
    for path in directory.checkpoints.directory.glob("checkpoint*"):
        path.write_bytes(path.read_bytes()[:-1])
        before[path] = path.read_bytes()
    with pytest.raises(InputError, match=r"checkpoint\.npz is not a complete checkpoint"):
        list(train_into(directory, trainer(images)))
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"seed": 1}, "--seed is 1, but the run has 0"),
        ({"epochs": 4}, "--lr-epochs is 4, but the run has 3"),
        ({"algo": "BP"}, "--algo is BP, but the run has G1"),
    ],
)
def test_another_runs_checkpoint_is_refused(images, run, options, says):
    directory = run()
    next(train_into(directory, trainer(images, "G1")))
    before = (directory.path / "checkpoint.npz").read_bytes()
    with pytest.raises(InputError, match=rf"checkpoint\.npz does not fit the run's configuration: {says}"):
        list(train_into(directory, trainer(images, **{"algo": "G1", **options})))
    assert (directory.path / "checkpoint.npz").read_bytes() == before


def test_a_checkpoint_of_another_configuration_is_refused_by_name(images, run):
    mine, other = run("mine"), run("other")
    data = trainer(images).data
    mine.write_config(Config(), data)
    other.write_config(Config(lr=0.2), data)
    next(train_into(mine, trainer(images)))
    (other.path / "checkpoint.npz").write_bytes((mine.path / "checkpoint.npz").read_bytes())
    with pytest.raises(InputError, match=r"--lr is 0\.2, but the run has 0\.1"):
        next(train_into(other, trainer(images)))


@pytest.mark.parametrize(
    ("what", "array", "every", "when", "saved"),
    [
        ("gradient", "grads", None, "in step 3", "epoch 1"),
        ("weight", "params", None, "in step 3", "epoch 1"),
        ("running statistic", "state", None, "after step 6", "epoch 1"),
        ("running statistic", "state", 1, "after step 2", "step 1 of epoch 2"),
    ],
)
def test_a_number_that_is_not_finite_stops_the_run_and_is_not_saved(images, run, what, array, every, when, saved):
    """The number goes wrong after step 8, the second of epoch 2, in layer 2, which is frozen by no shift."""
    mine, directory = trainer(images, "G2S1"), run()

    def spoil(*_):
        if mine.totals.position == (1, 2):
            layer = mine.network.layer(2)
            if array == "grads":  # where backward writes it
                backward = layer.backward

                def worse(dy, need_dx=True):
                    dx = backward(dy, need_dx)
                    layer.grads["conv.weight"][0, 0, 0, 0] = np.inf
                    return dx

                layer.backward = worse
            else:
                name = "conv.weight" if array == "params" else "bn.mean"
                getattr(layer, array)[name].flat[0] = np.nan

    mine.on_step = spoil
    with pytest.raises(NonFiniteError) as error:
        list(train_into(directory, mine, checkpoint_every=every))
    value = "inf" if array == "grads" else "nan"
    name = "bn.mean" if array == "state" else "conv.weight"
    assert str(error.value) == (
        f"the {what} of layers.2.{name} (layer 2, block 2-3) is {value} {when} of epoch 2; "
        f"try a smaller --lr than 0.1; the last good checkpoint, of {saved}, is kept"
    )
    goes_on = train_into(directory, trainer(images, "G2S1"))
    assert next(goes_on).epoch == 2
    goes_on.close()


@pytest.mark.parametrize(("keep", "every"), [(-1, None), (1, 0), (1, -3)])
def test_bad_numbers_are_refused(images, run, keep, every):
    with pytest.raises(InputError, match="must be at least"):
        next(train_into(run(), trainer(images), every, keep))


def test_when_the_system_refuses_a_write_the_last_good_checkpoint_is_kept(images, run, monkeypatch):
    """Each flush to disk in turn fails once; each time the run can be resumed as if nothing had happened."""
    whole = run("whole")
    list(train_into(whole, trainer(images, epochs=2)))
    flush, calls = os.fsync, []

    def fail(file):
        calls.append(file)
        if len(calls) == fatal:
            raise OSError(number, os.strerror(number))
        flush(file)

    monkeypatch.setattr("minilocal.files.flush_directory", lambda path: None)
    monkeypatch.setattr(os, "fsync", fail)
    for fatal in range(1, 13):  # four files before the first step and four after each epoch
        calls.clear()
        number = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO, errno.EDQUOT)[fatal % 5]
        directory = run(f"run{fatal}")
        with pytest.raises(InputError if fatal <= 4 else TrainingError) as error:
            list(train_into(directory, trainer(images, epochs=2)))
        assert f"can't be written ({os.strerror(number)}); what was there before is kept" in str(error.value)
        assert not list(directory.path.glob(".*.tmp"))
        calls.clear()
        fatal = 0
        list(train_into(directory, trainer(images, epochs=2)))
        check_same(whole, directory)
        check_timing(directory, 2)


def test_two_trainings_in_one_directory_do_not_mix(images, run):
    directory = run()
    first = train_into(directory, trainer(images))
    next(first)
    with pytest.raises(InputError, match="another process trains in"):
        next(train_into(RunDirectory(directory.path), trainer(images)))
    list(first)
    assert next(train_into(RunDirectory(directory.path), trainer(images)), None) is None


@pytest.mark.parametrize(
    "damage", [lambda text: text + text, lambda text: text[:-3], lambda text: "", lambda text: text + "9,9"]
)
def test_tables_are_written_again_whatever_they_contain(images, run, damage):
    directory, whole = run(), run("whole")
    list(train_into(whole, trainer(images, epochs=2)))
    reports = train_into(directory, trainer(images, epochs=2))
    next(reports)
    reports.close()
    for name in ("metrics.csv", "gradients.csv"):
        (directory.path / name).write_text(damage((directory.path / name).read_text()))
    with pytest.raises(InputError):
        directory.read_rows("metrics.csv")
    list(train_into(directory, trainer(images, epochs=2)))
    check_same(whole, directory)
    check_timing(directory, 2)


def test_results_without_a_checkpoint_are_not_overwritten(images, run):
    directory = run()
    list(train_into(directory, trainer(images, "G1")))
    for checkpoint in directory.path.glob("checkpoint*.npz"):
        checkpoint.unlink()
    before = (directory.path / "metrics.csv").read_bytes()
    with pytest.raises(InputError, match="has the results of 3 epochs and no checkpoint to resume from"):
        list(train_into(directory, trainer(images, "G1")))
    assert (directory.path / "metrics.csv").read_bytes() == before
