import pytest

from minilocal.pipeline.log import SHOWN, Log, Moved
from minilocal.pipeline.messages import Collect, Report, Shift, Train
from minilocal.pipeline.timeline import draw_timeline
from minilocal.training.recipe import Recipe


def report(began, ended, waited=0.0, content=None):
    return Report(content, began, ended, waited)


def train(number):
    return Train(Recipe().step(0, number, 100, 7))


@pytest.fixture
def log():
    """Two workers, one busy for 2 of every 3 seconds, the other always; then an evaluation, a move, and a step."""
    log = Log(2)
    log.add(Shift(0), [report(9, 10, 0, 0), report(9, 10, 0, 0)])
    for step in range(10):
        start = 10 + 3 * step
        log.add(train(step), [report(start, start + 3, 1), report(start + 3, start + 6)])
    log.add(Collect(), [report(43, 44), report(43, 50)])
    log.add(Shift(1), [report(60, 61, 0.5, 700), report(60, 61, 0, 300)])
    log.add(train(10), [report(61, 63), report(63, 66)])
    return log


def test_steps_and_moves_are_added_up_without_the_time_between_them(log):
    assert log.steps == 11
    assert log.seconds == (43 - 9) + (66 - 60)
    assert log.busy == [1 + 10 * 2 + 0.5 + 2, 1 + 10 * 3 + 1 + 3]
    assert log.moves == [Moved(1000, 1)]  # in the first move only the root gave layers away


def test_spans_are_those_around_the_first_move(log):
    steps = [span.step for span in log.spans]
    assert steps == [*(step for step in range(10 - SHOWN, 10) for _ in (1, 2)), None, None, 10, 10]
    assert log.cuts[-1] == 43 - 9
    before, move = log.spans[-5], log.spans[-4]
    assert (before.began, before.ended) == (40 - 9, 43 - 9)
    assert (move.began, move.ended) == (43 - 9, 43.5 - 9)  # as if it had not waited


def test_without_a_move_spans_are_those_of_the_first_steps():
    log = Log(1)
    for step in range(50):
        log.add(train(step), [report(step, step + 1)])
    assert [span.step for span in log.spans] == list(range(2 * SHOWN))


def test_a_log_in_words_and_as_a_figure(log, tmp_path):
    assert list(log.describe()) == [
        "a step took 3636.4 ms; for each worker, of that time",
        "  1: 2136.4 ms busy, 1500.0 ms waiting (41 %)",
        "  2: 3181.8 ms busy, 454.5 ms waiting (12 %)",
        "boundaries moved: 1×, each time 0.00 MB of layers with their momentum and statistics, 1000.0 ms",
    ]
    assert list(Log(2).describe()) == []
    assert draw_timeline(log, "G2S1", tmp_path / "timeline.png").read_bytes().startswith(b"\x89PNG")


def test_a_timelines_title_is_not_read_as_a_formula(log, tmp_path):
    assert draw_timeline(log, "a$\\frac$.npz", tmp_path / "timeline.png").exists()
