"""Taking known files out of a .tar.gz that somebody else made."""

from __future__ import annotations

import os
import shutil
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from minilocal.datasets.files import LIMIT, reason
from minilocal.errors import InputError


def extract(archive: Path, names: Sequence[str], folder: Path) -> None:
    """Write the files with these base names from `archive` to the new folder `folder`, and nothing else.

    All members are looked at first. Raises InputError, before anything is written, if one is a link or a
    device, has a path that leaves the archive, or is too long, and if one of `names` lacks or is there
    twice.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            chosen: dict[str, tarfile.TarInfo] = {}
            for member in tar:
                name = _safe_name(member, archive)
                if name not in names or not member.isreg():
                    continue
                if name in chosen:
                    raise InputError(f"{archive.name} holds {name} twice: it is not the official archive")
                chosen[name] = member
            if lacking := [name for name in names if name not in chosen]:
                raise InputError(f"{archive.name} holds no {lacking[0]}: it is not the official archive")
            folder.mkdir()
            for name, member in chosen.items():
                source = tar.extractfile(member)
                assert source is not None  # it is a regular file
                with source, (folder / name).open("xb") as target:
                    shutil.copyfileobj(source, target)
                    target.flush()
                    os.fsync(target.fileno())
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise InputError(f"{archive.name} cannot be unpacked: {reason(error)}") from error


def _safe_name(member: tarfile.TarInfo, archive: Path) -> str:
    """Return a member's base name; raises InputError for what has no place in a data set's archive."""
    path = PurePosixPath(member.name.replace("\\", "/"))
    problem = None
    if path.is_absolute() or PureWindowsPath(path).drive or ".." in path.parts:
        problem = "points outside the archive"
    elif not (member.isreg() or member.isdir()):
        problem = "is not a plain file"
    elif member.size > LIMIT:
        problem = f"is {member.size:,} bytes long"
    if problem:
        raise InputError(f"{archive.name} is not unpacked: its member {member.name!r} {problem}")
    return path.name
