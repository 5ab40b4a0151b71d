"""`fashion-mnist-mini`, the data set that ships with minilocal: where it lies, and whether it is whole."""

from __future__ import annotations

from pathlib import Path

from minilocal.datasets.files import digest, is_file, reason
from minilocal.errors import InputError

PACKAGE = Path(__file__).resolve().parents[1]

# SHA-256 of the four files; `data/README.md` lists them too.
CHECKSUMS = {
    "train-images-idx3-ubyte.gz": "282c0240c93d5546409456394b9db9d00d73ef2bb2d12abe24c0d8ee203565bb",
    "train-labels-idx1-ubyte.gz": "95f443b4986a5195ae1ab02d934d30b891a82fdb406b8da95a5cd44c4665069a",
    "t10k-images-idx3-ubyte.gz": "e60ede7714c657ced2d723c33140572b5476b46df34b385a6e176b0757dc4318",
    "t10k-labels-idx1-ubyte.gz": "e6d25f5f3e85bb315a10172898c1c8f69ce52c4f9306c5821205c821bfca8847",
}


def shipped_dir() -> Path:
    """Return the folder of `fashion-mnist-mini`: in the installed package, or beside it in a checkout.

    Raises InputError if it is in neither place.
    """
    places = [root / "data" / "fashion-mnist-mini" for root in (PACKAGE, PACKAGE.parent)]
    for place in places:
        if any(is_file(place / file) for file in CHECKSUMS):
            return place
    raise InputError(
        f"fashion-mnist-mini, which ships with minilocal, is neither in {places[0]} nor in {places[1]}: "
        "reinstall minilocal"
    )


def checked_shipped_dir() -> Path:
    """Return `shipped_dir()`; raises InputError if one of its four files has not its checksum."""
    folder = shipped_dir()
    for file, expected in CHECKSUMS.items():
        path = folder / file
        try:
            found = digest(path, "sha256")
        except OSError as error:
            raise InputError(f"{path} cannot be read ({reason(error)}): reinstall minilocal") from error
        if found != expected:
            raise InputError(f"{path} is not the file that ships with minilocal: reinstall minilocal")
    return folder
