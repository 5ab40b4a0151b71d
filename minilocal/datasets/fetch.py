"""Downloading data sets: files are checked before they are put in place, whole or not at all."""

from __future__ import annotations

import http.client
import os
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from minilocal.datasets.archive import extract
from minilocal.datasets.catalogue import CATALOGUE, Download, Entry
from minilocal.datasets.folders import cache_dir
from minilocal.datasets.loading import load
from minilocal.datasets.reading import CHUNK, digest, is_file, reason
from minilocal.errors import InputError
from minilocal.files import expanded, new_directory

FETCHABLE = tuple(name for name, entry in CATALOGUE.items() if entry.downloads)
MOST = 2**30  # bytes read of a file whose size is not known beforehand
LONGEST_CAUSE = 200  # characters
SLOWEST = 1000  # bytes per second; a server that only trickles would never finish


def fetch(
    name: str, data_dir: str | Path | None = None, mirror: str | None = None, quiet: bool = False, timeout: float = 30
) -> Path:
    """Download a data set, one of `FETCHABLE`, unless it is already there -> the folder with its files.

    That folder is made in `data_dir`, or in the folder for downloads (`folders.cache_dir`). `mirror` is the address of
    a folder that has files of the same names. `timeout` is how long, in seconds, the server may be silent or trickle.
    Raises `InputError` for an unknown name, and if a file can't be downloaded, is not the right one or can't be stored.
    """
    if name not in FETCHABLE:
        raise InputError(f"data set {name!r} can't be downloaded; choose {', '.join(FETCHABLE)}")
    entry = CATALOGUE[name]
    root = expanded(data_dir) if data_dir is not None else cache_dir()
    folder = root / entry.folder
    try:
        with new_directory(folder):
            for download in entry.downloads:
                if not _is_here(entry, download, folder):
                    url = f"{mirror.rstrip('/')}/{download.file}" if mirror else download.url
                    _fetch_file(entry, download, url, folder, quiet, timeout)
    except InputError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise InputError(f"{name} can't be stored in {str(root)!r}: {reason(error)}") from error
    return folder


def _is_here(entry: Entry, download: Download, folder: Path) -> bool:
    """Whether the file, or what comes out of the archive, is already in `folder` and good."""
    if not entry.members:
        return is_file(folder / download.file) and digest(folder / download.file, "md5") == download.md5
    try:
        return all(is_file(folder / member) for member in entry.members) and bool(load(entry.name, folder))
    except InputError:
        return False


def _fetch_file(entry: Entry, download: Download, url: str, folder: Path, quiet: bool, timeout: float) -> None:
    """Download one file, unpack it if it is an archive, and put the result into `folder`."""
    # On the same file system as `folder`, so that files move into place in one step.
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder.parent) as work:
        source = Path(work)
        path = source / download.file
        with path.open("wb") as file:
            file.writelines(_receive(url, download, quiet, timeout))
            file.flush()
            os.fsync(file.fileno())
        if (md5 := digest(path, "md5")) != download.md5:
            raise InputError(f"{url} has the MD5 {md5}, not {download.md5}; try again or name a --mirror")
        if entry.members:
            source /= "unpacked"
            extract(path, entry.members, source)
        for name in entry.members or (download.file,):
            (source / name).replace(folder / name)


def _receive(url: str, download: Download, quiet: bool, timeout: float) -> Iterator[bytes]:
    """Yield what the server sends; raises `InputError` if that fails, is too slow or has the wrong length."""
    received = 0
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "minilocal"})
        with urllib.request.urlopen(request, timeout=timeout) as response:
            length = response.headers.get("Content-Length", "")
            announced = int(length) if length.isdecimal() else None
            if download.size is not None and announced not in (None, download.size):
                raise InputError(f"{url} has {announced:,} bytes, not {download.size:,}; name a --mirror")
            expected = download.size or announced
            most = min(expected or MOST, MOST)
            with progress(download.file, expected, quiet) as advance:
                before, since = 0, time.monotonic()
                # read1 returns what has come, without waiting for the rest of a chunk
                while chunk := response.read1(min(CHUNK, most + 1 - received)):
                    received += len(chunk)
                    if received > most:
                        raise InputError(f"{url} has more than {most:,} bytes; name a --mirror")
                    advance(len(chunk))
                    yield chunk
                    if (seconds := time.monotonic() - since) > timeout:
                        if received - before < SLOWEST * seconds:
                            slow = f"{received - before:,} bytes in {seconds:.1f} s"
                            raise InputError(f"{url} comes too slowly ({slow}); try again later or name a --mirror")
                        before, since = received, time.monotonic()
    except InputError:
        raise
    except (OSError, ValueError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise InputError(f"{url} can't be downloaded ({_cause(error)}); try again or name a --mirror") from error
    if expected is not None and received < expected:
        raise InputError(f"{url} broke off after {received:,} of {expected:,} bytes; try again")


def _cause(error: Exception) -> str:
    """Return in one line what went wrong; a server may answer with any text, of any length."""
    text = reason(getattr(error, "reason", error))  # urllib wraps the errors of sockets and files
    if isinstance(error, urllib.error.HTTPError):
        text = f"the server answers {error.code} {text}"
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST_CAUSE else f"{line[:LONGEST_CAUSE]} …"


@contextmanager
def progress(label: str, total: int | None, quiet: bool = False) -> Iterator[Callable[[int], object]]:
    """Show on stderr how much of `total` bytes has come: a bar on a terminal, elsewhere a line for every tenth.

    Yields the function to call with the number of bytes in each chunk.
    """
    if quiet or sys.stderr.isatty():
        with tqdm(desc=label, total=total, unit="B", unit_scale=True, file=sys.stderr, disable=quiet) as bar:
            yield bar.update
        return
    received = 0
    print(f"{label}: downloading{f' {total:,} bytes' if total else ''}", file=sys.stderr, flush=True)

    def advance(count: int) -> None:
        nonlocal received
        before, received = received, received + count
        if total and 10 * received // total > 10 * before // total:
            print(f"{label}: {100 * received // total // 10 * 10} %", file=sys.stderr, flush=True)

    yield advance
