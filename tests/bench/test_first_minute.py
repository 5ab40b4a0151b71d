"""The first minute of the command, with few images; what was compiled depends on the cache alone."""

import pytest

from minilocal.bench import __main__ as bench
from minilocal.bench import first_minute
from minilocal.bench.__main__ import main
from minilocal.bench.first_minute import Command, time_first_minute
from minilocal.errors import TrainingError

FEW = ["--train-size", "128", "--test-size", "32", "--width", "0.0625", "--batch-size", "64"]


def test_the_first_step_and_two_epochs_with_compiled_kernels(tmp_path, capsys):
    run = Command().run(bench_time(-1), str(tmp_path / "run"), FEW)
    assert list(run["first_step"]) == ["Python and imports", "data", "compiling kernels", "everything else"]
    assert 1 < run["first_step"]["Python and imports"] < sum(run["first_step"].values()) < 600
    assert run["first_step"]["data"] > 0
    assert [set(epoch) for epoch in run["epochs"]] == [{"training", "evaluation"}] * 2
    capsys.readouterr()


def test_kernels_are_counted_with_what_they_call(capsys):
    from numba import njit

    kernels = {}
    inner = njit(lambda x: x + 1)
    outer = njit(lambda x: inner(x) * 2)
    outer.py_func.__name__, inner.py_func.__name__ = "outer", "inner"
    with first_minute._compilations(kernels):
        outer(1)
    assert list(kernels) == ["outer"]


def test_a_command_that_fails_is_an_error(tmp_path, capsys):
    with pytest.raises(TrainingError, match="training failed with exit status 2"):
        Command().run(bench_time(), str(tmp_path / "run"), ["--lr", "-1"])


@pytest.mark.slow
def test_a_fresh_install_compiles_and_later_runs_find_it_cached():
    runs = time_first_minute(*FEW)
    assert runs["fresh install"]["kernels"]
    assert not runs["later"]["kernels"]


def bench_time(shift=0):
    return first_minute.time.time() + shift


RUN = {
    "first_step": {"Python and imports": 0.4, "compiling kernels": 2.0}, "kernels": {"sgd": 0.5, "im2col": 1.5},
    "epochs": [{"training": 9.0, "evaluation": 1.0}],
}  # fmt: skip


def test_as_a_table(monkeypatch, capsys):
    later = RUN | {"first_step": {"Python and imports": 0.3, "compiling kernels": 0.0}, "kernels": {}}
    monkeypatch.setattr(bench, "time_first_minute", lambda: {"fresh install": RUN, "later": later})
    assert main(["--first-minute"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("`python -m minilocal.train --algo G3S2`; minilocal ")
    assert [line.split() for line in lines[2:6]] == [
        ["until", "the", "first", "step", "is", "done", "(s)", "fresh", "install", "later"],
        ["Python", "and", "imports", "0.40", "0.30"],
        ["compiling", "kernels", "2.00", "0.00"],
        ["together", "2.40", "0.30"],
    ]
    assert lines[6:] == [
        "compiled in both epochs, fresh install (s): im2col 1.50, sgd 0.50",
        "epoch 1, later: training 9.00 s, evaluation 1.00 s; evaluation is 10 % of the epoch",
    ]


def test_it_is_measured_by_itself(capsys):
    assert main(["--first-minute", "--algo", "BP"]) == 2
    assert "--algo has no effect on --first-minute" in capsys.readouterr().err
