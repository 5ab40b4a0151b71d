"""The lessons: scripts and notebooks in step, whole, and running from a clean kernel at a reduced size."""

import importlib.util
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import nbformat
import pytest

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


def test_a_pair_out_of_step_is_noticed(tmp_path):
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
def test_a_lesson_is_whole(script, stored):
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
            assert re.fullmatch(r"\d\d_\w+\.ipynb", target)  # the next lesson may come later
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
def test_the_first_cell_installs_minilocal_from_its_address(script, stored):
    address = re.search(r'^Repository = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)[1]
    first = cells(stored, "code")[0].source
    assert f'"git+{address}"' in first
    assert first == cells(build.read(build.lessons()[0]), "code")[0].source


@every_lesson
def test_a_lesson_runs_from_a_clean_kernel(script, monkeypatch):
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
    """In an environment that sees this one's packages, but not minilocal."""
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
