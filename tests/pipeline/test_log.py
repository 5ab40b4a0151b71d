import pytest

from minilocal.pipeline.log import SHOWN, Log, Moved
from minilocal.pipeline.messages import Collect, Report, Shift, Step
from minilocal.pipeline.plan import make_plan
from minilocal.pipeline.text import describe_log, describe_plan, describe_surplus
from minilocal.pipeline.timeline import draw_timeline
from minilocal.schedule import parse


def report(began, ended, waited=0.0, content=None):
    return Report(content, began, ended, waited)


@pytest.fixture
def log():
    """Two workers, one busy for 2 of 3 seconds, the other all the time; then an evaluation, a move, and a step."""
    log = Log(2)
    log.add(Shift(0), [report(9, 10, 0, 0), report(9, 10, 0, 0)])
    for step in range(10):
        start = 10 + 3 * step
        log.add(Step(step), [report(start, start + 3, 1), report(start + 3, start + 6)])
    log.add(Collect(), [report(43, 44), report(43, 50)])
    log.add(Shift(1), [report(60, 61, 0.5, 700), report(60, 61, 0, 300)])
    log.add(Step(10), [report(61, 63), report(63, 66)])
    return log


def test_the_time_of_steps_and_moves_adds_up_without_what_is_between(log):
    assert log.steps == 11
    assert log.seconds == (43 - 9) + (66 - 60)
    assert log.busy == [1 + 10 * 2 + 0.5 + 2, 1 + 10 * 3 + 1 + 3]
    assert log.moves == [Moved(1000, 1)]  # at first nobody gives anything away but the root


def test_what_is_drawn_is_around_the_first_move(log):
    steps = [span.step for span in log.spans]
    assert steps == [*(step for step in range(10 - SHOWN, 10) for _ in (1, 2)), None, None, 10, 10]
    assert log.cuts[-1] == 43 - 9
    before, move = log.spans[-5], log.spans[-4]
    assert (before.began, before.ended) == (40 - 9, 43 - 9)
    assert (move.began, move.ended) == (43 - 9, 43.5 - 9)  # as if it had come at once


def test_without_a_move_the_first_steps_are_drawn():
    log = Log(1)
    for step in range(50):
        log.add(Step(step), [report(step, step + 1)])
    assert [span.step for span in log.spans] == list(range(2 * SHOWN))


def test_it_is_told_and_drawn(log, tmp_path):
    assert list(describe_log(log)) == [
        "a step took 3636.4 ms; of these each worker was",
        "  1: 2136.4 ms busy, 1500.0 ms waiting (41 %)",
        "  2: 3181.8 ms busy, 454.5 ms waiting (12 %)",
        "boundaries moved: 1×, each time 0.00 MB of layers with their momentum and statistics, 1000.0 ms",
    ]
    assert list(describe_log(Log(2))) == []
    assert draw_timeline(log, "G2S1", tmp_path / "timeline.png").read_bytes().startswith(b"\x89PNG")


def test_a_timelines_title_is_no_formula(log, tmp_path):
    assert draw_timeline(log, "a$\\frac$.npz", tmp_path / "timeline.png").exists()


def test_a_plan_is_told():
    plan = make_plan(parse("G3S2"), 7, {0: [0.3, 0.2, 0.1], 2: [0.2, 0.1]}, workers=2)
    _, *lines = describe_plan(plan)
    assert lines == [
        "  shift 0 | 1: [1-3] 300.0 | 2: [4-6] [7] 300.0 | at most 2.00×",
        "  shift 2 | 1: frozen 1-2 [3-5] 200.0 | 2: [6-7] 100.0 | at most 1.50×",
        "  all shifts: at most 1.80×",
    ]
    assert list(describe_surplus(plan, 2)) == []
    assert list(describe_surplus(plan, 3)) == [
        "there are no more than 2 blocks at a time, so worker 3 has nothing to do"
    ]
