"""The training command on ranks that mpiexec starts, all on one machine."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("mpi4py")
pytestmark = pytest.mark.skipif(shutil.which("mpiexec") is None, reason="there is no mpiexec")

OPTIONS = [
    *("--algo", "G3S2", "--width", "0.0625", "--batch-size", "16", "--epochs", "4"),
    *("--train-size", "128", "--test-size", "40", "--validation", "0.25"),
]
FILES = ("metrics.csv", "gradients.csv", "checkpoint.npz")
A_BUG = """
import sys
from minilocal.pipeline.worker import Worker
from minilocal.train import main

def train(self, *arguments, original=Worker._train):
    if self.number == RANK:
        raise ZeroDivisionError("a bug")
    return original(self, *arguments)

Worker._train = train
sys.exit(main())
"""
LITTLE_PATIENCE = """
import sys
from minilocal.pipeline import heartbeat
from minilocal.train import main

heartbeat.BEAT, heartbeat.SILENCE, heartbeat.LONGER = 0.1, 2.0, 4.0
sys.exit(main())
"""


@pytest.fixture(autouse=True)
def tidy():
    """Remove the 3 MB of shared memory that MPICH leaves when its processes are killed."""
    before = segments()
    yield
    for segment in segments() - before:
        segment.unlink(missing_ok=True)


def segments():
    return {*Path("/dev/shm").glob("mpich_shm_*")}


def command(ranks, *options, program=("-m", "minilocal.train")):
    return ["mpiexec", "-n", str(ranks), sys.executable, *program, "--parallel", "mpi", *options]


def train(ranks, *options, **program):
    return subprocess.run(command(ranks, *options, **program), capture_output=True, text=True, timeout=120)


def contents(run):
    return [(run / name).read_bytes() for name in FILES]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A run in one process."""
    run = tmp_path_factory.mktemp("alone") / "run"
    subprocess.run([sys.executable, "-m", "minilocal.train", *OPTIONS, "--quiet", "--run-dir", str(run)], check=True)
    return run


@pytest.mark.parametrize("ranks", [2, 3, 5])
def test_bits_are_those_of_one_process(alone, tmp_path, ranks):
    run = tmp_path / "run"
    result = train(ranks, *OPTIONS, "--run-dir", str(run))
    assert (result.returncode, result.stderr) == (0, "")
    assert contents(run) == contents(alone)
    surplus = "there are at most 3 blocks at a time, so workers 4 to 5 have nothing to do"
    assert (surplus in result.stdout.splitlines()) == (ranks == 5)
    assert (run / "timeline.png").exists()


@pytest.mark.parametrize(("ranks", "killed"), [(3, 0), (3, 2), (5, 4)])  # the last one has no blocks
def test_a_killed_rank_ends_the_run_and_it_can_be_resumed(alone, tmp_path, ranks, killed):
    run = tmp_path / "run"
    process, pids = start_and_wait_for_epoch_1(ranks, "--run-dir", str(run), "--checkpoint-every", "2")
    os.kill(pids[killed], signal.SIGKILL)
    moment = time.monotonic()
    process.communicate()
    assert process.returncode != 0
    assert time.monotonic() - moment < 10
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids.values())
    assert train(2, "--resume", str(run)).returncode == 0
    assert contents(run) == contents(alone)


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGUSR1, 128 + signal.SIGUSR1)],
)
def test_a_signal_stops_all_ranks_where_the_run_can_be_resumed(alone, tmp_path, number, status):
    """Launchers and clusters send signals to all ranks. Rank 0 obeys them; the others ignore them."""
    run = tmp_path / "run"
    process, pids = start_and_wait_for_epoch_1(3, "--run-dir", str(run))
    for pid in pids.values():
        os.kill(pid, number)
    _, err = process.communicate()
    assert process.returncode == status
    assert re.search(r"^minilocal.train: stopped after .* python -m minilocal.train --resume", err, re.M)
    assert train(2, "--resume", str(run)).returncode == 0
    assert contents(run) == contents(alone)


@pytest.mark.parametrize("stopped", [0, 1])
def test_a_rank_that_is_not_heard_from_ends_the_run_and_it_can_be_resumed(alone, tmp_path, stopped):
    """As after a cut cable, which test_machines.py cuts."""
    run = tmp_path / "run"
    process, pids = start_and_wait_for_epoch_1(3, "--run-dir", str(run), program=("-c", LITTLE_PATIENCE))
    os.kill(pids[stopped], signal.SIGSTOP)
    moment = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert process.returncode != 0
    assert time.monotonic() - moment > 1
    assert f"minilocal.train: rank {stopped} on " in err
    assert "has not been heard from for" in err
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids.values())
    assert train(2, "--resume", str(run)).returncode == 0
    assert contents(run) == contents(alone)


def start_and_wait_for_epoch_1(ranks, *options, **program):
    """Start a run; return the launcher and the process id of each rank, found as on Linux with MPICH."""
    process = subprocess.Popen(
        command(ranks, *OPTIONS, *options, **program), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    while not process.stdout.readline().startswith("epoch 1/4"):
        pass
    pids, known = {}, [process.pid]
    while known:
        pid = known.pop()
        known += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        for variable in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if variable.startswith(b"PMI_RANK="):
                pids[int(variable.partition(b"=")[2])] = pid
    assert sorted(pids) == [*range(ranks)]
    return process, pids


def test_bad_input_is_one_sentence_and_status_2(tmp_path):
    for options, says in (
        (["--algo", "BP"], "workers can't share BP: each layer waits"),
        (["--algo", "Q"], "algorithm 'Q' is unknown"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["--workers", "2"], "--workers is 2, but with --parallel mpi"),
        (["--run-dir", str(tmp_path), "--dataset", f"npz:{tmp_path}/gone.npz"], "gone.npz"),
    ):
        assert says in complaint(train(2, *options), 2)
        assert list(tmp_path.iterdir()) == []


def test_a_run_that_diverges_is_one_sentence_and_status_1(tmp_path):
    says = complaint(train(3, *OPTIONS, "--lr", "1000", "--run-dir", str(tmp_path / "run")), 1)
    assert re.search(r"in step \d of epoch \d; try a smaller --lr than 1000; the last good checkpoint", says)


def complaint(result, status):
    """Return the only line on stderr, apart from what the launcher says."""
    assert result.returncode == status
    said = [line for line in result.stderr.splitlines() if line.startswith("minilocal.train: ")]
    assert len(said) == 1, result.stderr
    assert "Traceback" not in result.stderr
    return said[0]


@pytest.mark.parametrize("rank", [0, 1])
def test_a_bug_on_one_rank_ends_all_of_them(tmp_path, rank):
    program = ("-c", A_BUG.replace("RANK", str(rank)))
    result = train(3, *OPTIONS, "--run-dir", str(tmp_path / "run"), program=program)
    assert result.returncode == 1
    assert "ZeroDivisionError: a bug" in result.stderr
