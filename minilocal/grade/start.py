"""The script that the student's process runs: `python -I -S start.py FOLDER_OF_NUMPY`.

`-I` ignores environment variables, the current folder and the user's packages; `-S` adds no site-packages and reads no
.pth file, such as that of an editable install. So only Python's own library can be imported, NumPy because of the
finder below, and this folder's files, under another name, until the hand-in is loaded: minilocal can't.
"""

from __future__ import annotations

import importlib
import sys
import types
from importlib.machinery import PathFinder
from pathlib import Path

if __name__ == "__main__":
    numpy = sys.argv[1]
    finder = types.SimpleNamespace()  # finds NumPy in its folder, and nothing else that lies there
    finder.find_spec = lambda name, path, target=None: PathFinder.find_spec(name, [numpy]) if name == "numpy" else None
    sys.meta_path.append(finder)
    package = types.ModuleType("grader")
    package.__path__ = [str(Path(__file__).parent)]
    sys.modules["grader"] = package
    inside = importlib.import_module("grader.inside")
    package.__path__ = []
    inside.work(Path(numpy))
