"""Code that does not come back: in processes of its own, with time limits."""

import sys

import pytest

from minilocal.errors import TrainingError
from minilocal.grade import grading
from minilocal.grade.grading import grade

LIMIT = 2.0  # seconds; what comes back at all does so in milliseconds

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
    os.write(1, b"past every stream of Python's")
    return dy.sum(axis=0)


def input_gradient(dy, weight):
    return input()
"""


def test_loops_exits_prints_and_input(tmp_path, capfd):
    path = tmp_path / "linear.py"
    path.write_text(LINEAR)
    graded = grade("linear", path, seed=0, limit=LIMIT)
    statuses = [(verdict.status, verdict.says) for _, verdict in sorted(graded.verdicts.items())]
    assert statuses[:4] == [
        ("wrong", "it does not end within 2 s; look for a loop that never stops"),
        ("wrong", "it ends the whole program (exit status 3; call no os._exit)"),
        ("passed", ""),
        ("wrong", "line 24, `return input()`: it asks for input, and nobody is there to type; use the arguments"),
    ]  # fmt: skip
    assert "the file has no function Linear any more" in statuses[4][1]
    assert graded.verdicts[2].printed.startswith("dy has the shape (")
    assert graded.points == 2
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("while True:\n    pass", "it does not end within 2 s; look for a loop that never stops"),
        ("import os\nos._exit(0)", "it ends the whole program (exit status 0; call no os._exit)"),
        ("print('hello')\nimport no_such_module", "line 2, `import no_such_module`: ModuleNotFoundError: "),
    ],
)
def test_files_that_do_not_load(text, says, tmp_path):
    path = tmp_path / "schedule.py"
    path.write_text(text)
    graded = grade("schedule", path, seed=0, limit=LIMIT)
    assert graded.unfit.startswith(says)
    assert graded.verdicts == {}
    assert graded.points == 0
    assert graded.printed == ("hello\n" if "hello" in text else "")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems limit no memory")
def test_memory_without_end_and_threads_left_behind(tmp_path):
    path = tmp_path / "schedule.py"
    path.write_text(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(1000,)).start()\n"
        "def shift_at(epoch, X, Y):\n    return bytearray(1 << 40)\n"
        "def blocks_at(*_):\n    return []\n"
        "classifiers = blocks_at\n"
    )
    graded = grade("schedule", path, seed=0, limit=LIMIT)
    assert "it asks for too much memory" in graded.verdicts[0].says
    assert {verdict.status for verdict in graded.verdicts.values()} == {"wrong"}


def test_a_process_that_does_not_start_is_no_fault_of_the_student(tmp_path, monkeypatch):
    monkeypatch.setattr(grading, "START", 0.001)
    (tmp_path / "schedule.py").write_text("")
    with pytest.raises(TrainingError, match="does not start"):
        grade("schedule", tmp_path / "schedule.py", seed=0, limit=LIMIT)
