"""Taking known files out of an archive that somebody else made."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from minilocal.datasets.reading import LIMIT, reason
from minilocal.errors import InputError


def extract(archive: Path, names: Sequence[str], folder: Path) -> None:
    """Write the files with these base names from a .tar.gz or .zip into the new folder `folder`, and nothing else.

    All members are checked before anything is written. Raises `InputError` if Python's data filter refuses one of a
    .tar.gz (a device, or a path or link that leads out of the archive), if one is too long, or if one of `names` is
    missing or there twice. Modes and times in the archive don't matter.
    """
    try:
        (_unzip if archive.suffix == ".zip" else _untar)(archive, names, folder)
        for name in names:
            with (folder / name).open("rb+") as file:
                os.fsync(file.fileno())
    except InputError:
        raise
    except Exception as error:  # damaged archives make tarfile and zipfile fail in many ways
        raise InputError(f"{archive.name} can't be unpacked: {reason(error)}") from error


def _untar(archive: Path, names: Sequence[str], folder: Path) -> None:
    if not hasattr(tarfile, "data_filter"):
        raise InputError("this Python can't unpack archives safely; update it to 3.10.12, 3.11.4, 3.12 or later")
    with tarfile.open(archive, "r:gz") as tar:
        chosen = []
        for member in tar:
            tarfile.data_filter(member, str(folder))
            _check_length(archive, member.name, member.size)
            name = member.name.rpartition("/")[-1]
            if member.isreg() and name in names:
                chosen.append(member.replace(name=name, mode=None, mtime=None))  # type: ignore[arg-type]
        _check_found(archive, names, [member.name for member in chosen])
        folder.mkdir()
        tar.extractall(folder, chosen, filter="data")


def _unzip(archive: Path, names: Sequence[str], folder: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        chosen = [(member, member.filename.rpartition("/")[-1]) for member in content.infolist()]
        chosen = [(member, name) for member, name in chosen if name in names]
        for member, name in chosen:
            _check_length(archive, name, member.file_size)
        _check_found(archive, names, [name for _, name in chosen])
        folder.mkdir()
        for member, name in chosen:
            with content.open(member) as source, (folder / name).open("wb") as target:
                shutil.copyfileobj(source, target)


def _check_length(archive: Path, name: str, size: int) -> None:
    if size > LIMIT:
        raise InputError(f"{archive.name}: {name!r} is {size:,} bytes long; at most {LIMIT:,} are taken")


def _check_found(archive: Path, names: Sequence[str], found: list[str]) -> None:
    if sorted(found) != sorted(names):
        needed = f"each of {', '.join(names)} once"
        raise InputError(f"{archive.name} must contain {needed}; it contains {', '.join(sorted(found)) or 'none'}")
