import csv
import statistics

import pytest

from minilocal.compare.results import COLUMNS, read_results, write_csv


def test_means_and_deviations_are_those_of_finished_runs(made_up):
    results = read_results(made_up({"BP": [0.91, 0.88, 0.9], "G1": [0.8, None, None], "G2": [None] * 3}))
    backprop, local, _ = results.sweep.entries
    assert results.entries == [backprop, local]
    assert len(results.finished) == 4
    assert len(results.unfinished) == 5
    final = results.final(backprop)
    assert final.mean == pytest.approx((0.91 + 0.88 + 0.9) / 3)
    assert final.deviation == pytest.approx(statistics.stdev([0.91, 0.88, 0.9]))
    assert results.final(local) == (0.8, None, 1)
    assert [mean.mean for mean in results.by_epoch(local)] == [0.4, 0.8]
    assert results.final(backprop, "test_loss").mean == pytest.approx(0.7)


def test_runs_that_are_not_finished_say_how_far_they_are(made_up):
    sweep = made_up({"BP": [0.9], "G1": [None]}, epochs=10, only_epochs=3)
    results = read_results(sweep, {"BP, seed 0": "the loss is nan"})
    assert [results.state(run) for run in results.runs] == ["3 of 10 epochs; the loss is nan", "0 of 10 epochs"]


def test_csv_has_a_row_per_run(made_up, tmp_path):
    sweep = made_up({"BP": [0.9, 0.8], "G3S2/idle=learn/a2": [0.7, None]}, validation=0.1)
    write_csv(read_results(sweep), tmp_path / "results.csv")
    with (tmp_path / "results.csv").open(newline="") as file:
        reader = csv.DictReader(file)
        assert tuple(reader.fieldnames) == COLUMNS
        rows = list(reader)
    names = [f"{entry}-seed{seed}" for seed in (0, 1) for entry in ("BP", "G3S2-idle=learn-a2")]
    assert [row["run"] for row in rows] == names
    first, second, _, last = rows
    assert (first["entry"], first["algo"], first["options"], first["seed"]) == ("BP", "BP", "", "0")
    assert (second["algo"], second["options"]) == ("G3S2", "idle=learn a2")
    assert (first["state"], first["epochs"], first["train_seconds"]) == ("finished", "2", "3.0")
    assert float(first["test_accuracy"]) == 0.9
    assert float(first["validation_accuracy"]) == pytest.approx(0.89)
    assert (first["test_loss"], first["train_loss"], first["train_accuracy"]) == ("0.7", "0.5", "0.9")
    costs = sweep.costs(sweep.entries[0])
    assert int(first["macs_per_image"]) == costs.macs
    assert (int(first["stored_per_image"]), int(first["off_chip_per_step"])) == (costs.mean.stored, costs.off_chip)
    assert (last["state"], last["test_accuracy"]) == ("0 of 2 epochs", "")
