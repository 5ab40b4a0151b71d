"""Taking known files out of a .tar.gz that somebody else made."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Sequence
from pathlib import Path

from minilocal.datasets.reading import LIMIT, reason
from minilocal.errors import InputError


def extract(archive: Path, names: Sequence[str], folder: Path) -> None:
    """Write the files with these base names from `archive` into the new folder `folder`, and nothing else.

    All members are checked before anything is written. Raises `InputError` if Python's data filter refuses one (a
    device, or a path or link that leads out of the archive), if one is too long, or if one of `names` is missing or
    there twice. Modes and times in the archive don't matter.
    """
    if not hasattr(tarfile, "data_filter"):
        raise InputError("this Python can't unpack archives safely; update it to 3.10.12, 3.11.4, 3.12 or later")
    try:
        with tarfile.open(archive, "r:gz") as tar:
            chosen = []
            for member in tar:
                tarfile.data_filter(member, str(folder))
                if member.size > LIMIT:
                    length = f"{member.name!r} is {member.size:,} bytes long"
                    raise InputError(f"{archive.name}: {length}; at most {LIMIT:,} are taken")
                name = member.name.rpartition("/")[-1]
                if member.isreg() and name in names:
                    chosen.append(member.replace(name=name, mode=None, mtime=None))  # type: ignore[arg-type]
            if (found := sorted(member.name for member in chosen)) != sorted(names):
                needed = f"each of {', '.join(names)} once"
                raise InputError(f"{archive.name} must contain {needed}; it contains {', '.join(found) or 'none'}")
            folder.mkdir()
            tar.extractall(folder, chosen, filter="data")
        for name in names:
            with (folder / name).open("rb+") as file:
                os.fsync(file.fileno())
    except InputError:
        raise
    except Exception as error:  # damaged archives make tarfile fail in many ways
        raise InputError(f"{archive.name} can't be unpacked: {reason(error)}") from error
