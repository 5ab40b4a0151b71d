import errno
import os
import stat
import time
from pathlib import Path

import pytest

from minilocal import files
from minilocal.errors import InputError, TrainingError
from minilocal.files import (
    InUseError,
    check_writable,
    expanded,
    flush_directory,
    new_directory,
    open_regular,
    replacing,
)


def refuse(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    return path


def everything_in(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_new_file_replaces_the_old(path, tmp_path):
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert everything_in(tmp_path) == {"file": b"new"}


def test_the_old_file_moves_aside(path, tmp_path):
    with replacing(path, tmp_path / "aside") as file:
        file.write(b"new")
    assert everything_in(tmp_path) == {"file": b"new", "aside": b"old"}


@pytest.mark.parametrize(("owner", "name"), [(Path, "open"), (os, "fsync"), (Path, "replace")])
def test_if_the_system_refuses_the_old_file_stays(path, tmp_path, monkeypatch, owner, name):
    monkeypatch.setattr(owner, name, refuse)
    says = r"file can't be written \(No space left on device\); what was there before is"
    with pytest.raises(TrainingError, match=says), replacing(path, tmp_path / "aside") as file:
        file.write(b"new")
    monkeypatch.undo()
    assert everything_in(tmp_path) == {"file": b"old"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, ValueError])
def test_whatever_stops_the_writing_the_old_file_stays(path, tmp_path, error):
    def write():
        with replacing(path) as file:
            file.write(b"new")
            raise error

    with pytest.raises(error):
        write()
    assert everything_in(tmp_path) == {"file": b"old"}


def test_everything_is_flushed_before_it_is_renamed(path, monkeypatch):
    order, fsync, replace = [], os.fsync, Path.replace

    def note_fsync(file):
        order.append("flush of a directory" if os.path.isdir(f"/proc/self/fd/{file}") else "flush")  # noqa: PTH112
        fsync(file)

    def note_replace(source, target):
        order.append("rename")
        return replace(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_replace)
    with replacing(path) as file:
        file.write(b"new")
    assert [step.split()[0] for step in order] == ["flush", "rename", "flush"]


def test_a_directory_that_cannot_be_flushed_is_not_an_error(tmp_path):
    flush_directory(tmp_path)
    flush_directory(tmp_path / "absent")


def test_checking_a_place_changes_nothing_there(path, tmp_path):
    check_writable(path, "--plot")
    check_writable(tmp_path / "new", "--plot")
    assert everything_in(tmp_path) == {"file": b"old"}


@pytest.mark.parametrize("name", ["/", "", "missing/new", "file/new", "n" * 300, "nul\0"])
def test_places_that_cannot_be_written_are_refused(path, tmp_path, name):
    with pytest.raises(InputError, match=r"--plot: '.*' can't be written \(.*\); name another file"):
        check_writable(tmp_path / name, "--plot")
    assert everything_in(tmp_path) == {"file": b"old"}


def test_if_the_new_file_cannot_take_its_place_the_old_one_returns(tmp_path, monkeypatch):
    path, aside, replace = tmp_path / "newest", tmp_path / "older", Path.replace
    path.write_text("old")

    def refuse(source, target):
        if source.name.endswith(".tmp"):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(files, "PATIENCE", 0.2)
    with pytest.raises(InUseError, match="what was there before is kept"), replacing(path, aside) as file:
        file.write(b"new")
    assert path.read_text() == "old"
    assert {place.name for place in tmp_path.iterdir()} == {"newest"}


def test_a_regular_file_is_read_also_through_a_link(path, tmp_path):
    (tmp_path / "link").symlink_to(path)
    for name in (path, str(path), tmp_path / "link"):
        with open_regular(name) as file:
            assert file.read() == b"old"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
@pytest.mark.parametrize("kind", ["pipe", "zero", "folder"])
def test_what_is_not_a_regular_file_is_refused_without_waiting(tmp_path, kind):
    path = tmp_path / "special"
    {"pipe": os.mkfifo, "zero": lambda p: p.symlink_to("/dev/zero"), "folder": Path.mkdir}[kind](path)
    with pytest.raises(OSError, match="it is not a regular file"):
        open_regular(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can make a device")
def test_a_device_is_never_replaced(tmp_path):
    """Root may rename a file over a device, and the whole machine would be without it."""
    path = tmp_path / "zero"
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    with pytest.raises(InputError, match=r"--out: .*zero' can't be written \(zero is a device\); name another file"):
        check_writable(path, "--out")
    with pytest.raises(TrainingError, match="zero is a device"), replacing(path):
        pass
    assert path.is_char_device()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_link_to_nothing_does_not_exist(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "link")


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert expanded("~/x") == tmp_path / "x"
    assert expanded("a/~/x") == Path("a/~/x")
    with pytest.raises(InputError, match="the home folder in '~nobody-of-that-name/x' is unknown"):
        expanded("~nobody-of-that-name/x")


def test_a_rename_that_is_refused_for_a_moment_is_tried_again(path, tmp_path, monkeypatch):
    """As on Windows, while a virus scanner or a spreadsheet has the file open."""
    replace, start = Path.replace, time.monotonic()

    def refuse(source, target):
        if time.monotonic() < start + 0.2:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with replacing(path, tmp_path / "aside") as file:
        file.write(b"new")
    assert everything_in(tmp_path) == {"file": b"new", "aside": b"old"}


def test_links_are_never_followed_when_writing(path, tmp_path, monkeypatch):
    """Not even if someone guessed the name of the temporary file; a link at the file's own place is replaced."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    for link in (".file.tmp", ".file.guess.tmp"):
        (tmp_path / link).symlink_to(victim)
    with replacing(path) as file:
        file.write(b"new")
    monkeypatch.setattr("secrets.token_hex", lambda count: "guess")
    with pytest.raises(TrainingError, match="File exists"), replacing(path) as file:
        file.write(b"newer")
    (tmp_path / "link").symlink_to(victim)
    with replacing(tmp_path / "link") as file:
        file.write(b"new")
    assert victim.read_bytes() == b"precious"
    assert (path.read_bytes(), (tmp_path / "link").is_symlink()) == (b"new", False)


def test_a_link_to_nowhere_is_named(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    says = r"link is a link to .*nowhere, which does not exist"
    with pytest.raises(OSError, match=says), new_directory(tmp_path / "link" / "run"):
        pass
