"""What the project's documentation says is true."""

import inspect
import re
import textwrap
from pathlib import Path

import pytest

from minilocal import __version__
from minilocal.console import cli
from minilocal.training.trainer import Trainer

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RUNNING = (ROOT / "tutorials" / "running.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_ci_runs_exactly_the_readmes_test_command():
    _, test_command = blocks("sh")
    assert test_command in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_readmes_python_runs(capsys):
    code = "\n".join(blocks("python"))
    exec(compile(code.replace("train_size=3000", "train_size=512, test_size=200"), "README.md", "exec"), {})
    out = capsys.readouterr().out
    assert "epoch 1: blocks 1-2, 3-4; test accuracy" in out
    assert "epoch 2: blocks 2-3, 4; test accuracy" in out


def test_the_loop_in_your_own_hands_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", RUNNING, re.DOTALL)
    exec(compile(code.replace("train_size=3000", "train_size=512, test_size=200"), "running.md", "exec"), {})
    assert "block 4: loss" in capsys.readouterr().out


def test_the_page_about_layers_of_ones_own_runs_and_prints_what_it_shows(capsys):
    page = (ROOT / "tutorials" / "own_layers.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    small = code.replace("train_size=2000", "train_size=300, test_size=100").replace("epochs=4", "epochs=2")
    exec(compile(small, "own_layers.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert sum(line.endswith("  ok") for line in printed) == 8
    assert any(line.startswith("epoch 2: test accuracy") for line in printed)
    costs = [line for line in printed if line.endswith("multiply-adds per image")]
    assert len(costs) == 3
    assert "\n".join(f"    {line}" for line in costs) in page


def test_the_readmes_loop_is_the_trainers():
    source = textwrap.dedent(inspect.getsource(Trainer.train_epoch))
    (loop,) = blocks("py")
    assert textwrap.indent(loop, "    ") in source
    assert 15 <= len(loop.splitlines()) <= 25


def test_no_file_contains_the_address_of_a_code_host():
    """Someone could register it and run code on readers' machines; it belongs in pyproject's [project.urls] alone."""
    patterns = (
        "*.*",
        ".ci/*",
        ".github/**/*.*",
        "data/*.*",
        "minilocal/**/*.*",
        "tutorials/*.*",
        "tutorials/_site/**/*.*",
    )
    address = r"(github|gitlab|bitbucket|codeberg)\.(com|org|io)|git\+http|colab\.research\.google\.com/github/\w"
    for path in (path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()):
        if "__pycache__" not in path.parts:
            assert not re.search(address, path.read_text(encoding="utf-8", errors="replace")), path


def test_ten_lines_are_ten_lines():
    assert len(blocks("python")[0].strip().splitlines()) <= 10


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_links_between_pages_lead_to_headings():
    for page in (ROOT / "tutorials").glob("*.md"):
        for name, anchor in re.findall(r"\]\(([\w./]+\.md)#([^)]+)\)", page.read_text(encoding="utf-8")):
            headings = re.findall(r"^#+ (.+)$", (page.parent / name).read_text(encoding="utf-8"), re.M)
            anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, f"{page.name}: {name}#{anchor}"


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_is_on_the_page_about_running(name):
    assert re.search(rf"`(python -m minilocal\.|minilocal ){name}[ `]", RUNNING)


def test_one_version():
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f"version: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_docstrings_cite_headings_that_exist():
    headings = set(re.findall(r"^## (.+)$", (ROOT / "tutorials" / "reference.md").read_text(encoding="utf-8"), re.M))
    cited = {
        heading
        for path in (ROOT / "minilocal").rglob("*.py")
        for heading in re.findall(r'tutorials/reference\.md, "([^"]+)"', path.read_text(encoding="utf-8"))
    }
    assert cited
    assert cited <= headings


def test_public_functions_and_classes_are_documented():
    """ruff's D1 rules require docstrings; this checks that they are on."""
    assert '"D1"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_data_is_small():
    assert sum(path.stat().st_size for path in (ROOT / "data").rglob("*") if path.is_file()) <= 8_000_000
