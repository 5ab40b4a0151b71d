"""The folder that a lecturer's script writes to: made if it is missing, refused in one sentence if it is of no use."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from minilocal.errors import InputError
from minilocal.files import check_writable, expanded, new_directory


@contextlib.contextmanager
def folder_for(path: str, option: str, *names: str) -> Iterator[Path]:
    """Make a folder for files of these names, and return its path.

    If the block fails, no new folder stays behind, unless it has files. Raises `InputError` before the block runs if the folder can't be made, or one of the files can't be written.
    """
    folder = expanded(path)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(new_directory(folder))
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            reason = getattr(error, "strerror", None) or error
            raise InputError(
                f"{option}: {str(folder)!r} can't be made ({reason}); name another folder"
            ) from None
        for name in names:
            check_writable(folder / name, option)
        yield folder
