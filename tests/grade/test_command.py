"""The command as students see it."""

import json
import shutil
from pathlib import Path

import pytest

from minilocal.grade.__main__ import main

TUTORIALS = Path(__file__).parents[2] / "tutorials"


def test_solutions_earn_all_points(capsys):
    assert main([str(TUTORIALS / "solutions")]) == 0
    out = capsys.readouterr().out
    assert out.endswith("60 of 60 points\n")
    assert "linear.py: a linear layer  " in out
    assert "✗" not in out
    assert "…" not in out


def test_holes_and_missing_files(capsys, tmp_path):
    for name in ("schedule.py", "auxiliary.py"):
        shutil.copy(TUTORIALS / "exercises" / name, tmp_path)
    text = (tmp_path / "schedule.py").read_text(encoding="utf-8").replace("return ...", "return epoch * Y % X")
    (tmp_path / "schedule.py").write_text(text, encoding="utf-8")
    assert main([str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "  … moving blocks     " in out
    assert "      lines 26, 27, 29 are not filled in yet\n" in out
    assert "      the shift of G3S2 in epoch 2: 1, but it should be 0\n      Hint: start at 0; for every epoch" in out
    assert "the file is missing; put it back" in out
    assert out.count("Hint: ") == 1
    assert out.endswith("0 of 60 points\n")
    assert max(map(len, out.splitlines())) <= 100


def test_one_file_as_json(capsys):
    assert main(["--json", "--seed", "3", str(TUTORIALS / "solutions" / "schedule.py")]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["seed"], content["points"], content["of"]) == (3, 10, 10)
    (graded,) = content["exercises"]
    assert graded["name"] == "schedule"
    assert graded["unfit"] == ""
    assert graded["cases"][0]["name"] == "the shift"
    assert {case["status"] for case in graded["cases"]} == {"passed"}


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ("", "path"),
        ("no/such/folder", "no/such/folder does not exist; give a folder with exercises"),
        ("tests", "tests contains none of the exercises linear.py, conv.py"),
        ("README.md", "README.md is not an exercise; exercises are named linear.py"),
        ("tutorials/exercises --seed -1", "--seed is -1"),
        ("tutorials/exercises --time-limit 0", "--time-limit is 0.0"),
        ("tutorials/exercises --time-limit nan", "--time-limit is nan"),
    ],
)
def test_bad_input_is_one_sentence(argv, says, capsys, monkeypatch):
    monkeypatch.chdir(TUTORIALS.parent)
    try:
        status = main(argv.split())
    except SystemExit as stop:  # from argparse
        status = stop.code
    captured = capsys.readouterr()
    assert (status, captured.out, captured.err.count("\n")) == (2, "", 1)
    assert says in captured.err
