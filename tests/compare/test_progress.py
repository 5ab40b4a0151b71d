"""Work and time left, with a clock that stands still until it is moved."""

from types import SimpleNamespace

import pytest

from minilocal.compare import progress
from minilocal.compare.progress import Pace, Progress


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now.seconds)
    return now


def test_pace_leaves_compilation_out(clock):
    pace = Pace()
    for _ in range(2):
        clock.seconds += 50
        pace.add(1)
    assert pace.seconds(10) is None
    for _ in range(4):
        clock.seconds += 2
        pace.add(1)
    assert pace.seconds(10) == 20


@pytest.fixture
def shown(made_up):
    """A sweep of BP and G1 with two seeds, of which BP's first run is finished."""
    return Progress(made_up({"BP": [0.9, None], "G1": [None, None]}, epochs=4))


def run_through(shown, clock, run, number, first=0, seconds=3.0):
    shown.begin(number, run)
    for epoch in range(first, 4):
        for _ in range(7):  # 7 batches of 128
            clock.seconds += seconds
            shown.on_step(epoch, 128, [])
        shown.on_epoch(SimpleNamespace(test=SimpleNamespace(accuracy=0.5)))
    shown.end()


def test_work_is_weighed_by_macs_and_counts_what_is_finished(shown, clock, capsys):
    sweep = shown.sweep
    backprop, local = (shown._work(run) for run in sweep.runs[:2])
    assert backprop > local
    assert shown.total == 8 * backprop + 8 * local
    assert shown.place == 4 * backprop
    run_through(shown, clock, sweep.runs[1], 2)
    assert shown.place == pytest.approx(4 * backprop + 4 * local)
    left = shown.pace.seconds(shown.total - shown.place)
    assert left == pytest.approx(26 * 3.0 * (backprop + local) / local * 28 / 26, rel=0.1)
    run_through(shown, clock, sweep.runs[2], 3)
    run_through(shown, clock, sweep.runs[3], 4)
    assert shown.place == pytest.approx(shown.total)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == "run 4/4: G1, seed 1, test 50.00 % after 84 s"
    assert sum("at this pace" in line for line in lines) == 1


def test_without_a_terminal_a_long_run_says_something_each_minute(shown, clock, capsys):
    run_through(shown, clock, shown.sweep.runs[1], 2, seconds=10)
    lines = [line for line in capsys.readouterr().err.splitlines() if ", epoch " in line]
    assert len(lines) == 4  # 280 seconds
    assert lines[1].startswith("run 2/4: G1, seed 0, epoch 2/4, test 50.00 %, ")
    assert lines[1].endswith(" left")


def test_quiet_says_nothing(made_up, clock, capsys):
    shown = Progress(made_up({"BP": [None], "G1": [None]}, epochs=4), quiet=True)
    run_through(shown, clock, shown.sweep.runs[0], 1, seconds=100)
    assert capsys.readouterr() == ("", "")


def test_a_run_that_goes_on_says_so_and_is_not_worked_twice(made_up, clock, capsys):
    sweep = made_up({"BP": [0.9], "G1": [None]}, epochs=4, only_epochs=2)
    shown = Progress(sweep)
    run_through(shown, clock, sweep.runs[0], 1, first=2)
    assert shown.place == pytest.approx(4 * shown._work(sweep.runs[0]))
    assert "run 1/2: BP, seed 0 goes on after epoch 2/4" in capsys.readouterr().err
