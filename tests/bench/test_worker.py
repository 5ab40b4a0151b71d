"""Worker processes, seen from both sides."""

import os
import sys

import pytest

from minilocal.bench import worker
from minilocal.bench.worker import Worker, median_seconds, peak_memory, turns
from minilocal.errors import InputError, TrainingError

ADDER = """
import sys
from minilocal.errors import InputError, TrainingError
class Adder:
    def __init__(self, start):
        print("a library's chatter")
        if start < 0:
            raise InputError(f"start is {start}; it must be at least 0")
        self.sum = start
    def add(self, number):
        if number < 0:
            raise InputError(f"number is {number}; it must be at least 0")
        if number > 99:
            raise TrainingError("that is too much")
        if number == 13:
            sys.exit(7)
        if number == 14:
            raise MemoryError
        self.sum += number
        return self.sum
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Start processes that add up; in the end, all of them must be gone."""
    (tmp_path / "adder.py").write_text(ADDER, encoding="utf-8")
    monkeypatch.setattr(worker, "PAUSE", 0)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
    started = []

    def start(**settings):
        started.append(Worker("adding", "adder:Adder", **settings))
        return started[-1]

    yield start
    assert all(one.process.poll() is not None for one in started)


def test_a_worker_answers_until_it_is_no_longer_needed(start, capfd):
    with start(start=5) as adder:
        assert adder.ask("add", number=3) == 8
        assert adder.ask("add", number=4) == 12
    assert adder.process.returncode == 0
    captured = capfd.readouterr()
    assert (captured.out, "chatter" in captured.err) == ("", True)


def test_errors_come_back_as_sentences(start):
    with start(start=0) as adder:
        with pytest.raises(InputError, match="number is -1"):
            adder.ask("add", number=-1)
        with pytest.raises(TrainingError, match="that is too much"):
            adder.ask("add", number=100)
        with pytest.raises(TrainingError, match="not enough memory"):
            adder.ask("add", number=14)
        assert adder.ask("add", number=1) == 1  # it is still there
    with pytest.raises(InputError, match="start is -1"), start(start=-1) as adder:
        adder.ask("add", number=1)


def test_workers_take_turns(start, capsys):
    with start(start=0) as one, start(start=100) as two:
        order = []

        def runner(name, process, number):
            return lambda: (order.append(name), process.ask("add", number=number))[1]

        taken = turns("sums", {"one": runner("one", one, 1), "two": runner("two", two, 2)}, 3)
    assert taken == {"one": [1, 2, 3], "two": [102, 104, 106]}
    assert order == ["one", "two"] * 3
    assert capsys.readouterr().err == "sums: 3 rounds\n"  # no bar, where there is no terminal


def test_a_killed_worker_ends_the_others_too(start):
    one, two = start(start=0), start(start=0)
    runners = {name: lambda one=one: one.ask("add", number=1) for name, one in (("one", one), ("two", two))}
    two.process.kill()
    with pytest.raises(TrainingError, match="the adding process died"), one, two:
        turns("sums", runners, 2)


def test_a_worker_that_exits(start):
    with pytest.raises(TrainingError, match=r"the adding process died \(exit status 7\)"), start(start=0) as adder:
        adder.ask("add", number=13)


def test_a_worker_that_does_not_even_start(start, capfd):
    with (
        pytest.raises(TrainingError, match="the missing process died"),
        Worker("missing", "minilocal.bench.no_such_module:Class") as missing,
    ):
        missing.ask("step")
    capfd.readouterr()


def test_peak_memory_is_that_of_a_python_with_numpy():
    peak = peak_memory()
    assert peak is None or 10**7 < peak < 10**11


def test_median_seconds_counts_what_comes_after_a_warm_up(monkeypatch):
    calls = []
    monkeypatch.setattr(worker, "SECONDS", 0)
    assert 0 <= median_seconds(lambda: calls.append(1)) < 0.1
    assert len(calls) == 6
