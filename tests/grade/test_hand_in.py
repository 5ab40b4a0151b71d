"""One hand-in: loading it, its holes, its exceptions as sentences, its encoding, what it prints and changes."""

import numpy as np
import pytest

from minilocal.errors import TrainingError
from minilocal.grade import outside
from minilocal.grade.grading import decide
from minilocal.grade.lab import Case, Lab, Trial
from minilocal.grade.notebook import Here
from minilocal.grade.standins import Linear

from .conftest import DOUBLE, make_lab


def verdict(text, argument=1.0, expected=2.0, helpers=None):
    """Return the verdict on f of a file with that text, in this process."""
    namespace = {}
    exec(compile(text, "lab.py", "exec"), namespace)
    trial = Trial("", (argument,), helpers or {}, expected, [], {})
    return decide(Case("f", 1, "f", ("y",), "nudge", "equation", (trial,)), Here(namespace), {}, 0)


def test_holes_are_ellipses_that_stand_alone_and_no_values(graded):
    text = """
def f(x):
    a = ...
    for i in ...:
        x[..., 0] = x[...]
        ...
        y = np.take(x, 0, ...)[(..., 0)] if x is not ... else x
    return ...
def g(x):
    return 2 * x[slice(*(None, ...)[:1])]
"""
    result = graded(text, make_lab(DOUBLE, functions=("f", "g")))
    assert [(v.status, v.says) for v in result.verdicts] == [
        ("open", "lines 3, 4, 6, 8 are not filled in yet"), ("passed", "")
    ]  # fmt: skip
    assert graded("def f(x):\n    return ...").verdicts[0].says == "line 2 is not filled in yet"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def f(:\n", "line 1: Python can't read this (invalid syntax)"),
        ("if True:\nx = 1", "line 2: Python can't read this (expected an indented block"),
        ("x = 1\x00", "Python can't read this"),
        ("x = " + "(" * 500 + ")" * 500, "line 1: Python can't read this"),
        ("import torch", "line 1, `import torch`: ModuleNotFoundError: No module named 'torch'; a lab has only NumPy"),
        ("import minilocal", "line 1, `import minilocal`: ModuleNotFoundError: No module named 'minilocal'; a lab has"),
        ("import numpy as np\nnp.nothing", "line 2, `np.nothing`: AttributeError"),
        ("import sys\nsys.exit()", "line 2, `sys.exit()`: it ends the program"),
        ("import os\nos._exit(0)", "it ends the whole process (exit status 0); don't call os._exit"),
        ("print('hello')\nraise ValueError", "line 2, `raise ValueError`: ValueError"),
        ("x = '\xfc'".encode("latin-1"), "line 1: it is not saved as UTF-8 (byte 0xfc has no meaning there; Latin-1"),
        ("x = 1".encode("utf-16"), "it is saved as UTF-16; save it as UTF-8"),
    ],
)
def test_files_that_can_not_be_loaded(text, says, graded):
    result = graded(text)
    assert result.unfit.startswith(says)
    assert result.points == 0
    assert [v.status for v in result.verdicts] == ["unfit"]
    assert result.printed == ("hello\n" if "hello" in str(text) else "")


@pytest.mark.parametrize(
    "text", ["def f(x):\r\n    return 2 * x\r\n", "\ufeffdef f(x): return 2 * x", "# é\ndef f(x): return 2*x"]
)
def test_line_ends_marks_and_signs_of_other_systems(text, graded):
    assert graded(text).points == 1


def test_what_python_has_can_be_imported(graded):
    text = "import random, math, dataclasses, itertools, statistics, typing, decimal, functools\nimport numpy.linalg\n"
    text += "@dataclasses.dataclass\nclass A:\n    x: int\nif __name__ == '__main__':\n    quit()\n"
    assert graded(text + "def f(x):\n    import collections, numpy.fft\n    return 2 * x\n").points == 1


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ("return 1 / 0", "wrong", "line 2, `return 1 / 0`: ZeroDivisionError: division by zero"),
        ("raise SystemExit(0)", "wrong", "it ends the program"),
        ("return f(x)", "wrong", "it calls itself without end"),
        ("raise MemoryError", "wrong", "too much memory"),
        ("raise KeyboardInterrupt", "wrong", "it raises KeyboardInterrupt"),
        ("raise NotImplementedError", "open", "NotImplementedError"),
        ("raise BaseException('x' * 1000)", "wrong", "BaseException"),
        ("class E(Exception):\n        def __str__(self): raise self\n    raise E", "wrong", "<exception str()"),
        ("assert False, 'a\\nb'", "wrong", "AssertionError: a b"),
        ("import bdb; raise bdb.BdbQuit", "wrong", "it starts a debugger, but nobody is there to type"),
        ("import numpy as np; np.ones(3).sum(axis=4)", "wrong", "AxisError: axis 4 is out of bounds"),
        ("import numpy as np; np.ones((2, 3)) @ np.ones((4, 5))", "wrong", "inner sizes of this product are 3 and 4"),
        ("import warnings; warnings.warn('old'); return 2", "passed", ""),
        ("import sys; sys.stderr.write('x'); return 2", "passed", ""),
    ],
)  # fmt: skip
def test_exceptions_become_sentences(body, status, says, graded):
    (found,) = graded(f"def f(x):\n    {body}\n", make_lab(((1.0,), 2.0))).verdicts
    assert found.status == status
    assert says in found.says
    assert len(found.says) < 500
    assert "\n" not in found.says


def test_input_has_nobody_to_type(graded):
    says = graded("def f(x):\n    return input()").verdicts[0].says
    assert says == "line 2, `return input()`: it asks for input, but nobody is there to type; use its arguments"


def test_the_beginning_of_what_is_printed_is_kept(graded, capfd):
    text = "import os\ndef f(x):\n    os.write(1, b'past Python')\n    for _ in range(10**4): print('hello')\n"
    text += "    return 2 * x"
    (found,) = graded(text).verdicts
    assert found.status == "passed"
    assert found.printed.startswith("hello\nhello\n")
    assert len(found.printed) == 2000
    assert capfd.readouterr() == ("", "")


def test_a_missing_function_and_a_changed_argument():
    assert "the file no longer has a function f" in verdict("f = 3").says
    says = verdict("def f(y):\n    y[0] = 5\n    return 2.0", np.zeros(2)).says
    assert says == "f changes its argument y; work on a copy"
    assert "argument blocks" in verdict("def f(blocks):\n    blocks.pop()\n    return 2.0", [1, 2]).says
    inner = verdict("def f(dxs):\n    dxs[0] += 1\n    dxs[0][0] = 1\n    return 2.0", [np.zeros(2)]).says
    assert inner == "f changes its argument dxs; work on a copy"
    assert verdict("def f(x):\n    return 2.0", np.array([np.nan])).status == "passed"
    assert verdict("def f():\n    return 2.0").says.startswith("the grader can't call f: TypeError: f() takes 0")


def test_a_wrong_helper_costs_its_own_points_only():
    text = "def g(x):\n    return 0.0\n\ndef f(x):\n    return 1 + g(x)"
    assert verdict(text).says == "y is 1, but it should be 2"
    assert verdict(text, helpers={"g": [((1.0,), 1.0)]}).status == "passed"
    assert (
        verdict(text, helpers={"g": [((5.0,), 1.0)]}).says == "y is 1, but it should be 2"
    )  # other arguments: its own
    named = text.replace("1 + g(x)", "1 + g(x=x)")
    assert verdict(named, helpers={"g": [((1.0,), 1.0)]}).status == "passed"
    assert verdict("def f(x):\n    return 1 + g(x)", helpers={"g": [((1.0,), 1.0)]}).status == "passed"


def test_what_is_called_is_counted_in_words():
    layer = Linear("layer 1", weight=np.eye(2))
    expected = {"name": "layer 1", "calls": ["forward"], "params": {}, "grads": {}, "still keeps": "nothing"}
    trial = Trial("", (layer,), {}, None, [expected], {})
    case = Case("f", 1, "f", ("what it returns",), "nudge", "equation", (trial,))

    def says(body):
        namespace = {"np": np}
        exec(f"def f(layer):\n    {body}", namespace)
        return decide(case, Here(namespace), {}, 0).says

    one = "layer.forward(np.ones((1, 2)), training=True)"
    assert says("pass") == "layer 1: `forward` is never called; it should be called once"
    assert says(f"{one}; {one}") == "layer 1: `forward` is called twice; it should be called once"
    assert says(one) == "layer 1 still keeps what forward kept; it should keep nothing"
    assert says(f"{one}; layer.kept = None") == ""


def test_a_student_who_hangs_once_waits_less_afterwards(graded):
    clock = outside.Clock(1.5)
    graded("def f(x):\n    while True: pass", clock=clock)
    assert clock.limit == 1.0


def test_a_process_that_does_not_start_is_not_blamed_on_the_student(graded, monkeypatch):
    monkeypatch.setattr(outside, "START", 0.001)
    with pytest.raises(TrainingError, match="did not start"):
        graded("")


def test_an_empty_lab_needs_no_points():
    assert Lab("lab", "a lab", 1, 1, ()).points == 0
