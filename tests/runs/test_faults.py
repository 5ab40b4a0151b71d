"""Disks that fill up, directories that vanish or become read-only: one sentence, and no checkpoint is lost."""

import errno
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from minilocal import evaluate, train
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
    status, err = command("--run-dir", str(disk / "run"))
    assert (status, err.count("\n")) == (0, 1)
    assert re.match("not drawn: .*curves.png can't be written \\(No space left on device\\)", err)
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


@posix
@pytest.mark.parametrize("kind", ["endless", "pipe", "link to nowhere"])
@pytest.mark.parametrize("name", ["checkpoint.npz", "config.json", "timing.csv"])
def test_files_that_are_not_files_are_not_read(command, tmp_path, whole, kind, name):
    """The older checkpoint takes a bad one's place; times, which no checkpoint has, are lost."""
    run = shutil.copytree(whole, tmp_path / "run")
    (run / name).unlink()
    if kind == "pipe":
        os.mkfifo(run / name)
    else:
        (run / name).symlink_to("/dev/zero" if kind == "endless" else "/nowhere")
    status, err = command("--resume", str(run))
    why = "No such file or directory" if kind == "link to nowhere" else "it is not a regular file"
    if name == "checkpoint.npz":
        assert err == f"{run}/checkpoint.npz can't be read ({why}); checkpoint-epoch1.npz is used instead\n"
    elif name == "config.json":
        check_refused((status, err), 2, "config.json does not exist" if kind == "link to nowhere" else why)
        return
    assert status == 0
    for same in SAME:
        assert (run / same).read_bytes() == (whole / same).read_bytes(), same
    assert not any(path.is_symlink() for path in run.iterdir())


@posix
def test_links_in_a_run_directory_are_not_followed_when_writing(command, tmp_path, whole):
    run, victim = shutil.copytree(whole, tmp_path / "run"), tmp_path / "victim"
    victim.write_text("precious")
    for name in ("checkpoint.npz", "metrics.csv", "timing.csv", "curves.png", "confusion_matrix.png"):
        (run / f".{name}.tmp").symlink_to(victim)
    (run / "curves.png").unlink()
    (run / "curves.png").symlink_to(victim)
    assert command("--resume", str(run), "--epochs", "2") == (0, "")
    assert evaluate.main([str(run)]) == 0
    assert victim.read_text() == "precious"
    assert not (run / "curves.png").is_symlink()
    (run / ".lock").unlink()
    (run / ".lock").symlink_to(tmp_path / "new")
    check_refused(command("--resume", str(run)), 2, ".lock is a symbolic link; remove it")
    assert not (tmp_path / "new").exists()


@posix
def test_a_run_directory_that_is_a_link_to_nowhere(command, tmp_path):
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "runs").symlink_to("nowhere")
    for name, argv in {"link": ["--run-dir", "link"], "runs": []}.items():
        check_refused(command(*argv), 2, f"({name} is a link to nowhere, which does not exist)")


def test_tables_that_cannot_be_replaced_do_not_stop_a_run(command, tmp_path, monkeypatch, capsys, whole):
    """As on Windows, while a spreadsheet shows them. The result is that of the run, not that of the old tables."""
    replace, shown = Path.replace, []

    def refuse(source, target):
        if target.suffix == ".csv" and target.exists():
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr("minilocal.files.PATIENCE", 0)
    monkeypatch.setattr(Progress, "say", lambda self, text: shown.append(text))
    status, err = command("--run-dir", "run")
    assert (status, err.count("\n")) == (0, 6)
    assert err.count("metrics.csv can't be written (Permission denied); what was there before is kept; the next") == 2
    assert len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) == 1
    assert (tmp_path / "run" / "curves.png").read_bytes() == (whole / "curves.png").read_bytes()
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    check_it_resumes(command, tmp_path / "run", whole)


def test_a_home_folder_is_meant_by_a_tilde(command, tmp_path, monkeypatch):
    """A shell leaves the one in `--run-dir=~/run` as it is."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME" if os.name == "posix" else "USERPROFILE", str(home))
    x, y = np.random.default_rng(0).integers(0, 255, (80, 16, 16, 1)).astype(np.uint8), np.arange(80) % 4
    np.savez(home / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    own = ["--dataset", "npz:~/own.npz", "--train-size", "80", "--test-size", "80"]
    assert command(*own, "--epochs", "1", "--lr-epochs", "2", "--run-dir=~/run") == (0, "")
    assert evaluate.main(["~/run"]) == 0
    assert command("--resume=~/run", *own, "--epochs", "2", "--lr-epochs", "2", "--data-dir=~") == (0, "")
    assert evaluate.main(["~/run", "--data-dir=~"]) == 0
    assert (home / "run" / "confusion_matrix.png").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"home"}
    check_refused(command("--run-dir=~nobody-here/x"), 2, "the home folder in '~nobody-here/x' is unknown")
