import gzip
import io
import tarfile
import zipfile

import pytest

from minilocal.datasets.archive import extract
from minilocal.errors import InputError

GOOD = {"set/a.bin": b"aaa", "set/b.bin": b"bb", "set/readme.html": b"hello"}


def member(name, content=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, io.BytesIO(content)


def pack(path, *extra, files=GOOD):
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(member("set", type=tarfile.DIRTYPE)[0])
        for name, content in files.items():
            tar.addfile(*member(name, content))
        for info, content in extra:
            tar.addfile(info, content)
    return path


def refused(path, message, *files):
    """The archive is refused, and nothing is written."""
    with pytest.raises(InputError, match=message):
        extract(path, files, path.parent / "out")
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_only_the_known_files_come_out(tmp_path):
    """Whatever else is in the archive, even under names that would be dangerous."""
    extra = [
        member("/etc/evil", b"x"),
        member("set/odd.bin", type=tarfile.SYMTYPE, linkname="a.bin"),
        member("set/hard", type=tarfile.LNKTYPE, linkname="set/a.bin"),
    ]
    extract(pack(tmp_path / "x.tar.gz", *extra), ("b.bin", "a.bin"), tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {"a.bin": b"aaa", "b.bin": b"bb"}


def test_known_files_of_a_zip(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**GOOD, "../../evil": b"x", "/etc/evil": b"x"}.items():
            archive.writestr(name, content)
    refused(path, r"must contain each of a\.bin, c\.bin once; it contains a\.bin", "a.bin", "c.bin")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"aaa", b"aab"))
    with pytest.raises(InputError, match="can't be unpacked: Bad CRC"):
        extract(path, ("a.bin", "b.bin"), tmp_path / "damaged")
    path.write_bytes(whole[:-30])
    before = {entry.name for entry in tmp_path.iterdir()}
    with pytest.raises(InputError, match="can't be unpacked"):
        extract(path, ("a.bin",), tmp_path / "cut")
    assert {entry.name for entry in tmp_path.iterdir()} == before
    path.write_bytes(whole)
    extract(path, ("b.bin", "a.bin"), tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {"a.bin": b"aaa", "b.bin": b"bb"}


def test_modes_and_times_are_those_of_new_files(tmp_path):
    """A teacher unpacks into a shared folder: modes from the archive must not matter."""
    (tmp_path / "usual").touch()
    files = {"set/b.bin": b"bb"}
    path = pack(tmp_path / "x.tar.gz", member("set/a.bin", b"aaa", mode=0o4700, mtime=1), files=files)
    extract(path, ("a.bin", "b.bin"), tmp_path / "out")
    new, usual = (tmp_path / "out" / "a.bin").stat(), (tmp_path / "usual").stat()
    assert (new.st_mode, new.st_uid) == (usual.st_mode, usual.st_uid)
    assert new.st_mtime > 1


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (member("../evil", b"x"), "outside the destination"),
        (member("set/../../evil", b"x"), "outside the destination"),
        (member("..", type=tarfile.DIRTYPE), "outside the destination"),
        (member("set/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "absolute path"),
        (member("set/link", type=tarfile.SYMTYPE, linkname="../../evil"), "outside the destination"),
        (member("set/hard", type=tarfile.LNKTYPE, linkname="../evil"), "outside the destination"),
        (member("set/null", type=tarfile.CHRTYPE), "special file"),
        (member("set/disk", type=tarfile.BLKTYPE), "special file"),
        (member("set/pipe", type=tarfile.FIFOTYPE), "special file"),
        (member("set/nul", b"x", pax_headers={"path": "nul\0byte"}), "can't be unpacked"),
        (member("other/a.bin", b"x"), "each of a.bin, b.bin once; it contains a.bin, a.bin, b.bin"),
    ],
)
def test_evil_members_are_refused_and_nothing_is_written(tmp_path, extra, message):
    refused(pack(tmp_path / "x.tar.gz", extra), message, "a.bin", "b.bin")


def test_too_long_and_missing_members(tmp_path):
    path = tmp_path / "x.tar.gz"
    with gzip.open(path, "wb") as stream:  # a header alone: it promises far more than follows
        stream.write(member("set/a.bin", size=2**40)[0].tobuf() + bytes(1024))
    refused(path, "1,099,511,627,776 bytes long", "a.bin")
    pack(path, member("set/c.bin", type=tarfile.SYMTYPE, linkname="a.bin"))
    refused(path, r"must contain each of a\.bin, c\.bin once; it contains a\.bin", "a.bin", "c.bin")


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08"])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "x.tar.gz"
    path.write_bytes(content)
    refused(path, "can't be unpacked", "a.bin")


def test_truncated_archives_are_refused(tmp_path):
    path = pack(tmp_path / "x.tar.gz", files={**GOOD, "set/big": bytes(range(256)) * 100})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(path, "can't be unpacked|must contain", "a.bin", "b.bin")


def test_pythons_without_the_data_filter_are_refused(tmp_path, monkeypatch):
    monkeypatch.delattr(tarfile, "data_filter")
    refused(pack(tmp_path / "x.tar.gz"), r"can't unpack archives safely; update it to 3\.10\.12", "a.bin")
