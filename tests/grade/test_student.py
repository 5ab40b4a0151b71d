"""Loading a student's file, its holes, its imports, and its exceptions as sentences."""

import io
import sys

import numpy as np
import pytest

from minilocal.grade.case import MOST_PRINTED, Case, examine
from minilocal.grade.expect import WrongError
from minilocal.grade.student import MODULE, UnfitError, load


@pytest.fixture(autouse=True)
def clean_path():
    before = sys.path.copy()
    yield
    sys.path[:] = before
    sys.modules.pop(MODULE, None)


@pytest.fixture
def student(tmp_path):
    def write(text, uses=("Layer",)):
        path = tmp_path / "linear.py"
        path.write_text(text, encoding="utf-8")
        return load(path, uses)

    return write


def run(student, text):
    """Examine a case that calls the function f of a file with that text."""
    case = Case("a case", 1, ("f",), "a hint", lambda student, rng: student.call("f"))
    return examine(student(text), case, np.random.default_rng(0))


def test_holes_are_ellipses_that_stand_alone_and_no_values(student):
    text = """
def f(x):
    a = ...
    for i in ...:
        x[..., 0] = x[...]
        ...
        y = np.take(x, 0, ...)[(..., 0)] if x is not ... else x
    return ...

class C:
    def m(self) -> tuple[int, ...]:
        return ...
"""
    assert student(text).holes == {"f": [3, 4, 6, 8], "C": [12]}
    assert run(student, "def f():\n    return [1][slice(*(None, ...)[:1])]").status == "passed"
    assert run(student, "def f():\n    return ...").says == "line 2 is not filled in yet"
    assert run(student, "def f():\n    x = ...\n    return ...").says == "lines 2, 3 are not filled in yet"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def f(:\n", "line 1: Python can't read this (invalid syntax)"),
        ("if True:\nx = 1", "line 2: Python can't read this (expected an indented block"),
        ("x = 1\x00", "Python can't read this"),
        ("x = " + "(" * 500 + ")" * 500, "Python can't read this"),
        ("import torch_x", "line 1, `import torch_x`: ModuleNotFoundError: No module named 'torch_x'"),
        ("from . import conv", "line 1, `from . import conv`: ImportError: attempted relative import"),
        ("import numpy as np\nnp.nothing", "line 2, `np.nothing`: AttributeError"),
        ("import sys\nsys.exit()", "line 2, `sys.exit()`: it ends the program"),
        ("quit()", "line 1, `quit()`: it ends the program"),
        ("from minilocal.layers import Linear", "line 1 uses minilocal.layers.Linear; in this exercise, use only ml."),
        ("import minilocal.layers.linear as l", "line 1 uses minilocal.layers.linear"),
        ("from minilocal import Linear", "line 1 uses minilocal.Linear"),
        ("import minilocal as m\nx = m.Linear(2, 3)", "line 2 uses m.Linear; in this exercise, use only ml.Layer"),
        ("import minilocal", None),
        ("import minilocal as ml\nclass Linear(ml.Layer): pass\nx = Linear()", None),
        ("from minilocal import Layer", None),
        ("if __name__ == '__main__':\n    quit()", None),
        ("from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int", None),
        ("", None),
    ],
)  # fmt: skip
def test_files_that_cannot_be_run(text, says, student):
    if says is None:
        student(text)
    else:
        with pytest.raises(UnfitError) as error:
            student(text)
        assert says in str(error.value)


def test_some_exercises_use_nothing_from_minilocal(student):
    with pytest.raises(UnfitError, match=r"line 1 uses minilocal.Layer; in this exercise, use nothing from minilocal"):
        student("from minilocal import Layer", uses=())


def test_files_that_are_not_text(tmp_path):
    path = tmp_path / "linear.py"
    path.write_bytes(b"x = '\xff'")
    with pytest.raises(UnfitError, match="Python can't read this"):
        load(path, ())
    with pytest.raises(UnfitError, match="the file can't be opened"):
        load(tmp_path, ())


def test_files_in_the_same_folder_can_be_imported_but_hide_nothing(student, tmp_path):
    (tmp_path / "my_helpers.py").write_text("one = 1")
    (tmp_path / "fractions.py").write_text("raise RuntimeError")
    assert student("import fractions\nfrom my_helpers import one").module.one == 1


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ("return 1 / 0", "wrong", "line 2, `return 1 / 0`: ZeroDivisionError: division by zero"),
        ("return input('x?')", "wrong", "it asks for input"),
        ("raise SystemExit(0)", "wrong", "it ends the program"),
        ("return f()", "wrong", "it calls itself without end"),
        ("raise MemoryError", "wrong", "too much memory"),
        ("raise KeyboardInterrupt", "wrong", "it raises KeyboardInterrupt"),
        ("raise NotImplementedError", "open", "NotImplementedError"),
        ("raise BaseException('x' * 1000)", "wrong", "BaseException"),
        ("class E(Exception):\n        def __str__(self): raise self\n    raise E", "wrong", "<exception str()"),
        ("assert False, 'a\\nb'", "wrong", "AssertionError: a b"),
        ("import bdb; raise bdb.BdbQuit", "wrong", "it starts a debugger, but nobody is there to type"),
        ("import numpy as np; np.ones(3).sum(axis=4)", "wrong", "`: AxisError: axis 4 is out of bounds"),
        ("import numpy as np; np.ones((2, 3)) @ np.ones((4, 5))", "wrong", "inner sizes of this product are 3 and 4"),
        ("import warnings; warnings.warn('old')", "passed", ""),
        ("import sys; sys.stderr.write('x'); sys.stdout = None", "passed", ""),
    ],
)  # fmt: skip
def test_exceptions_become_sentences(body, status, says, student, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    verdict = run(student, f"def f():\n    {body}\n")
    assert verdict.status == status
    assert says in verdict.says
    assert len(verdict.says) < 500
    assert "\n" not in verdict.says


def test_the_beginning_of_what_is_printed_is_kept(student, capsys):
    assert run(student, "def f():\n    print('hello')").printed == "hello\n"
    verdict = run(student, "def f():\n    for _ in range(10**4): print('hello')")
    assert verdict.status == "passed"
    assert len(verdict.printed) == MOST_PRINTED
    assert capsys.readouterr() == ("", "")


def test_a_missing_function_and_a_changed_argument(student):
    with pytest.raises(WrongError, match="the file no longer has a function f"):
        student("f = 3").call("f")
    with pytest.raises(WrongError, match="f changes its argument y; work on a copy"):
        student("def f(x, y):\n    y[0] = 5").call("f", np.zeros(2), np.zeros(2))
    with pytest.raises(WrongError, match="f changes its argument number 2"):
        student("def f(*a):\n    a[1][0] = 5").call("f", 1, np.zeros(2))
    with pytest.raises(WrongError, match="f changes its argument blocks"):
        student("def f(blocks):\n    blocks.pop()").call("f", [1, 2])
    x = np.array([np.nan])
    assert student("def f(x):\n    return x").call("f", x) is x


def test_errors_outside_the_file_say_so(student):
    says = run(student, "def f(x):\n    return x").says
    assert says.startswith("the check can't use it: TypeError: f() missing 1")
