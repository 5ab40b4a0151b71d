"""Training that is killed or asked to stop from outside: another process resumes it, with the same final bytes."""

import os
import random
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from minilocal.runs import sealed

SAME = ("metrics.csv", "gradients.csv", "checkpoint.npz", "config.json")
TRAIN = [sys.executable, "-m", "minilocal.train"]
posix = pytest.mark.skipif(os.name != "posix", reason="POSIX signals and fork")


@posix
@pytest.mark.parametrize(
    ("algo", "count"),
    [("G3S2", 3), *(pytest.param(algo, 0, marks=pytest.mark.slow) for algo in ("BP", "G1", "G2S1", "G3S2"))],
)
def test_killed_at_each_write_flush_and_rename(algo, count, tmp_path):
    command = [sys.executable, Path(__file__).with_name("dying.py"), tmp_path, algo, str(count)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    print(run.stdout)
    assert run.stdout.endswith("lost: nothing\n"), run.stdout + run.stderr
    assert run.returncode == 0


def check_same(one, other):
    for name in SAME:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    assert len((one / "timing.csv").read_text().splitlines()) == len((other / "timing.csv").read_text().splitlines())


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def train(quick, home):
    """Start the command in the background."""
    options = [*quick, "--algo", "G3S2", "--checkpoint-every", "2", "--threads", "1"]

    def start(*argv, command=TRAIN):
        return subprocess.Popen(
            [*command, *options, *argv], cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    return start


def wait_for(path):
    while not path.exists():
        time.sleep(0.01)
    return time.monotonic()


@pytest.fixture(scope="module")
def whole(train, home):
    """An undisturbed run, and how long it trains."""
    process = train("--run-dir", "whole")
    begun = wait_for(home / "whole" / "config.json")
    assert process.communicate()[1] == ""
    return home / "whole", time.monotonic() - begun


def check_that_it_resumes(train, whole, run):
    for path in run.glob("checkpoint*.npz"):
        sealed.read(path)
    process = train("--resume" if (run / "config.json").exists() else "--run-dir", run.name)
    assert process.communicate()[1] == ""
    assert process.returncode == 0
    check_same(whole[0], run)


@posix
@pytest.mark.parametrize("times", [1, pytest.param(30, marks=pytest.mark.slow)])
def test_killed_at_random_moments(train, whole, home, times):
    chance = random.Random(0)
    for number in range(times):
        run = home / f"killed{number}"
        process = train("--run-dir", run.name)
        wait_for(run)
        time.sleep(chance.uniform(0, whole[1]))
        process.kill()
        process.communicate()
        check_that_it_resumes(train, whole, run)


@posix
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_asked_to_stop_it_says_how_to_resume(train, whole, home, number, status):
    run = home / f"asked{number}"
    process = train("--run-dir", run.name)
    wait_for(run / "checkpoint.npz")
    process.send_signal(number)
    lines = process.communicate()[1].splitlines()
    assert process.returncode == status
    assert re.match(r"minilocal\.train: stopped after (step \d of )?epoch \d;", lines[-1])
    assert lines[-1].endswith(f" to resume: python -m minilocal.train --resume {run.name}")
    if number == signal.SIGINT:
        assert "Ctrl-C again stops at once" in lines[-2]
    check_that_it_resumes(train, whole, run)


@posix
def test_a_second_ctrl_c_stops_at_once(train, whole, home):
    code = """
        import signal, sys
        from minilocal import train
        from minilocal.runs import progress

        def on_step(self, epoch, *_):
            if epoch == 1:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)
                print("still there")

        progress.Progress.on_step = on_step
        sys.exit(train.main(sys.argv[1:]))
    """
    process = train("--run-dir", "twice", command=[sys.executable, "-c", textwrap.dedent(code)])
    out, err = process.communicate()
    assert process.returncode == -signal.SIGINT
    assert "epoch 1/2" in out
    assert "still there" not in out
    assert "Ctrl-C again stops at once" in err
    check_that_it_resumes(train, whole, home / "twice")
