"""The lessons: scripts and notebooks are in step and complete, and run in a clean kernel at a reduced size."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import nbformat
import pytest

import minilocal as ml

ROOT = Path(__file__).parents[1]
TUTORIALS = ROOT / "tutorials"
README = TUTORIALS / "README.md"


def tool(name):
    spec = importlib.util.spec_from_file_location(f"tutorials_{name}", TUTORIALS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build = tool("build")
every_lesson = pytest.mark.parametrize("script", build.lessons(), ids=lambda script: script.stem)


def cells(notebook, kind):
    return [cell for cell in notebook.cells if cell.cell_type == kind]


@pytest.fixture
def stored(script):
    return nbformat.read(script.with_suffix(".ipynb"), as_version=4)


@every_lesson
def test_script_and_notebook_are_in_step(script):
    assert build.out_of_step(script) == ""


def test_a_pair_out_of_step_is_found(tmp_path):
    script = tmp_path / "01_x.py"
    script.write_text("# %%\n1 + 1\n")
    assert build.out_of_step(script) == "has no notebook"
    notebook = build.read(script)
    path = script.with_suffix(".ipynb")
    nbformat.write(notebook, path)
    assert "not run from its first cell" in build.out_of_step(script)
    notebook.cells[0].execution_count = 1
    nbformat.write(notebook, path)
    assert build.out_of_step(script) == ""
    script.write_text("# %%\n1 + 2\n")
    assert build.out_of_step(script) == "differs from its notebook in cell 1"
    script.write_text("# %%\n1 + 1\n\n# %%\n2\n")
    assert build.out_of_step(script) == "has 2 cells, its notebook 1"


@every_lesson
def test_a_lesson_is_complete(script, stored):
    text = "\n".join(cell.source for cell in cells(stored, "markdown"))
    number = int(script.name[:2])
    assert text.startswith(f"# Lesson {number}: ")
    assert "**Learning goals.**" in text
    assert "\n## Summary\n" in text
    assert re.findall(r"^\*\*(\d) \((\w+)\)", text, re.M) == [("1", "easy"), ("2", "medium"), ("3", "hard")]
    assert "$$" in text
    (row,) = [line for line in README.read_text(encoding="utf-8").splitlines() if f"({script.stem}.ipynb)" in line]
    assert any(claim.removeprefix("✓ ") in row for claim in build.claims(stored))
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if target.endswith(".ipynb"):
            assert re.fullmatch(r"\d\d_\w+\.ipynb", target)  # the next lesson may not exist yet
        else:
            assert target.startswith("https:") or (TUTORIALS / target).exists(), target


@every_lesson
def test_figures_have_captions_and_alt_texts(stored):
    figures = 0
    for cell in cells(stored, "code"):
        for picture, below in zip(cell.outputs, [*cell.outputs[1:], None], strict=False):
            if "image/png" in picture.get("data", {}):
                figures += 1
                alt = picture.metadata["image/png"]["alt"]
                assert len(alt) > 40
                assert alt in below.data["text/markdown"]
                assert below.data["text/markdown"].startswith(f"**Figure {figures}.** ")
    assert figures


@every_lesson
def test_code_of_the_library_in_a_notebook_is_what_ships(script, stored):
    for output in (output for cell in cells(stored, "code") for output in cell.outputs):
        text = output.get("data", {}).get("text/plain", "")
        _, *parts = re.split(r"^# (?=minilocal/\S+\.py$)", text, flags=re.M)
        for part in parts:
            name, *printed = part.splitlines()
            ships = {line.strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines()}
            old = [line for line in map(str.strip, printed) if line not in ships]
            assert not old, f"{old[0]!r} is not in {name}: run python tutorials/build.py {int(script.name[:2])}"


def drawing_lines(code):
    """Return the lines of statements that draw: calls of show, figures, draw_…, animate_…, and what uses plt."""
    tree = ast.parse(code)
    drawn = {"plt", "show", "figures"}  # and what comes from plt
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(
            isinstance(n, ast.Name) and n.id == "plt" for n in ast.walk(node.value)
        ):
            drawn |= {n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)}

    def draws(node):
        names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        names |= {alias.name.rpartition(".")[2] for n in ast.walk(node) if hasattr(n, "names") for alias in n.names}
        return names & (drawn | {"pyplot"}) or any(name.startswith(("draw_", "animate_")) for name in names)

    lines, statements = set(), [*tree.body]
    while statements:
        node = statements.pop()
        body = getattr(node, "body", None)
        if body and not all(map(draws, body)):
            statements += body
        elif draws(node):
            lines.update(range(node.lineno, node.end_lineno + 1))
    return lines


@every_lesson
def test_at_most_a_tenth_of_the_code_draws(script):
    """Drawing stands in minilocal/course, and captions and alt texts in its captions/."""
    total = drawing = 0
    for cell in cells(build.read(script), "code")[1:]:
        code = {n for n, line in enumerate(cell.source.splitlines(), 1) if line.strip() and line.strip()[0] != "#"}
        total, drawing = total + len(code), drawing + len(code & drawing_lines(cell.source))
    assert drawing <= 0.1 * total, f"{drawing} of {total} lines"


def test_drawing_lines_are_found():
    assert drawing_lines("x = 1\nshow(draw_bars(\n  x), 2)\n") == {2, 3}
    assert drawing_lines(
        "import matplotlib.pyplot as plt\nf, a = plt.subplots()\nfor i in x:\n  a.plot(i)\ny = 2\n"
    ) == {1, 2, 3, 4}


def test_the_block_step_is_printed_in_one_lesson():
    printing = [s.name for s in build.lessons() if re.search(r"source\([^)]*ml\.block_step", s.read_text("utf-8"))]
    assert len(printing) == 1, printing


@every_lesson
def test_all_lessons_begin_with_the_same_cell(script):
    assert first_cell(script) == first_cell(build.lessons()[0])


def first_cell(script):
    return cells(build.read(script), "code")[0].source


def run_first_cell(folder, **environment):
    """Run the lessons' first cell in a Python without site-packages; pip is not called; its command is only shown."""
    shown = "import subprocess; subprocess.run = lambda command, check: print(*command[1:])"
    found = 'spec = importlib.util.find_spec("minilocal"); print(spec.origin if spec else "not found")'
    code = "\n".join([shown, first_cell(build.lessons()[0]), found])
    command = [sys.executable, "-I", "-S", "-c", code]
    return subprocess.run(command, env=os.environ | environment, cwd=folder, capture_output=True, text=True)


def test_the_first_cell_finds_the_checkout_that_it_is_in(tmp_path):
    (tmp_path / "minilocal").mkdir()
    (tmp_path / "minilocal" / "__init__.py").touch()
    (tmp_path / "tutorials").mkdir()
    for folder in (TUTORIALS, tmp_path / "tutorials"):
        result = run_first_cell(folder, MINILOCAL_WHEEL="elsewhere.whl")
        assert result.stdout.strip() == str(folder.parent / "minilocal" / "__init__.py"), result.stderr


def test_the_first_cell_installs_the_wheel_that_the_environment_names(tmp_path):
    result = run_first_cell(tmp_path, MINILOCAL_WHEEL="some folder/minilocal.whl")
    assert result.stdout.splitlines() == ["-m pip install -q some folder/minilocal.whl", "not found"], result.stderr


@pytest.mark.parametrize("environment", [{}, {"MINILOCAL_WHEEL": ""}])
def test_the_first_cell_says_what_to_do_without_checkout_or_wheel(environment, tmp_path, monkeypatch):
    monkeypatch.delenv("MINILOCAL_WHEEL", raising=False)
    result = run_first_cell(tmp_path, **environment)
    assert result.returncode == 1
    assert result.stdout == ""
    message = "ImportError: minilocal not found; run `python -m pip install -e .` in a clone of it"
    assert result.stderr.splitlines()[-1] == message


@every_lesson
def test_a_lesson_downloads_nothing(script):
    """No address in its code, because its owner could run anything on a student's machine."""
    for cell in cells(build.read(script), "code"):
        assert not re.search(r"://|git\+|www\.", cell.source)


@every_lesson
def test_a_lesson_takes_public_names_from_minilocal_itself(script):
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("minilocal."):
            deep = {alias.name for alias in node.names} & set(ml.__all__)
            assert not deep, f"{', '.join(deep)} from {node.module}: write ml.{deep.pop()}"


@every_lesson
def test_a_lesson_names_files_that_exist(script):
    for text in (cell.source for cell in build.read(script).cells):
        for name in re.findall(r"(?<![\w*])minilocal/[\w/]+\.py\b", text):
            assert (ROOT / name).exists(), name


@every_lesson
def test_a_lesson_runs_in_a_clean_kernel(script, monkeypatch):
    monkeypatch.setenv("MINILOCAL_LESSON_SIZE", "small")
    assert build.claims(build.execute(script))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import warnings; warnings.warn('old')", "UserWarning: old"),
        ("print('x' * 101)", "101 characters"),
        ("import pathlib; pathlib.Path.cwd()", "names a folder of this machine"),
    ],
)
def test_what_does_not_belong_in_a_notebook_is_refused(code, message, tmp_path):
    script = tmp_path / "01_x.py"
    script.write_text(f"# %%\n{code}\n")
    with pytest.raises(build.LessonError, match=message):
        build.execute(script)


@pytest.mark.slow
def test_a_lesson_installs_a_wheel_where_minilocal_is_missing(tmp_path):
    """In an environment that sees all packages of this one except minilocal."""
    pip = [sys.executable, "-m", "pip"]
    subprocess.run([*pip, "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    home = next((tmp_path / "venv").rglob("site-packages"))
    for package in Path(nbformat.__file__).parents[1].iterdir():
        if "minilocal" not in package.name and not (home / package.name).exists():
            (home / package.name).symlink_to(package)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"MINILOCAL_WHEEL": str(wheel), "MINILOCAL_LESSON_SIZE": "small"}

    def run(code):
        command = [str(python), "-c", code]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)

    assert "No module named 'minilocal'" in run("import minilocal").stderr
    (tmp_path / "lesson").mkdir()
    (tmp_path / "lesson" / "01.ipynb").write_text(build.lessons()[0].with_suffix(".ipynb").read_text(encoding="utf-8"))
    code = (
        "import nbformat, nbclient; n = nbformat.read('lesson/01.ipynb', 4); "
        "nbclient.NotebookClient(n, kernel_name='python3').execute(); import minilocal; print(minilocal.__file__)"
    )
    result = run(code)
    assert result.returncode == 0, result.stderr
    assert str(home) in result.stdout


@pytest.mark.slow
def test_notebooks_look_right(tmp_path):
    pytest.importorskip("playwright")
    notebooks = [script.with_suffix(".ipynb") for script in build.lessons()]
    assert not {
        path.name: problems for path, problems in tool("render").render(notebooks, tmp_path).items() if problems
    }
