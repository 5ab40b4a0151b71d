"""Labs of our own for hand-ins of a few lines, and the lecturer's recorder."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from minilocal.grade.grading import grade
from minilocal.grade.lab import Case, Lab, Trial
from minilocal.grade.outside import Clock

TEACH = Path(__file__).parents[2] / "tutorials" / "teach"


def teaching(name):
    """Return one of the lecturer's scripts as a module."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, TEACH / f"{name}.py")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="session")
def recording():
    return teaching("recording")


def make_lab(*trials, functions=("f",), returns=("y",)):
    """Return a lab with a case of one point for each function, all with the same trials."""
    made = tuple(Trial("", arguments, {}, result, [], {}) for arguments, result in trials)
    cases = tuple(Case(name, 1, name, returns, "a nudge", "an equation", made) for name in functions)
    return Lab("lab", "a lab", 1, 1, cases)


DOUBLE = ((np.arange(3.0),), 2 * np.arange(3.0))  # f(x) = 2·x


@pytest.fixture
def graded(tmp_path):
    """Return a function that grades a text, by default against f(x) = 2·x."""

    def run(text, lab=None, limit=20.0, clock=None):
        path = tmp_path / "hand-in" / "lab.py"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return grade(path, lab or make_lab(DOUBLE), clock or Clock(limit))

    return run
