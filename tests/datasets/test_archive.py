import gzip
import io
import tarfile

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


def test_only_the_known_files_come_out(tmp_path):
    extract(pack(tmp_path / "x.tar.gz"), ("b.bin", "a.bin"), tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {
        "a.bin": b"aaa",
        "b.bin": b"bb",
    }


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (member("/etc/evil", b"x"), "points outside"),
        (member("../evil", b"x"), "points outside"),
        (member("set/../../evil", b"x"), "points outside"),
        (member("set\\..\\..\\evil", b"x"), "points outside"),
        (member("C:\\evil", b"x"), "points outside"),
        (member("..", type=tarfile.DIRTYPE), "points outside"),
        (member("set/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "is not a plain file"),
        (member("set/hard", type=tarfile.LNKTYPE, linkname="set/a.bin"), "is not a plain file"),
        (member("set/null", type=tarfile.CHRTYPE), "is not a plain file"),
        (member("set/disk", type=tarfile.BLKTYPE), "is not a plain file"),
        (member("set/pipe", type=tarfile.FIFOTYPE), "is not a plain file"),
        (member("other/a.bin", b"x"), "holds a.bin twice"),
    ],
)
def test_evil_members_are_refused_and_nothing_is_written(tmp_path, extra, message):
    path = pack(tmp_path / "x.tar.gz", extra)
    with pytest.raises(InputError, match=message):
        extract(path, ("a.bin", "b.bin"), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["x.tar.gz"]


def test_too_long_and_missing_members(tmp_path):
    path = tmp_path / "x.tar.gz"
    with gzip.open(path, "wb") as stream:  # a header alone: it promises far more than follows
        stream.write(member("set/a.bin", size=2**40)[0].tobuf() + bytes(1024))
    with pytest.raises(InputError, match="1,099,511,627,776 bytes long"):
        extract(path, ("a.bin",), tmp_path / "out")
    pack(path)
    with pytest.raises(InputError, match=r"holds no c\.bin"):
        extract(path, ("a.bin", "c.bin"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08"])
def test_what_is_no_archive(tmp_path, content):
    path = tmp_path / "x.tar.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be unpacked"):
        extract(path, ("a.bin",), tmp_path / "out")


def test_truncated_archive(tmp_path):
    path = pack(tmp_path / "x.tar.gz", files={**GOOD, "set/big": bytes(range(256)) * 100})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cannot be unpacked|holds no"):
        extract(path, ("a.bin", "b.bin"), tmp_path / "out")
