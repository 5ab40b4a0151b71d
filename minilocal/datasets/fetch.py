"""Downloading data sets: checked before they are put in place, whole or not at all."""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from minilocal.datasets import load
from minilocal.datasets.archive import extract
from minilocal.datasets.files import digest, is_file, reason
from minilocal.datasets.folders import FOLDERS, cache_dir
from minilocal.datasets.progress import progress
from minilocal.datasets.sources import MEMBERS, SOURCES, Remote
from minilocal.errors import InputError
from minilocal.files import new_directory

MOST = 2**30  # bytes read of a file whose size is not known beforehand
PIECE = 2**16
LONGEST_CAUSE = 200  # characters
SLOWEST = 1000  # bytes per second; a server that only trickles would never end


def fetch(
    name: str,
    data_dir: str | Path | None = None,
    mirror: str | None = None,
    quiet: bool = False,
    timeout: float = 30.0,
) -> Path:
    """Download a data set, a key of `SOURCES`, unless it is there already -> the folder that holds its files.

    That folder is made in `data_dir`, or in the folder for downloads (`folders.cache_dir`). `mirror` is the
    address of a folder with files of the same names. `timeout` is how long, in seconds, the server may keep
    silent or trickle. Raises InputError for an unknown name, and if a file cannot be had, is not the right one or
    cannot be stored.
    """
    if name not in SOURCES:
        raise InputError(f"data set {name!r} cannot be fetched: choose {', '.join(SOURCES)}")
    root = Path(data_dir) if data_dir is not None else cache_dir()
    folder = root / FOLDERS[name]
    try:
        with new_directory(folder):
            for remote in SOURCES[name]:
                if not _is_here(name, remote, folder):
                    url = f"{mirror.rstrip('/')}/{remote.file}" if mirror else remote.url
                    _fetch_file(name, remote, url, folder, quiet, timeout)
    except InputError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise InputError(f"{name} cannot be stored in {str(root)!r}: {reason(error)}") from error
    return folder


def _fetch_file(name: str, remote: Remote, url: str, folder: Path, quiet: bool, timeout: float) -> None:
    """Download one file, unpack it if it is an archive, and put what it holds into `folder`."""
    # On the same file system as `folder`, so that files move into place in one step.
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder.parent) as work:
        path = Path(work) / remote.file
        _download(url, remote, path, quiet, timeout)
        if name in MEMBERS:
            extract(path, MEMBERS[name], Path(work) / "unpacked")
            _move(Path(work) / "unpacked", MEMBERS[name], folder)
        else:
            _move(Path(work), (remote.file,), folder)


def _is_here(name: str, remote: Remote, folder: Path) -> bool:
    """Whether the file, or what comes out of the archive, is in `folder` already and good."""
    if name not in MEMBERS:
        return is_file(folder / remote.file) and digest(folder / remote.file, "md5") == remote.md5
    if not all(is_file(folder / member) for member in MEMBERS[name]):
        return False
    try:
        load(name, folder)
    except InputError:
        return False
    return True


def _download(url: str, remote: Remote, path: Path, quiet: bool, timeout: float) -> None:
    checksum = hashlib.md5(usedforsecurity=False)
    with path.open("wb") as file:
        for piece in _pieces(url, remote, quiet, timeout):
            checksum.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    if checksum.hexdigest() != remote.md5:
        raise InputError(
            f"{url} is not the file it should be (MD5 {checksum.hexdigest()}, not {remote.md5}): "
            "try again or name a --mirror"
        )


def _pieces(url: str, remote: Remote, quiet: bool, timeout: float) -> Iterator[bytes]:
    """Yield what the server sends; raises InputError if that cannot be had or has the wrong length."""
    received = 0
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "minilocal"})
        with urllib.request.urlopen(request, timeout=timeout) as response:
            length = response.headers.get("Content-Length", "")
            announced = int(length) if length.isdecimal() else None
            if remote.size is not None and announced not in (None, remote.size):
                raise InputError(f"{url} has {announced:,} bytes, not {remote.size:,}: name a --mirror")
            expected = remote.size or announced
            most = min(expected or MOST, MOST)
            with progress(remote.file, expected, quiet) as advance:
                mark, when = 0, time.monotonic()
                while piece := response.read1(
                    min(PIECE, most + 1 - received)
                ):  # what is there, without waiting for all
                    received += len(piece)
                    if received > most:
                        raise InputError(f"{url} has more than {most:,} bytes: name a --mirror")
                    advance(len(piece))
                    yield piece
                    if (seconds := time.monotonic() - when) > timeout:
                        if received - mark < SLOWEST * seconds:
                            slow = f"{received - mark:,} bytes in {seconds:.1f} s"
                            raise InputError(f"{url} comes too slowly ({slow}): try again later or name a --mirror")
                        mark, when = received, time.monotonic()
    except InputError:
        raise
    except (OSError, ValueError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise InputError(f"{url} cannot be fetched ({_cause(error)}): try again or name a --mirror") from error
    if expected is not None and received < expected:
        raise InputError(f"{url} broke off after {received:,} of {expected:,} bytes: try again")


def _cause(error: Exception) -> str:
    """Return what went wrong in a line; a server may have put anything into its words, and any amount."""
    text = reason(error)
    if isinstance(error, urllib.error.HTTPError):
        text = f"the server answers {error.code} {error.reason}"
    elif isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        text = reason(error.reason)
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST_CAUSE else f"{line[:LONGEST_CAUSE]} …"


def _move(source: Path, names: tuple[str, ...], folder: Path) -> None:
    for name in names:
        (source / name).replace(folder / name)
