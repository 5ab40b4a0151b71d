import re
import sys

import pytest

from minilocal import doctor
from minilocal.compute import compilation
from minilocal.datasets import prepare
from minilocal.errors import InputError


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(doctor, "SECONDS", 0.1)


def broken(sentence):
    def refuse(*_, **__):
        raise InputError(sentence)

    return refuse


def test_a_machine_that_is_ready(capsys):
    assert doctor.main([]) == 0
    out = capsys.readouterr().out
    found = [line for line in out.splitlines() if line.startswith("✓")]
    assert len(found) == 4
    assert re.search(r"numpy \d.*numba \d", found[0])
    assert re.search(r"\d+ of \d+ processors \(.+\), BLAS \w", found[1])
    right, step = re.search(r"epochs of G3S2: (\d+) % of the test images right, (\d+) ms a step", found[2]).groups()
    assert int(right) > 20
    assert int(step) > 0
    assert out.endswith("this machine is ready\n")


@pytest.mark.parametrize(
    ("target", "name", "value", "sentence"),
    [
        (sys.modules, "tqdm", None, "pip install --upgrade tqdm"),  # as if it were not installed
        (prepare, "load", broken("train-images is damaged; reinstall minilocal"), "train-images is damaged"),
        (compilation, "_announcement", "compiling; /x can't be written, so each run compiles them", "/x can't be"),
    ],
)
def test_what_is_wrong_is_said_with_its_remedy(target, name, value, sentence, monkeypatch, capsys):
    if isinstance(target, dict):
        monkeypatch.setitem(target, name, value)
    else:
        monkeypatch.setattr(target, name, value)
    assert doctor.main([]) == 1
    *_, problem, last = capsys.readouterr().out.splitlines()
    assert problem.startswith("✗ ")
    assert sentence in problem
    assert last.startswith("this machine is not ready")


def test_a_network_that_learns_nothing_is_no_success(monkeypatch, capsys):
    monkeypatch.setattr("minilocal.optim.SGD.update", lambda *_: None)
    assert doctor.main([]) == 1
    assert "that is guessing; run python -m minilocal.gradcheck" in capsys.readouterr().out
