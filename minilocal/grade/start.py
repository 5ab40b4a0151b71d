"""The script that the student's process runs: `python -I -S start.py FOLDER_OF_NUMPY`.

`-I` ignores environment variables, the current folder and the user's packages; `-S` adds no site-packages and reads no
.pth file, such as that of an editable install. So only Python's own library can be imported, NumPy because of the
finder below, and this folder's files, under another name, until the hand-in is loaded: minilocal can't.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import types
from pathlib import Path
from typing import Any


class NumPyOnly(importlib.abc.MetaPathFinder):
    """Finds NumPy in a folder, and nothing else that lies there."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return where NumPy is."""
        return importlib.machinery.PathFinder.find_spec(name, [self.folder]) if name == "numpy" else None


if __name__ == "__main__":
    sys.meta_path.append(NumPyOnly(sys.argv[1]))
    package = types.ModuleType("grader")
    package.__path__ = [str(Path(__file__).parent)]
    sys.modules["grader"] = package
    inside = importlib.import_module("grader.inside")
    package.__path__ = []
    inside.work(Path(sys.argv[1]))
