"""Work and time left, with a clock that moves only when a test says so."""

from types import SimpleNamespace

import pytest

from minilocal.compare import progress
from minilocal.compare.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now.seconds)
    return now


def progress_of(sweep, quiet=False):
    return Progress(sweep, sweep.runs, quiet)


@pytest.fixture
def shown(made_up):
    """The progress of BP and G1 with two seeds; BP's first run is finished."""
    return progress_of(made_up({"BP": [0.9, None], "G1": [None, None]}, epochs=4))


def run_through(shown, clock, number, first=0, seconds=3.0):
    shown.begin(number, shown.runs[number - 1])
    for epoch in range(first, 4):
        for _ in range(7):  # 7 batches of 128
            clock.seconds += seconds
            shown.on_step(epoch, 128, [])
        shown.on_epoch(SimpleNamespace(test=SimpleNamespace(accuracy=0.5)))
    shown.end()


def test_the_first_steps_are_not_timed(shown, clock):
    shown.begin(2, shown.runs[1])
    for _ in range(2):
        clock.seconds += 50
        shown.on_step(0, 128, [])
    assert shown.seconds_left() is None
    clock.seconds += 2
    shown.on_step(0, 128, [])
    assert shown.seconds_left() == pytest.approx(2 * (shown.total - shown.done) / (shown.work / 7))


def test_work_is_counted_in_macs_and_includes_what_is_finished(shown, clock, capsys):
    backprop, local = (shown.epoch_work(run) for run in shown.runs[:2])
    assert backprop > local
    assert shown.total == 8 * backprop + 8 * local
    assert shown.done == 4 * backprop
    run_through(shown, clock, 2)
    assert shown.done == pytest.approx(4 * backprop + 4 * local)
    assert shown.seconds_left() == pytest.approx(28 * 3.0 * (backprop + local) / local)
    run_through(shown, clock, 3)
    run_through(shown, clock, 4)
    assert shown.done == pytest.approx(shown.total)
    assert capsys.readouterr().err.splitlines()[-1] == "run 4/4: G1, seed 1, test 50.00 % after 84 s"


def test_without_a_terminal_a_long_run_prints_a_line_each_minute(shown, clock, capsys):
    run_through(shown, clock, 2, seconds=10)
    lines = [line for line in capsys.readouterr().err.splitlines() if ", epoch " in line]
    assert len(lines) == 4  # 280 seconds
    assert lines[1].startswith("run 2/4: G1, seed 0, epoch 2/4, test 50.00 %, ")
    assert lines[1].endswith(" left")


def test_quiet_prints_nothing(made_up, clock, capsys):
    run_through(progress_of(made_up({"BP": [None], "G1": [None]}, epochs=4), quiet=True), clock, 1, seconds=100)
    assert capsys.readouterr() == ("", "")


def test_a_run_that_resumes_says_so_and_counts_once(made_up, clock, capsys):
    shown = progress_of(made_up({"BP": [0.9], "G1": [None]}, epochs=4, only_epochs=2))
    run_through(shown, clock, 1, first=2)
    assert shown.done == pytest.approx(4 * shown.epoch_work(shown.runs[0]))
    assert "run 1/2: BP, seed 0 resumes after epoch 2/4" in capsys.readouterr().err
