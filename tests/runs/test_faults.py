"""Disks that fill up, directories that vanish or become read-only: one sentence, and no checkpoint is lost."""

import os
import shutil
import subprocess

import pytest

from minilocal import train
from minilocal.runs import sealed
from minilocal.runs.progress import Progress

SAME = ("metrics.csv", "gradients.csv", "checkpoint.npz", "config.json")
posix = pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")


@pytest.fixture
def command(quick, capsys, tmp_path, monkeypatch):
    """Run the training command; return (status, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*argv):
        status = train.main([*quick, "--algo", "G3S2", "--quiet", *argv])
        return status, capsys.readouterr().err

    return run


@pytest.fixture
def tmpfs(tmp_path):
    """Mount a small file system in memory, or as options say; return its directory."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(*options):
        options = options or ("-t", "tmpfs", "-o", "size=10m", "tmpfs")
        done = subprocess.run(["mount", *options, folder], capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr.decode().strip()}")
        return folder

    if shutil.which("mount") is None:
        pytest.skip("there is no mount here")
    yield mount
    while subprocess.run(["umount", "-l", folder], capture_output=True, check=False).returncode == 0:
        pass


def when_an_epoch_ends(monkeypatch, number, action):
    """Do something after an epoch, once everything is saved."""

    def on_epoch(self, report):
        if report.epoch == number:
            action()

    monkeypatch.setattr(Progress, "on_epoch", on_epoch)


def fill(folder):
    with (folder / "filler").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(2**12)):
                pass
        except OSError:
            pass


def check_refused(result, status, says):
    """The command ended with this status and one sentence."""
    assert result[0] == status
    assert result[1].startswith("minilocal.train: ")
    assert result[1].count("\n") == 1
    assert says in result[1]


@pytest.fixture(scope="module")
def whole(quick, tmp_path_factory):
    """An undisturbed run."""
    path = tmp_path_factory.mktemp("whole") / "run"
    assert train.main([*quick, "--algo", "G3S2", "--quiet", "--run-dir", str(path)]) == 0
    return path


def check_it_resumes(command, run, whole):
    for path in run.glob("checkpoint*.npz"):
        sealed.read(path)
    assert not list(run.glob(".*.tmp"))
    assert command("--resume", str(run)) == (0, "")
    for name in SAME:
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_disk_that_fills_up(command, tmpfs, monkeypatch, whole):
    disk = tmpfs()
    when_an_epoch_ends(monkeypatch, 1, lambda: fill(disk))
    says = "can't be written (No space left on device); what was there before is kept"
    check_refused(command("--run-dir", str(disk / "run")), 1, says)
    check_refused(command("--resume", str(disk / "run")), 2, "No space left on device")  # it still is
    (disk / "filler").unlink()
    check_it_resumes(command, disk / "run", whole)


@pytest.mark.parametrize("size", ["0k", "8k", "64k", "300k"])
def test_a_disk_that_is_too_small_from_the_beginning(command, tmpfs, size):
    inodes = 2 if size == "0k" else 20
    disk = tmpfs("-t", "tmpfs", "-o", f"size={size},nr_inodes={inodes}", "tmpfs")
    check_refused(command("--run-dir", str(disk / "run")), 2, "No space left on device")


def test_a_disk_without_room_for_figures(command, tmpfs, monkeypatch, whole):
    disk = tmpfs()
    when_an_epoch_ends(monkeypatch, 2, lambda: fill(disk))
    check_refused(command("--run-dir", str(disk / "run")), 1, "curves.png can't be written (No space left on device)")
    (disk / "filler").unlink()
    check_it_resumes(command, disk / "run", whole)
    assert (disk / "run" / "gradient_map.png").exists()


def test_a_disk_that_turns_read_only(command, tmpfs, monkeypatch, whole):
    disk = tmpfs()

    def close():
        tmpfs("--bind", str(disk))
        tmpfs("-o", "remount,bind,ro")

    when_an_epoch_ends(monkeypatch, 1, close)
    check_refused(command("--run-dir", str(disk / "run")), 1, "can't be written (Read-only file system)")
    for argv in (["--resume", str(disk / "run")], ["--run-dir", str(disk / "new")]):
        check_refused(command(*argv), 2, "Read-only file system")
    subprocess.run(["umount", disk], check=True)
    check_it_resumes(command, disk / "run", whole)


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_directory_that_vanishes(command, tmp_path, monkeypatch, epoch, whole):
    when_an_epoch_ends(monkeypatch, epoch, lambda: (tmp_path / "run").rename(tmp_path / "moved"))
    says = "No such file or directory" if epoch == 1 else "metrics.csv does not exist"
    check_refused(command("--run-dir", "run"), 1, says)
    assert not (tmp_path / "run").exists()
    check_it_resumes(command, tmp_path / "moved", whole)


@posix
def test_a_directory_that_becomes_read_only(command, tmp_path, monkeypatch, whole):
    import matplotlib.figure  # noqa: F401 - here, because another user may not see our packages

    run = tmp_path / "run"

    def close():
        (run / ".lock").chmod(0o444)
        run.chmod(0o555)
        if os.geteuid() == 0:  # root can write anywhere
            os.seteuid(65534)

    when_an_epoch_ends(monkeypatch, 1, close)
    euid = os.geteuid()
    try:
        for parent in (tmp_path, *tmp_path.parents[:2]):
            parent.chmod(0o755)
        check_refused(command("--run-dir", "run"), 1, "can't be written (Permission denied)")
        check_refused(command("--resume", "run"), 2, "Permission denied")
    finally:
        os.seteuid(euid)
        run.chmod(0o755)
    (run / ".lock").chmod(0o644)
    check_it_resumes(command, run, whole)
