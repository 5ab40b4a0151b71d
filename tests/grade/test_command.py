"""The command as students and lecturers see it: one student, a class, other platforms' formats, archives, notebooks."""

import base64
import csv
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

import minilocal.grade
from minilocal.grade import hand_ins, lab
from minilocal.grade.__main__ import main

from .conftest import TEACH, teaching

ROOT = TEACH.parents[1]
LABS, SOLUTIONS = TEACH.parent / "labs", TEACH / "solutions"


def test_solutions_earn_all_points(capsys):
    assert main([str(SOLUTIONS)]) == 0
    out = capsys.readouterr().out
    assert out.endswith("60 of 60 points\n")
    assert "margin.py: losses beside cross-entropy (lesson 1)  " in out
    assert "✗" not in out
    assert "…" not in out


def test_what_fails_then_a_nudge_then_the_equation(capsys, tmp_path):
    text = (SOLUTIONS / "bounce.py").read_text(encoding="utf-8").replace("min(begin + X - 1, layers)", "begin + X - 1")
    (tmp_path / "bounce.py").write_text(text.replace("blocks = [(before", "...\n    [(before"), encoding="utf-8")
    printed = []
    for options in (["--no-hints"], [], ["--hint", "2"], ["--hint", "3"]):
        assert main([str(tmp_path / "bounce.py"), *options]) == 1
        printed.append(capsys.readouterr().out)
    fails, nudge, equation = "the list of blocks is [[", "Hint: layers 1 … s are frozen", "Equation: blocks begin at s"
    for number, out in enumerate(printed):
        assert "  ✗ the blocks     " in out
        assert "  … staggered boundaries     " in out
        assert "      line 51 is not filled in yet\n" in out
        assert [part in out for part in (fails, nudge, equation)] == [number > 0, number > 1, number > 2]
        assert out.count("Hint: ") == (number > 1)
        assert max(map(len, out.splitlines())) <= 100
    assert printed[1].endswith("--hint 2 gives a nudge, --hint 3 the equation\n")
    assert "bounce.py: boundaries that bounce (lesson 7)" in printed[0]
    assert "4 of 8 points" in printed[0]


def test_what_is_due_and_what_is_missing(capsys, tmp_path):
    shutil.copy(SOLUTIONS / "rooms.py", tmp_path)
    assert main([str(tmp_path), "--due", "week2"]) == 1
    out = capsys.readouterr().out
    assert out.count("the file is missing; put it back") == 3
    assert out.endswith("5 of 29 points\n")
    assert main([str(tmp_path), "--only", "rooms.py"]) == 0
    assert "margin" not in capsys.readouterr().out


def test_json(capsys):
    assert main(["--format", "json", str(LABS / "rooms.py")]) == 1
    content = json.loads(capsys.readouterr().out)
    assert (content["points"], content["of"], content["cases"][0]["lab"]) == (0, 5, "rooms")
    assert [case["status"] for case in content["cases"]] == ["open", "open"]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ("", "path"),
        ("no/such/folder", "no/such/folder does not exist; give a folder with labs"),
        ("tests", "tests contains none of the labs margin.py, dilated.py"),
        ("README.md", "README.md is not a lab; labs are named margin.py"),
        ("tutorials/labs --time-limit 0", "--time-limit is 0.0"),
        ("tutorials/labs --only conv", "--only is 'conv'; choose from margin, "),
        ("tutorials/labs --due week3", "--due is 'week3'; choose from week1, week2"),
        ("tutorials/labs --due week1 --only rooms", "none of --only's labs is due in week1"),
        ("tutorials/labs --cases README.md", "README.md is no file of cases"),
        ("tutorials/labs --cases \0", "can't be read (embedded null byte); give a file of cases"),
        ("tutorials/labs --cases no.cases", "no.cases can't be read (No such file"),
        ("tutorials/labs --cases /dev/zero", "/dev/zero can't be read (it is not a regular file)"),
        ("tutorials/labs --csv no/such/marks.csv", "--csv: 'no/such/marks.csv' can't be written"),
        ("tests --csv -", "tests contains no hand-ins"),
        ("README.md --csv -", "README.md is no folder"),
        ("package", "folder"),
        ("package x --seed -1", "'-1' is no whole number"),
        ("package ~nobody-here/x", "the home folder in '~nobody-here/x' is unknown"),
        ("~nobody-here/x", "the home folder in '~nobody-here/x' is unknown"),
    ],
)
def test_bad_input_is_one_sentence(argv, says, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    try:
        status = main(argv.split())
    except SystemExit as stop:  # from argparse
        status = stop.code
    captured = capsys.readouterr()
    assert (status, captured.out, captured.err.count("\n")) == (2, "", 1)
    assert says in captured.err


def test_what_was_packaged_before_is_not_packaged_again(monkeypatch, tmp_path):
    package = teaching("package")
    for name in ("tutorials/x/hidden.cases", "tutorials/x/lecturer.zip", "tutorials/x/notes.md", "minilocal/x.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    monkeypatch.setattr(package, "ROOT", tmp_path)
    assert {name for name, _ in package.students()} == {"tutorials/x/notes.md", "minilocal/x.py"}


def test_archives_go_to_no_impossible_folder(capsys, tmp_path):
    (tmp_path / "file").write_bytes(b"kept")
    (tmp_path / "taken" / "hidden.cases").mkdir(parents=True)
    (tmp_path / "link").symlink_to("nowhere")
    before = sorted(tmp_path.rglob("*"))
    for name in ("file", "file/below", "new/" + "n" * 300, "taken", "link", "nul\0"):
        assert main(["package", str(tmp_path / name)]) == 2
        captured = capsys.readouterr()
        assert (captured.out, captured.err.count("\n")) == ("", 1)
        assert "; name another f" in captured.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.fixture
def folder(tmp_path):
    """Return a class of five, whose hand-ins look as platforms make them."""
    place = tmp_path / "class"
    good, labs = (SOLUTIONS / "rooms.py").read_bytes(), (LABS / "rooms.py").read_bytes()
    for name, content in {
        "Jane Doe_4711_assignsubmission_file_/rooms.py": good,
        "roeric_LATE_4712_90210_rooms-1.py": good,
        "roeric_4712_90209_rooms.py": labs,
        "ada/labs/rooms (1).py": good,
        "ada/labs/rooms.py": labs,
        "=cmd()/rooms.py": b"while True: pass",
        "student_Émile_rooms.py": "x = 'é'".encode("latin-1"),
        "none/notes.txt": b"later",
    }.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    return place


def test_a_class_as_a_table(folder, capsys, tmp_path):
    marks = tmp_path / "marks.csv"
    assert main([str(folder), "--csv", str(marks), "--only", "rooms", "--time-limit", "2", "--jobs", "2"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"6 hand-ins, 2.5 of 5 points on average; see {marks}\n"
    content = marks.read_bytes()
    assert content.startswith(b"\xef\xbb\xbfstudent,identifier,total,of,rooms,")
    assert content.count(b"\r\n") == content.count(b"\n") == 7
    head, *rows = csv.reader(content.decode("utf-8-sig").splitlines())
    assert head[4:] == ["rooms", "rooms: when jobs begin", "rooms: utilisation", "remarks"]
    found = {row[0]: row[1:] for row in rows}
    assert found["Jane Doe"] == ["4711", "5", "5", "5", "3", "2", ""]
    assert found["roeric"] == ["4712", "5", "5", "5", "3", "2", "rooms.py is there more than once, and "
                               "roeric_LATE_4712_90210_rooms-1.py counts"]  # fmt: skip
    assert found["ada"][-1] == "rooms.py is there more than once, and rooms (1).py counts"
    assert found["none"][1:] == [
        "0",
        "5",
        "0",
        "0",
        "0",
        "rooms.py: the file is missing; put it back, filled in or not",
    ]
    assert found["'=cmd()"][-1].startswith(
        "rooms.py: loading the file (its imports, and what stands outside functions)"
    )
    assert "not saved as UTF-8 (byte 0xe9" in found["student_Émile"][-1]


def test_folders_that_can_not_be_read_are_named(folder, tmp_path, monkeypatch, capsys):
    closed = (folder / "none", tmp_path / "closed")
    closed[1].mkdir()
    scandir, iterdir = os.scandir, Path.iterdir

    def refused(path):  # root, as whom tests may run, can read everything
        if str(path) in map(str, closed):
            raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", lambda path: refused(path) or scandir(path))
    monkeypatch.setattr(Path, "iterdir", lambda path: refused(path) or iterdir(path))
    assert main([str(folder), "--csv", "-", "--only", "rooms", "--time-limit", "1"]) == 0
    assert "the folder none can't be read (Permission denied)" in capsys.readouterr().out
    for more in ([], ["--csv", "-"]):
        assert main([str(closed[1]), *more]) == 2
        assert "closed can't be read (Permission denied); " in capsys.readouterr().err


def test_a_table_can_go_to_stdout(folder, capsys):
    assert main([str(folder), "--csv", "-", "--only", "rooms", "--time-limit", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith("remarks")


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("margin.py", ("", "margin", 0)),
        ("margin (1).py", ("", "margin", 1)),
        ("margin(12).py", ("", "margin", 12)),
        ("two_layers-2.py", ("", "two_layers", 2)),
        ("student_4711_lab_two_layers.py", ("student_4711_lab", "two_layers", 0)),
        ("Jane Doe_4711_assignsubmission_file_margin.py", ("Jane Doe_4711_assignsubmission_file", "margin", 0)),
        ("MARGIN.PY", ("", "margin", 0)),
        ("margin.pyc", None),
        ("margins.py", None),
        ("mymargin.py", None),
    ],
)
def test_names_of_files(name, parsed):
    assert hand_ins.parse(name, ["margin", "two_layers"]) == parsed


@pytest.mark.slow
def test_a_class_of_a_hundred_takes_minutes(tmp_path):
    """A hundred complete hand-ins, two at a time, in six minutes; as processor time, which other jobs don't stretch."""
    for number in range(100):
        shutil.copytree(SOLUTIONS, tmp_path / "class" / f"student {number:03}", ignore=shutil.ignore_patterns("__*"))
    command = [sys.executable, "-m", "minilocal.grade", str(tmp_path / "class"), "--csv", "marks.csv", "--jobs", "2"]
    start, before = time.monotonic(), sum(os.times()[2:4])
    subprocess.run(command, cwd=tmp_path, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    wall, busy = time.monotonic() - start, sum(os.times()[2:4]) - before
    with (tmp_path / "marks.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["total"] for row in csv.DictReader(file)] == ["60"] * 100
    print(f"\n100 hand-ins, 2 at a time: {wall:.0f} s, of them {busy / 2:.0f} s for two busy processors")
    assert busy / 2 < 360


def test_gradescope_and_classroom_get_partial_marks(capsys, tmp_path):
    text = (SOLUTIONS / "rooms.py").read_text(encoding="utf-8").replace("(len(costs) * end)", "end")
    (tmp_path / "rooms.py").write_text(text, encoding="utf-8")
    assert main([str(tmp_path), "--only", "rooms", "--format", "gradescope"]) == 1
    tests = json.loads(capsys.readouterr().out)["tests"]
    assert [(test["name"], test["score"], test["max_score"], test["status"]) for test in tests] == [
        ("rooms: when jobs begin", 3, 3, "passed"), ("rooms: utilisation", 0, 2, "failed"),
    ]  # fmt: skip
    assert "the share is" in tests[1]["output"]
    assert main([str(tmp_path), "--only", "rooms", "--format", "classroom"]) == 1
    result = json.loads(base64.b64decode(capsys.readouterr().out))
    assert (result["version"], result["status"], result["max_score"]) == (1, "fail", 5)
    assert [(test["status"], test["score"]) for test in result["tests"]] == [("pass", 3), ("fail", 0)]


@pytest.fixture(scope="module")
def packaged(tmp_path_factory):
    place = tmp_path_factory.mktemp("package") / "out"
    assert main(["package", str(place), "--seed", "7"]) == 0
    return place


def test_the_students_archive_has_no_solution_and_works(packaged, tmp_path):
    with zipfile.ZipFile(packaged / "students.zip") as file:
        file.extractall(tmp_path)
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert {"tutorials/labs/margin.py", "tutorials/01_linear_layer.ipynb", "minilocal/steps.py"} <= names
    assert not [name for name in names if "teach" in name or "hidden" in name or name.startswith("tests")]
    for path in tmp_path.rglob("*.py"):
        assert "# SOLUTION" not in path.read_text(encoding="utf-8"), path
    command = [sys.executable, "-m", "minilocal.grade", "tutorials/labs"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(tmp_path)}
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.endswith("0 of 60 points\n")
    done = subprocess.run(
        [*command, "package", "x"], cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": str(tmp_path)}
    )
    assert done.returncode == 2


def test_hidden_cases_are_new_and_the_same_for_the_same_seed(packaged, capsys, recording):
    assert (packaged / "hidden.cases").read_bytes() == recording.encoded(recording.labs(7)) != lab.PUBLIC.read_bytes()
    assert main([str(SOLUTIONS), "--cases", str(packaged / "hidden.cases")]) == 0
    with zipfile.ZipFile(packaged / "lecturer.zip") as file:
        assert {"hidden.cases", "tutorials/teach/solutions/margin.py", "tutorials/teach/README.md"} <= set(
            file.namelist()
        )
    capsys.readouterr()


def test_gradescopes_archive_runs_as_gradescope_runs_it(packaged, tmp_path):
    """All but the container's own installation (setup.sh), which takes a network."""
    autograder = tmp_path / "autograder"
    for name in ("source", "submission", "results"):
        (autograder / name).mkdir(parents=True)
    subprocess.run(["unzip", "-q", str(packaged / "gradescope.zip"), "-d", str(autograder / "source")], check=True)
    shutil.copy(SOLUTIONS / "margin.py", autograder / "submission")
    shutil.copy(LABS / "rooms.py", autograder / "submission")
    assert os.access(autograder / "source" / "setup.sh", os.X_OK)
    environment = {"AUTOGRADER": str(autograder), "PYTHON": sys.executable, "PATH": os.environ["PATH"]}
    subprocess.run([str(autograder / "source" / "run_autograder")], env=environment, check=True)
    tests = json.loads((autograder / "results" / "results.json").read_text())["tests"]
    assert sum(test["score"] for test in tests) == 8
    assert sum(test["max_score"] for test in tests) == 60


def test_the_classroom_workflow_calls_what_there_is():
    text = (TEACH / "classroom.yml").read_text(encoding="utf-8")
    assert "python -m minilocal.grade labs --format classroom" in text
    assert "LABS_RESULTS" in text
    assert "runners: labs" in text


CONTAINER = """#!/bin/sh
printf '%s\\n' "$@" > "$RECORD"
while [ "$1" != minilocal-grade ]; do shift; done
shift 4  # its name, python, -m, minilocal.grade
shift    # /hand-ins
exec "$PYTHON" -m minilocal.grade "$HAND_INS" "$@"
"""


def test_a_class_in_a_container(folder, tmp_path, monkeypatch, capfd):
    """With a stand-in for docker, which notes how it is called and runs the command right here."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(CONTAINER)
    program.chmod(0o755)
    for name, value in {
        "RECORD": tmp_path / "record", "PYTHON": sys.executable, "HAND_INS": folder,
        "PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": ROOT,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(value))
    marks = tmp_path / "marks.csv"
    argv = [str(folder), "--csv", str(marks), "--only", "rooms", "--time-limit", "2", "--container"]
    assert main(argv) == 0
    assert marks.read_bytes().startswith(b"\xef\xbb\xbfstudent,identifier,total,of,rooms,")
    assert b"Jane Doe,4711,5,5" in marks.read_bytes()
    said = (tmp_path / "record").read_text().split("\n")
    for words in ("--network none", "--user 65534:65534", "--cap-drop ALL", f"-v {folder}:/hand-ins:ro"):
        assert words in " ".join(said)
    assert "--read-only" in said
    assert "the marks are in" in capfd.readouterr().out
    monkeypatch.setenv("PATH", "")
    assert main(argv) == 2


def test_check_gives_points_for_functions_in_a_notebook(capsys):
    namespace = {}
    exec((SOLUTIONS / "margin.py").read_text(encoding="utf-8"), namespace)
    assert minilocal.grade.check("margin", namespace) == 8.0
    namespace["margin_loss"] = lambda logits, labels, margin: 0.0
    assert minilocal.grade.check("margin", namespace) == 7.0
    assert minilocal.grade.check("margin", namespace, case="margin loss") == 0.0
    out = capsys.readouterr().out
    assert "the loss is 0, but it should be" in out
    for bad in ({"name": "x"}, {"name": "margin", "case": "x"}):
        with pytest.raises(ValueError, match="choose from"):
            minilocal.grade.check(namespace=namespace, **bad)


def notebook(*cells):
    nbformat = pytest.importorskip("nbformat")
    made = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    for source, metadata in cells:
        made.cells.append(nbformat.v4.new_code_cell(source, metadata=metadata))
    return nbformat, made


def solved(*functions):
    """Return the solution of the lab on margins, with some functions spoilt."""
    text = (SOLUTIONS / "margin.py").read_text(encoding="utf-8").replace("# SOLUTION", "").replace("# END", "")
    return text + "".join(f"\ndef {name}(*_):\n    return 0.0\n" for name in functions)


def test_nbgrader_gives_partial_credit(tmp_path, monkeypatch):
    """A lecturer's notebook, a student's copy with one wrong function, and nbgrader's own command."""
    pytest.importorskip("nbgrader")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")  # for alembic, which it starts

    def grading(name, points=None):
        about = {"schema_version": 3, "grade_id": name, "locked": points is not None, "task": False,
                 "grade": points is not None, "solution": points is None}  # fmt: skip
        return {"nbgrader": about | ({"points": points} if points else {})}

    test = "import minilocal.grade\nminilocal.grade.check('margin', globals())"
    options = f"case='margin loss', cases={str(lab.PUBLIC)!r}"
    hidden = f"import minilocal.grade\nminilocal.grade.check('margin', globals(), {options})"
    cells = [(test, grading("points", 8)), (hidden, grading("one", 1))]
    nbformat, source = notebook((solved(), grading("answer")), *cells)
    _, student = notebook((solved("margin_loss", "log_softmax"), grading("answer")), *cells)
    for made, place in ((source, "source/lab"), (student, "submitted/jane/lab")):
        (tmp_path / place).mkdir(parents=True)
        nbformat.write(made, tmp_path / place / "lab.ipynb")
    (tmp_path / "nbgrader_config.py").write_text(f"c = get_config()\nc.CourseDirectory.root = {str(tmp_path)!r}\n")
    for words in (["generate_assignment", "lab"], ["autograde", "lab", "--create"]):
        command = [sys.executable, "-m", "nbgrader", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as book:
        submission = book.find_submission("lab", "jane")
        grades = {grade.name: grade.auto_score for part in submission.notebooks for grade in part.grades}
    assert grades == {"points": 5.0, "one": 0.0}


def test_otter_grader_gives_points_by_case(tmp_path, monkeypatch):
    """otter run with the test files that `otter assign` would write, on a notebook with one wrong function."""
    pytest.importorskip("otter")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "tests").mkdir()
    for number, case in enumerate(lab.load()["margin"].cases):
        call = f"minilocal.grade.check('margin', globals(), case={case.name!r})"
        (tmp_path / "tests" / f"q{number}.py").write_text(
            "OK_FORMAT = True\n"
            f"test = {{'name': 'q{number}', 'points': {case.points}, 'suites': [{{'type': 'doctest', 'cases': [{{\n"
            f"    'code': r'''>>> import minilocal.grade, io, contextlib\n"
            f">>> with contextlib.redirect_stdout(io.StringIO()):\n...     points = {call}\n"
            f">>> points == {case.points}\nTrue''', 'hidden': False}}]}}]}}\n"
        )
    nbformat, made = notebook((solved("margin_loss"), {}))
    nbformat.write(made, tmp_path / "lab.ipynb")
    code = (
        "import json, sys\nfrom otter.run import main\nfrom otter.generate import main as generate\n"
        "generate(tests_dir='tests', output_path='autograder.zip', no_environment=True)\n"
        "results = main('lab.ipynb', autograder='autograder.zip', no_logo=True, debug=True)\n"
        "print(json.dumps([results.total, results.possible]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == [7.0, 8.0]
    assert Path(teaching("recording").__file__).exists()
