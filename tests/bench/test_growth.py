"""How speed grows: which points are measured, and how a measurement goes on where it stopped."""

import csv
import json

import pytest

from minilocal.bench import growth
from minilocal.bench.__main__ import main
from minilocal.bench.growth import COLUMNS, points
from minilocal.bench.options import read


@pytest.fixture
def timed(monkeypatch):
    """Take no steps: every algorithm takes a millisecond per image, and PyTorch twice as long."""
    calls = []

    def time_plans(plans, backprop, options):
        calls.append((options.model, options.width, options.batch_size, options.threads, [p.algo for p in plans]))
        if len(calls) == getattr(time_plans, "stop", None):
            raise KeyboardInterrupt
        taken = [options.batch_size / 1e3] * 2
        seconds = {"minilocal": taken} | ({"torch": [2 * s for s in taken]} if options.against else {})
        contest = {"peers": [{"name": "jemalloc", "layout": "NCHW"}]} if options.against else None
        return [
            {"algo": plan.algo, "contest": contest, "shifts": [{"flop": 1, "seconds": dict(seconds)}] * len(plan.steps)}
            for plan in plans
        ]

    monkeypatch.setattr(growth, "time_plans", time_plans)
    monkeypatch.setattr(growth, "available_threads", lambda: 2)
    time_plans.calls = calls
    return time_plans


def test_each_thing_is_varied_by_itself(timed):
    base = read(["--growth", "a.csv", "--threads", "2"])
    assert (base.title, base.algo) == ("vgg8b × 0.125, batches of 128, 2 threads", ("BP", "G3S2"))
    sweeps = points(base)
    assert [point.threads for point in sweeps["threads"]] == [1, 2]  # no more than there are processors
    assert len(dict.fromkeys(point for sweep in sweeps.values() for point in sweep)) == 5 + 7 + 4 + 2 - 3
    for name, sweep in sweeps.items():
        assert base in sweep
        assert {getattr(point, other) for point in sweep for other in sweeps if other != name} == {
            getattr(base, other) for other in sweeps if other != name
        }


def test_a_table_a_figure_and_nothing_measured_twice(timed, tmp_path, capsys):
    pytest.importorskip("torch")
    path = tmp_path / "growth.csv"
    options = ["--growth", str(path), "--threads", "2", "--algo", "bp", "G3S2"]
    timed.stop = 4
    assert main(options) == 130
    assert len(path.read_text().splitlines()) == 1 + 3 * 2  # three points of two algorithms are there
    del timed.stop
    timed.calls.clear()
    capsys.readouterr()
    assert main(options) == 0
    assert len(timed.calls) == 15 - 3
    assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    tables = capsys.readouterr().out.split("\n\n")[1:]
    assert tables[0].splitlines()[:3] == [
        "| width | algorithm | minilocal, steps/s |", "|---|---|---:|", "| 0.0625 | BP | 7.812 |"
    ]  # fmt: skip
    assert "| 512 | G3S2 | 1.953 |" in tables[1].splitlines()

    timed.calls.clear()  # PyTorch is missing in all rows
    assert main([*options, "--against", "torch", "--json"]) == 0
    assert len(timed.calls) == 15
    rows = json.loads(capsys.readouterr().out)["growth"]["batch_size"]
    assert rows[0] == {
        "width": "0.125", "batch_size": "8", "model": "vgg8b", "threads": "2", "algo": "BP",
        "minilocal_steps_per_second": "125", "torch_steps_per_second": "62.5", "ratio": "2.000",
        "torch_runs_as": "jemalloc, NCHW",
    }  # fmt: skip
    timed.calls.clear()
    assert main([*options, "--against", "torch"]) == 0
    assert not timed.calls
    assert "| 8 | BP | 125 | 62.5 | 2.000 | jemalloc, NCHW |" in capsys.readouterr().out
    with path.open() as file:
        assert tuple(next(csv.reader(file))) == COLUMNS


@pytest.mark.parametrize("text", ["a,b\n1,2\n", ",".join(COLUMNS) + "\n1,2\n", "\xff\0"])
def test_another_file_is_left_alone(timed, tmp_path, capsys, text):
    path = tmp_path / "other.csv"
    path.write_bytes(text.encode("latin-1"))
    assert main(["--growth", str(path)]) == 2
    assert "name another file" in capsys.readouterr().err
    assert path.read_bytes() == text.encode("latin-1")
    assert not timed.calls


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ("--per-layer", "--per-layer has no effect on --growth"),
        ("--workers 2", "--growth has no effect on --workers"),
        ("--model vgg16 --algo G12", "G12 has blocks of 12 layers, but the network has 7"),
    ],
)
def test_bad_options(timed, tmp_path, capsys, argv, sentence):
    assert main(["--growth", str(tmp_path / "a.csv"), *argv.split()]) == 2
    assert sentence in capsys.readouterr().err
    assert not timed.calls
