import errno
import os
import signal
import subprocess
import sys
import threading

import pytest

from minilocal.errors import InputError
from minilocal.runs import lock
from minilocal.runs.config import Config
from minilocal.runs.directory import RunDirectory
from minilocal.runs.lock import Lock


def test_only_one_process_at_a_time(tmp_path):
    with Lock(tmp_path) as mine:
        mine.acquire()  # no effect
        with pytest.raises(InputError, match=f"another process trains in {tmp_path}; wait until it ends"):
            Lock(tmp_path).acquire()
    with Lock(tmp_path):
        pass


def test_a_lock_that_nobody_holds_any_more_is_free(tmp_path):
    Lock(tmp_path).acquire()  # and the object is gone
    with Lock(tmp_path):
        pass


def test_a_process_that_is_killed_leaves_no_lock(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from minilocal.runs.lock import Lock\n"
        f"held = Lock(Path({str(tmp_path)!r})); held.acquire(); print('locked', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(InputError, match="another process trains"):
            Lock(tmp_path).acquire()
        process.kill()
        process.wait()
    assert (tmp_path / ".lock").exists()
    with Lock(tmp_path):
        pass


def test_a_directory_that_cannot_be_written_to_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"absent can't be written to \(No such file or directory\)"):
        Lock(tmp_path / "absent").acquire()


def test_if_the_file_system_has_no_locks_a_sentence_says_so(tmp_path, monkeypatch, capsys):
    def refuse(file):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(lock, "_take", refuse)
    with Lock(tmp_path):
        assert "has no locks (No locks available); make sure that no other process trains" in capsys.readouterr().err


def create_eight_at_once(*arguments):
    """Return the directories that were made, and the messages of the refusals."""
    taken, refused, start = [], [], threading.Barrier(8)

    def create():
        start.wait()
        try:
            taken.append(RunDirectory.create(Config(), *arguments))
        except InputError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken, refused


def test_directories_made_at_the_same_moment_are_different_ones(tmp_path):
    taken, refused = create_eight_at_once(None, str(tmp_path))
    assert (len({run.path for run in taken}), refused) == (8, [])


def test_if_two_take_the_same_empty_directory_one_is_refused(tmp_path):
    taken, refused = create_eight_at_once(str(tmp_path / "run"))
    assert (len(taken), len(refused)) == (1, 7)
    assert all("another process trains" in message for message in refused)


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_a_command_that_is_refused_by_the_lock_exits_2(tmp_path, quick):
    """While one process trains, `--resume` in another is refused, and the first ends well."""
    command = [sys.executable, "-m", "minilocal.train"]
    first = subprocess.Popen(
        [*command, *quick, "--epochs", "400", "--run-dir", "run"], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert "images to train on" in first.stdout.readline()
    second = subprocess.run([*command, "--resume", "run"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr.startswith("minilocal.train: another process trains in run; ")
    first.send_signal(signal.SIGTERM)
    first.communicate()
    assert first.returncode == 143
