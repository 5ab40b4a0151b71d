"""The training command with worker processes, also when they are killed."""

import errno
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

from minilocal.errors import InputError
from minilocal.pipeline.start import workers
from minilocal.runs.config import Config
from minilocal.runs.progress import Progress
from minilocal.train import main

OPTIONS = [
    *("--algo", "G3S2", "--width", "0.0625", "--batch-size", "16", "--epochs", "6"),
    *("--train-size", "128", "--test-size", "40", "--validation", "0.25", "--alignment"),
]
FILES = ("metrics.csv", "gradients.csv", "alignment.csv", "checkpoint.npz")


def train(*argv):
    """Run the command in this process and return its exit status; no processes and no shared memory may be left."""
    try:
        status = main([*argv])
    except SystemExit as error:
        status = error.code
    assert multiprocessing.active_children() == []
    assert segments() == []
    return status


def segments(pid=None):
    """Return the files of a process's shared memory, on systems that show them as files."""
    return [*Path("/dev/shm").glob(f"minilocal-{pid or os.getpid()}-*")]


def contents(run):
    return [(run / name).read_bytes() for name in FILES]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A run in one process, never interrupted."""
    run = tmp_path_factory.mktemp("alone") / "run"
    assert main([*OPTIONS, "--quiet", "--run-dir", str(run)]) == 0
    return run


def test_a_run_with_workers_has_the_same_bytes_and_reports_what_each_did(alone, tmp_path, capfd):
    run = tmp_path / "run"
    assert train(*OPTIONS, "--workers", "5", "--run-dir", str(run)) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert contents(run) == contents(alone)
    lines = out.splitlines()
    assert lines[0].endswith("5 workers, 1 thread each")
    plan = [line for line in lines if line.startswith("  shift ")]
    assert re.fullmatch(
        r"  shift 0 \| 1: \[1-3\] [\d.]+ \| 2: \[4-6\] [\d.]+ \| 3: \[7\] [\d.]+ \| at most [\d.]+×", plan[0]
    )
    assert re.fullmatch(r"  shift 2 \| 1: frozen 1-2 \[3-5\] [\d.]+ \| 2: \[6-7\] [\d.]+ \| at most [\d.]+×", plan[1])
    assert "there are at most 3 blocks at a time, so workers 4 to 5 have nothing to do" in lines
    end = "\n".join(lines[-6:])
    assert re.search(
        r"a step took [\d.]+ ms; for each worker, of that time\n  1: [\d.]+ ms busy, [\d.]+ ms waiting \(\d+ %\)", end
    )
    assert re.search(
        r"boundaries moved: 5×, each time [\d.]+ MB of layers with their momentum and statistics, [\d.]+ ms", end
    )
    assert (run / "timeline.png").read_bytes().startswith(b"\x89PNG")


def kill_one(children, chance=random):
    os.kill(chance.choice(children).pid, signal.SIGKILL)


def at_step(monkeypatch, number, act):
    """Call `act` when step `number` is reported; steps count from 0."""
    steps = iter(range(10**6))
    monkeypatch.setattr(Progress, "on_step", lambda *_: act() if next(steps) == number else None)


def kill_the_first_to_start():
    while not (children := multiprocessing.active_children()):
        time.sleep(0.01)
    kill_one(children)


@pytest.mark.parametrize(("step", "workers"), [(None, 2), (3, 3), (25, 2)])
def test_a_killed_worker_ends_the_run_with_a_sentence_and_the_run_can_be_resumed(
    alone, tmp_path, capfd, monkeypatch, step, workers
):
    run = tmp_path / "run"
    if step is None:
        threading.Thread(target=kill_the_first_to_start).start()
    else:
        at_step(monkeypatch, step, lambda: kill_one(multiprocessing.active_children()))
    start = time.monotonic()
    options = ["--workers", str(workers), "--checkpoint-every", "2", "--quiet", "--run-dir", str(run)]
    assert train(*OPTIONS, *options) == 1
    assert time.monotonic() - start < 20
    out, err = capfd.readouterr()
    assert out == ""
    who = r"worker [123] \(((frozen 1-2 )?\[\d.*\]|without blocks)\) was killed by signal 9"
    resume = r"; the last good checkpoint is of .*epoch \d; to resume: python -m minilocal.train --resume \S+run"
    assert re.fullmatch(rf"minilocal.train: {who}{'' if step is None else resume}\n", err)
    monkeypatch.undo()
    others = ["--workers", "3"] if step == 25 else []
    assert train("--resume", str(run), *others, "--quiet") == 0
    assert contents(run) == contents(alone)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_run_where_it_can_be_resumed(alone, tmp_path, capfd, monkeypatch, number, status):
    run = tmp_path / "run"
    at_step(monkeypatch, 7, lambda: os.kill(os.getpid(), number))
    assert train(*OPTIONS, "--workers", "2", "--quiet", "--run-dir", str(run)) == status
    assert re.search(
        r"minilocal.train: stopped after step \d of epoch \d; to resume: python -m", capfd.readouterr().err
    )
    monkeypatch.undo()
    assert train("--resume", str(run), "--quiet") == 0
    assert contents(run) == contents(alone)


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="the system can't tell whether a process is stopped")
def test_a_stopped_worker_does_not_keep_the_run_from_stopping(alone, tmp_path, capfd, monkeypatch):
    def stop_a_worker_and_then_the_run():
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGTERM)

    run = tmp_path / "run"
    monkeypatch.setattr("minilocal.pipeline.processes.PATIENCE", 1.0)
    at_step(monkeypatch, 7, stop_a_worker_and_then_the_run)
    assert train(*OPTIONS, "--workers", "2", "--quiet", "--run-dir", str(run)) == 1
    err = capfd.readouterr().err
    assert re.match("minilocal.train: worker [12] was stopped by a signal and has not continued for 1 seconds; ", err)
    assert "; the last good checkpoint is of epoch 1; to resume: python -m" in err
    monkeypatch.undo()
    assert train("--resume", str(run), "--quiet") == 0
    assert contents(run) == contents(alone)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds children in Linux's /proc")
def test_no_worker_outlives_the_command(tmp_path):
    command = [sys.executable, "-m", "minilocal.train", *OPTIONS, "--epochs", "1000", "--workers", "2"]
    with subprocess.Popen([*command, "--run-dir", "run"], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("epoch    1"):
            pass
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 3  # two workers, and Python's resource tracker
        process.kill()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert segments(process.pid) == []


def test_bp_and_zero_workers_are_refused(tmp_path, capfd):
    assert train("--algo", "BP", "--workers", "2", "--run-dir", str(tmp_path / "run")) == 2
    assert "waits for the gradient of the layers after it (backward locking)" in capfd.readouterr().err
    assert train("--workers", "0", "--run-dir", str(tmp_path / "run")) == 2
    assert capfd.readouterr().err == "minilocal.train: --workers is 0; it must be at least 1\n"
    assert list(tmp_path.iterdir()) == []


def test_workers_that_cannot_be_started_leave_nothing_behind(tmp_path, capfd, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(SpawnProcess, "start", refuse)
    assert train(*OPTIONS, "--workers", "2", "--quiet", "--run-dir", str(tmp_path / "new" / "run")) == 2
    says = "minilocal.train: worker 1 can't be started (Resource temporarily unavailable); try fewer workers\n"
    assert capfd.readouterr().err == says
    assert not (tmp_path / "new" / "run").exists()


def test_a_worker_without_its_data_raises_input_error(trainer, tmp_path):
    mine = trainer("G1")
    build = partial(Config.build, Config(dataset=f"npz:{tmp_path}/gone.npz"))
    with pytest.raises(InputError, match=r"gone\.npz"), workers(mine, 2, build):
        pass
    assert multiprocessing.active_children() == []
    assert segments() == []


@pytest.mark.slow
def test_twenty_kills_at_random_moments(alone, tmp_path, capfd):
    """At any time between the start of the first worker and the end of the run."""
    chance, kills = random.Random(0), 0
    for attempt in range(60):
        run = tmp_path / f"run{attempt}"
        done, delay = threading.Event(), chance.uniform(0, 3)

        def kill(done=done, delay=delay):
            while not multiprocessing.active_children() and not done.is_set():
                time.sleep(0.01)
            if not done.wait(delay) and (children := multiprocessing.active_children()):
                kill_one(children, chance)

        killer = threading.Thread(target=kill)
        killer.start()
        count = chance.randint(1, 3)
        status = train(*OPTIONS, "--workers", str(count), "--checkpoint-every", "1", "--quiet", "--run-dir", str(run))
        done.set()
        killer.join()
        err = capfd.readouterr().err
        if status == 1:
            kills += 1
            assert re.fullmatch(r"minilocal.train: worker \d \(.*\) was killed by signal 9.*\n", err)
            assert train("--resume", str(run), "--quiet", *(["--workers", str(3 - count)] if count < 3 else [])) == 0
        else:  # the run was over before the kill
            assert (status, err) == (0, "")
        assert contents(run) == contents(alone)
        if kills == 20:
            break
    assert kills == 20
