import os
import sys

import pytest

from minilocal.bench import worker
from minilocal.bench.serve import peak_memory
from minilocal.bench.worker import Worker, WorkerError, turns
from minilocal.errors import InputError

ADDER = """
import sys
from minilocal.bench.serve import serve
from minilocal.errors import InputError, TrainingError
class Adder:
    def __init__(self, note, start):
        print("a library's chatter")
        note("beginning")
        self.sum = start
    def add(self, number):
        if number < 0:
            raise InputError(f"number is {number}; it must be at least 0")
        if number > 99:
            raise TrainingError("that is too much")
        if number == 13:
            sys.exit(7)
        self.sum += number
        return self.sum
serve(Adder)
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Start a process that adds up; and see to it that none is left."""
    (tmp_path / "adder.py").write_text(ADDER, encoding="utf-8")
    monkeypatch.setattr(worker, "PAUSE", 0)
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    started = []

    def start(said=None, **settings):
        started.append(Worker("adding", "adder", settings, (said if said is not None else []).append, env))
        return started[-1]

    yield start
    assert all(one.process.poll() is not None for one in started)


def test_a_worker_answers_until_it_is_no_longer_needed(start, capfd):
    said = []
    with start(said, start=5) as adder:
        assert adder.ask("add", number=3) == 8
        assert adder.ask("add", number=4) == 12
    assert adder.process.returncode == 0
    assert said == ["beginning"]
    assert capfd.readouterr().out == ""  # chatter goes to stderr


def test_errors_that_a_user_can_mend_come_back_as_they_are(start):
    with start(start=0) as adder:
        with pytest.raises(InputError, match="number is -1"):
            adder.ask("add", number=-1)
        with pytest.raises(WorkerError, match="that is too much"):
            adder.ask("add", number=100)
        assert adder.ask("add", number=1) == 1  # it is still there


def test_workers_take_turns(start):
    with start(start=0) as one, start(start=100) as two:
        order, rounds = [], []

        def runner(name, process, number):
            return lambda: (order.append(name), process.ask("add", number=number))[1]

        taken = turns({"one": runner("one", one, 1), "two": runner("two", two, 2)}, 3, lambda: rounds.append(1))
    assert taken == {"one": [1, 2, 3], "two": [102, 104, 106]}
    assert order == ["one", "two"] * 3
    assert len(rounds) == 3


def test_a_killed_worker_ends_the_others_too(start):
    one, two = start(start=0), start(start=0)
    runners = {name: lambda one=one: one.ask("add", number=1) for name, one in (("one", one), ("two", two))}
    two.process.kill()
    with pytest.raises(WorkerError, match="the adding process died"), one, two:
        turns(runners, 2)


def test_a_worker_that_exits(start):
    with pytest.raises(WorkerError, match=r"the adding process died \(exit status 7\)"), start(start=0) as adder:
        adder.ask("add", number=13)


def test_a_worker_that_does_not_even_start(start, capfd):
    with pytest.raises(WorkerError, match="the missing process died"):
        Worker("missing", "minilocal.bench.no_such_module", {}, print)
    capfd.readouterr()


def test_peak_memory_is_that_of_a_python_with_numpy():
    peak = peak_memory()
    assert peak is None or 10**7 < peak < 10**11
