"""Code that never ends or ends the program, graded in its own process with a time limit."""

import sys

import pytest

from minilocal.errors import TrainingError
from minilocal.grade import grading
from minilocal.grade.grading import grade

LIMIT = 2.0  # seconds; code that ends at all needs milliseconds

LINEAR = """
import os
import time

print("loading")


def forward(x, weight, bias):
    while True:
        pass


def weight_gradient(x, dy):
    os._exit(3)


def bias_gradient(dy):
    print("dy has the shape", dy.shape)
    os.write(1, b"around Python's streams")
    return dy.sum(axis=0)


def input_gradient(dy, weight):
    return input()
"""


def test_loops_exits_prints_and_input(tmp_path, capfd):
    path = tmp_path / "linear.py"
    path.write_text(LINEAR)
    graded = grade(path, seed=0, limit=LIMIT)
    statuses = [(verdict.status, verdict.says) for _, verdict in sorted(graded.verdicts.items())]
    assert statuses[:4] == [
        ("wrong", "it takes longer than 2 s; look for a loop that never ends"),
        ("wrong", "it ends the whole process (exit status 3); don't call os._exit"),
        ("passed", ""),
        ("wrong", "line 24, `return input()`: it asks for input, but nobody is there to type; use its arguments"),
    ]  # fmt: skip
    assert "the file no longer has a function Linear" in statuses[4][1]
    assert graded.verdicts[2].printed.startswith("dy has the shape (")
    assert graded.points == 2
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("while True:\n    pass", "it takes longer than 2 s; look for a loop that never ends"),
        ("import os\nos._exit(0)", "it ends the whole process (exit status 0); don't call os._exit"),
        ("print('hello')\nimport no_such_module", "line 2, `import no_such_module`: ModuleNotFoundError: "),
    ],
)
def test_files_that_do_not_load(text, says, tmp_path):
    path = tmp_path / "schedule.py"
    path.write_text(text)
    graded = grade(path, seed=0, limit=LIMIT)
    assert graded.unfit.startswith(says)
    assert graded.verdicts == {}
    assert graded.points == 0
    assert graded.printed == ("hello\n" if "hello" in text else "")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems don't limit memory")
def test_too_much_memory_and_threads_that_keep_running(tmp_path):
    path = tmp_path / "schedule.py"
    path.write_text(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(1000,)).start()\n"
        "def shift_at(epoch, X, Y):\n    return bytearray(1 << 40)\n"
        "def blocks_at(*_):\n    return []\n"
        "classifiers = blocks_at\n"
    )
    graded = grade(path, seed=0, limit=LIMIT)
    assert "it asks for too much memory" in graded.verdicts[0].says
    assert {verdict.status for verdict in graded.verdicts.values()} == {"wrong"}


def test_a_library_that_can_not_read_its_files_is_not_blamed_on_the_student(tmp_path):
    path = tmp_path / "linear.py"
    for call in ("run(open, ['/no/such/file'])", "run(input, [''])"):
        path.write_text(
            f"import sys\ndef forward(x, weight, bias):\n    sys.modules['minilocal.compute.parallel'].{call}\n"
        )
        with pytest.raises(
            TrainingError, match=r"linear.py can't be graded: .*parallel.py, .* this is no mistake in the"
        ):
            grade(path, seed=0, limit=LIMIT)


def test_a_process_that_does_not_start_is_not_blamed_on_the_student(tmp_path, monkeypatch):
    monkeypatch.setattr(grading, "START", 0.001)
    (tmp_path / "schedule.py").write_text("")
    with pytest.raises(TrainingError, match="did not start"):
        grade(tmp_path / "schedule.py", seed=0, limit=LIMIT)
