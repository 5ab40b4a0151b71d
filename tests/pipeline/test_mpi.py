"""The training command on ranks that mpiexec starts, on one machine."""

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
    *("--algo", "G3S2", "--shift-every", "4", "--width", "0.0625", "--batch-size", "16", "--epochs", "4"),
    *("--train-size", "128", "--test-size", "40", "--validation", "0.25"),
]
FILES = ("metrics.csv", "gradients.csv", "checkpoint.npz")


def command(ranks, *options):
    return ["mpiexec", "-n", str(ranks), sys.executable, "-m", "minilocal.train", "--parallel", "mpi", *options]


def train(ranks, *options):
    return subprocess.run(command(ranks, *options), capture_output=True, text=True, timeout=120)


def contents(run):
    return [(run / name).read_bytes() for name in FILES]


def segments():
    return {*Path("/dev/shm").glob("mpich_shm_*")}


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
    surplus = "there are no more than 3 blocks at a time, so workers 4 to 5 have nothing to do"
    assert (surplus in result.stdout.splitlines()) == (ranks == 5)
    assert (run / "timeline.png").exists()


@pytest.mark.parametrize("which", [0, 2])
def test_a_rank_that_dies_ends_the_run_and_it_can_go_on(alone, tmp_path, which):
    run, before = tmp_path / "run", segments()
    process = subprocess.Popen(
        command(3, *OPTIONS, "--run-dir", str(run), "--checkpoint-every", "2"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        while not process.stdout.readline().startswith("epoch 1/4"):
            pass
        ranks = ranks_below(process.pid)
        assert sorted(ranks) == [0, 1, 2]
        os.kill(ranks[which], signal.SIGKILL)
        killed = time.monotonic()
        process.stdout.read()
        err = process.stderr.read()
        assert process.wait() != 0
    assert time.monotonic() - killed < 10
    said = [line for line in err.splitlines() if line.startswith("minilocal.train: ")]
    assert len(said) == 1, err
    share = r"\[1-3\]" if which == 0 else r"\[7\]"
    assert re.fullmatch(rf"minilocal.train: rank {which} \({share}\) died; the last good checkpoint is kept", said[0])
    assert "Traceback" not in err
    assert not any(Path(f"/proc/{pid}").exists() for pid in ranks.values())
    assert segments() == before
    assert train(2, "--resume", str(run)).returncode == 0
    assert contents(run) == contents(alone)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_all_ranks_where_the_run_can_go_on(alone, tmp_path, number, status):
    """Launchers send a signal on to all ranks, and clusters to all processes."""
    run = tmp_path / "run"
    process = subprocess.Popen(
        command(3, *OPTIONS, "--run-dir", str(run)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        while not process.stdout.readline().startswith("epoch 1/4"):
            pass
        for pid in ranks_below(process.pid).values():
            os.kill(pid, number)
        process.stdout.read()
        err = process.stderr.read()
    assert process.wait() == status
    assert re.search(r"^minilocal.train: stopped after .*; to go on: python -m minilocal.train --resume", err, re.M)
    assert "died" not in err
    assert train(2, "--resume", str(run)).returncode == 0
    assert contents(run) == contents(alone)


def ranks_below(pid):
    """Return the process of each rank that a launcher has started; as Linux and MPICH tell."""
    found, known = {}, [pid]
    while known:
        pid = known.pop()
        known += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        for variable in variables:
            if variable.startswith(b"PMI_RANK="):
                found.setdefault(int(variable.partition(b"=")[2]), pid)  # the witness, below rank 0, has it too
    return found


def test_what_is_wrong_is_said_once(tmp_path):
    for options, says in (
        (["--algo", "BP"], "BP can't be shared out among workers: each layer waits"),
        (["--workers", "2"], "--workers is 2, but with --parallel mpi mpiexec says how many; leave it out"),
        (["--run-dir", str(tmp_path), "--dataset", f"npz:{tmp_path}/gone.npz"], "gone.npz"),
    ):
        result = train(2, *options)
        said = [line for line in result.stderr.splitlines() if line.startswith("minilocal.train: ")]
        assert len(said) == 1, result.stderr
        assert says in said[0]
        assert "Traceback" not in result.stderr
        assert result.returncode == 2
        assert list(tmp_path.iterdir()) == []
