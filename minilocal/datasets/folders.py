"""Where data sets are on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from minilocal.datasets.catalogue import CATALOGUE
from minilocal.datasets.reading import files_in, is_file
from minilocal.errors import InputError
from minilocal.files import expanded

PACKAGE = Path(__file__).resolve().parents[1]
# The system's place for caches: the environment variable that names it, and the default below the home folder.
CACHES = {"win32": ("LOCALAPPDATA", "AppData/Local"), "darwin": ("", "Library/Caches")}


def cache_dir() -> Path:
    """Return the folder for downloads: $MINILOCAL_CACHE, or else the system's usual place for caches."""
    if chosen := os.environ.get("MINILOCAL_CACHE"):
        return expanded(chosen)
    try:
        home = Path.home()
    except RuntimeError as error:
        raise InputError("your home folder is unknown; set MINILOCAL_CACHE to a folder") from error
    variable, place = CACHES.get(sys.platform, ("XDG_CACHE_HOME", ".cache"))
    return Path(os.environ.get(variable) or home / place) / "minilocal"


def find(name: str, data_dir: str | Path | None = None) -> tuple[Path, list[Path]]:
    """Return the folder of the data set `name`, one of `NAMES`, and the files to read there, in their order.

    A set that ships with minilocal is in the installed package, or beside it in a checkout. Others are in `data_dir`'s
    subfolder with the official name or torchvision's, in `data_dir` itself or, without `data_dir`, in the folder for
    downloads.
    Raises `InputError` with the missing files and the places searched.
    """
    entry = CATALOGUE[name]
    remedy = f"run `python -m minilocal.datasets fetch {name}` or name its folder with --data-dir"
    if entry.sha256:
        places = [root / "data" / entry.folder for root in (PACKAGE, PACKAGE.parent)]
        remedy = "reinstall minilocal"
    elif data_dir is None:
        places = [cache_dir() / entry.folder]
    else:  # the subfolder first: MNIST and Fashion-MNIST use the same file names, and a parent may hold either
        root = expanded(data_dir)
        places = [root / folder for folder in (entry.folder, entry.torchvision, ".") if folder]
    missing = []
    for place in places:
        found = [files_in(place, pattern) for pattern in entry.files]
        if all(found):
            return place, [file for files in found for file in files]
        missing.append(f"{entry.files[found.index([])].split('|')[0]} in {place}")
    if entry.pickled:
        folder, file = entry.pickled
        for place in (places[-1], places[-1] / folder, places[-1].parent / folder):
            if is_file(place / file):
                missing.append(f"reader for the pickled Python version in {place}")
                remedy = f"get the binary version: {remedy}"
                break
    raise InputError(f"{name} is not here (there is no {', and no '.join(missing)}); {remedy}")
