"""Where data sets lie on this machine: their folders' and files' names, and the search for them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from minilocal.datasets.files import is_file
from minilocal.errors import InputError

# The official name of each data set's folder.
FOLDERS = {
    "fashion-mnist": "fashion-mnist",
    "mnist": "mnist",
    "cifar10": "cifar-10-batches-bin",
    "cifar100": "cifar-100-binary",
}

# The files that each reader needs, as patterns; "a|b" stands for a or, failing that, b.
IDX_FILES = tuple(
    f"{stem}.gz|{stem}"
    for stem in (
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    )
)
FILES = {
    "fashion-mnist": IDX_FILES,
    "mnist": IDX_FILES,
    "cifar10": ("data_batch_*.bin", "test_batch.bin"),
    "cifar100": ("train.bin", "test.bin"),
}


def cache_dir() -> Path:
    """Return the folder for downloads: $MINILOCAL_CACHE, else the system's usual place for caches."""
    if chosen := os.environ.get("MINILOCAL_CACHE"):
        return Path(chosen)
    try:
        home = Path.home()
    except RuntimeError as error:
        raise InputError("your home folder is unknown: set MINILOCAL_CACHE to a folder") from error
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "minilocal"


def files_in(folder: Path, pattern: str) -> list[Path]:
    """Return the files in `folder` that match the first alternative of `pattern` that any file matches."""
    for alternative in pattern.split("|"):
        try:
            found = sorted(path for path in folder.glob(alternative) if is_file(path))
        except (OSError, ValueError):  # ValueError: a NUL in the path
            found = []
        if found:
            return found
    return []


def find(name: str, data_dir: str | Path | None = None) -> Path:
    """Return the folder that holds all files of data set `name`, a key of `FOLDERS`.

    That is `data_dir` itself or its subfolder with the official name, or, without `data_dir`, the cache's.
    Raises InputError with the files that lack and the places searched.
    """
    if data_dir is None:
        places = [cache_dir() / FOLDERS[name]]
    else:  # the subfolder first: MNIST and Fashion-MNIST name their files alike, and a parent may hold either
        places = [Path(data_dir) / FOLDERS[name], Path(data_dir)]
    lacking = []
    for place in places:
        absent = [pattern for pattern in FILES[name] if not files_in(place, pattern)]
        if not absent:
            return place
        lacking.append(f"{absent[0].replace('|', ' or ')} in {place}")
    raise InputError(
        f"{name} is not here (there is no {', and no '.join(lacking)}): "
        f"run `python -m minilocal.datasets fetch {name}` or name its folder with --data-dir"
    )
