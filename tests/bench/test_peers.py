"""The contest between the ways to run PyTorch, with processes that only say how long they took."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import ClassVar

import pytest

from minilocal.bench import peers, worker
from minilocal.bench.options import Options
from minilocal.bench.peers import allocators, compile_steps, fastest_torch
from minilocal.bench.plan import plan_steps
from minilocal.bench.text import render_contests
from minilocal.bench.worker import Worker
from minilocal.errors import TrainingError

TINY = Options(model="vgg8b", width=1 / 16, batch_size=8, threads=2)
PLAN = plan_steps("G3S2", **TINY.network)


class Pretender:
    """A process that does nothing; its times come from `times`, by name, memory layout and library."""

    times: ClassVar[dict] = {}
    started: ClassVar[list] = []

    def __init__(self, name, measures, environment, preloaded, layout, compiled, **settings):
        self.name, self.key = name, (layout, preloaded, compiled)
        self.environment, self.ended, self.compiled = environment, False, []
        self.started.append(self)

    def ask(self, what, blocks):
        assert not self.ended
        if what == "compile":
            self.compiled.append(blocks)
        taken = self.times[self.key]
        if isinstance(taken, Exception):
            raise taken
        return taken

    def end(self):
        self.ended = True

    kill = end

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


@pytest.fixture
def contest(monkeypatch):
    monkeypatch.setattr(worker, "PAUSE", 0)
    monkeypatch.setattr(peers, "Worker", Pretender)
    monkeypatch.setattr(peers, "allocators", lambda: ({"eager": None, "jemalloc": "j.so"}, {"tcmalloc": "not here"}))
    monkeypatch.setattr(Pretender, "started", [])
    monkeypatch.setenv("LD_PRELOAD", "own.so")

    def hold(times, options=TINY):
        monkeypatch.setattr(Pretender, "times", times)
        with ExitStack() as stack:
            winner, says = fastest_torch(stack, PLAN, options)
            assert [one for one in Pretender.started if not one.ended] == [winner]
        return winner, says

    return hold


TIMES = {("NCHW", None, False): 4.0, ("channels_last", None, False): 5.0, ("NCHW", "j.so", False): 3.0,
         ("channels_last", "j.so", False): 2.0, ("channels_last", "j.so", True): 1.0}  # fmt: skip


def test_each_way_in_its_faster_layout_and_the_fastest_of_all(contest):
    winner, says = contest(TIMES)
    assert says["peers"] == [
        {"name": "torch.compile", "layout": "channels_last", "allocator": "jemalloc", "median": 1.0},
        {"name": "jemalloc", "layout": "channels_last", "allocator": "jemalloc", "median": 2.0},
        {"name": "eager", "layout": "NCHW", "allocator": "eager", "median": 4.0},
    ]
    assert says["missing"] == {"tcmalloc": "not here"}
    assert winner.compiled == [step.blocks for step in PLAN.steps]  # all shifts, before the clock runs
    assert winner.environment == {"LD_PRELOAD": "j.so:own.so"}
    assert Pretender.started[0].environment == {}
    lines = render_contests([{"algo": "G3S2", "contest": says}]).splitlines()
    assert lines[0].split() == ["PyTorch", "in", "a", "trial", "eager", "jemalloc", "torch.compile", "fastest"]
    assert " ".join(lines[1].split()) == (
        "G3S2 4.00 s NCHW 2.00 s channels_last 1.00 s with jemalloc torch.compile"
    )  # fmt: skip
    assert lines[2:] == ["not available:", "  tcmalloc: not here"]


def test_ways_that_fail_are_missing_and_the_others_compete(contest):
    failing = {key: TrainingError("it is broken") for key in TIMES if "j.so" in key or key[2]}
    _, says = contest(TIMES | failing | {("channels_last", None, True): TrainingError("no compiler")})
    assert [peer["name"] for peer in says["peers"]] == ["eager"]
    assert says["missing"] == {"tcmalloc": "not here", "jemalloc": "it is broken", "torch.compile": "no compiler"}
    with pytest.raises(TrainingError, match="no PyTorch"):  # but without plain PyTorch there is nothing to compare
        contest(TIMES | {("NCHW", None, False): TrainingError("no PyTorch")})


def test_compiling_can_be_left_out(contest):
    _, says = contest(TIMES, Options(compile_seconds=0))
    assert [peer["name"] for peer in says["peers"]] == ["jemalloc", "eager"]
    assert "torch.compile" not in says["missing"]


SLOW = """
import subprocess, sys
class Slow:
    def compile(self, blocks):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
        print("child", child.pid, file=sys.stderr, flush=True)
        child.wait()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="processes have no groups there")
def test_a_compiler_that_takes_too_long_is_ended_with_its_children(tmp_path, monkeypatch, capfd):
    (tmp_path / "slow.py").write_text(SLOW, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    with Worker("slow", "slow:Slow", {"PYTHONPATH": path}) as slow:
        problem = compile_steps(slow, PLAN, 1)
    assert problem.startswith("compiling G3S2 takes more than 1 s; ")
    child = int(capfd.readouterr().err.split("child ")[1].split()[0])
    for _ in range(100):
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(child)], capture_output=True, text=True).stdout
        if not state.strip("Z+ \n"):
            return
        time.sleep(0.05)
    pytest.fail(f"process {child} is still there")


def test_allocators_that_are_installed(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(peers, "find_library", lambda name: {"tcmalloc": "libtcmalloc.so.4"}.get(name))
    assert allocators() == (
        {"eager": None, "tcmalloc": "libtcmalloc.so.4"}, {"jemalloc": "libjemalloc is not installed"}
    )  # fmt: skip
    monkeypatch.setattr(sys, "platform", "darwin")
    assert allocators()[0] == {"eager": None}
