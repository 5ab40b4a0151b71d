"""Run the answers to the lessons' exercises and keep what they print: `python tutorials/teach/answers/build.py 5`.

An answer script NN_name.py belongs to the lesson of the same name, and is written like one (tutorials/build.py). Its
cells use the lesson's names, as a student's would: so the lesson runs first, at its small size, and the answers then
make the data and networks that they need. The notebook beside the script has the exercises, the answers, and what they
printed; `--check` says which notebook is not what its script says.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import psutil  # comes with ipykernel
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
LESSONS = HERE.parents[1]
SMALL = "import os\nos.environ['MINILOCAL_LESSON_SIZE'] = 'small'"
HEADING = r"^\*\*(\d) \((easy|medium|hard)\)\.\*\*"

_spec: Any = importlib.util.spec_from_file_location("lessons", LESSONS / "build.py")
lessons: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(lessons)


def scripts() -> list[Path]:
    """Return the answer scripts in the order of the lessons."""
    return sorted(HERE.glob("[0-9][0-9]_*.py"))


def exercises(lesson: Any) -> dict[str, str]:
    """Return a lesson's exercises: from "1", "2", … to the text."""
    texts = "\n\n".join(cell.source for cell in lesson.cells if cell.cell_type == "markdown")
    _, _, texts = texts.partition("## Exercises")
    texts = re.split(r"^\*(?:Lab|Next|That was)", texts, flags=re.MULTILINE)[0]
    parts = re.split(HEADING, texts, flags=re.MULTILINE)
    return {number: text.strip() for number, _, text in zip(*[iter(parts[1:])] * 3, strict=True)}


def read(script: Path) -> Any:
    """Return the answers' notebook, not yet run, each answer below the text of its exercise."""
    asked = exercises(lessons.read(LESSONS / script.name))
    notebook = lessons.read(script)
    for cell in notebook.cells:
        if found := re.match(r"## Exercise (\d)\n", cell.source):
            quoted = "\n".join(f"> {line}".rstrip() for line in asked.pop(found[1]).splitlines())
            cell.source = cell.source.replace(found[0], f"{found[0]}\n{quoted}\n", 1)
    if asked:
        raise lessons.LessonError(f"{script.name}: there is no answer to exercise {', '.join(asked)}")
    return notebook


def run(script: Path) -> tuple[Any, str]:
    """Return the answers' notebook, run after its lesson, and in words each exercise's processor seconds and its problems."""
    code = [cell.source for cell in lessons.read(LESSONS / script.name).cells if cell.cell_type == "code"]
    before = [nbformat.v4.new_code_cell(source) for source in (SMALL, *code)]
    answers = read(script)
    whole = nbformat.v4.new_notebook(cells=[*before, *answers.cells])
    client = NotebookClient(
        whole,
        timeout=None,  # on a busy machine an answer may take long
        startup_timeout=lessons.TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(LESSONS)}},
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
    )
    seconds, part = {}, "lesson"
    with client.setup_kernel():
        process = psutil.Process(client.km.provisioner.pid)
        for index, cell in enumerate(whole.cells):
            if index == len(before):
                part = "data"
            if index >= len(before) and (found := re.match(r"## (Exercise \d)", cell.source)):
                part = found[1]
            before_cell = sum(process.cpu_times()[:2])
            client.execute_cell(cell, index)
            seconds[part] = seconds.get(part, 0) + sum(process.cpu_times()[:2]) - before_cell
    problems = []
    for count, cell in enumerate((c for c in answers.cells if c.cell_type == "code"), 1):
        cell.execution_count = count
        problems += filter(None, map(lessons._problem, cell.outputs))
    answers.metadata = nbformat.from_dict(lessons.METADATA)
    words = [f"{part} {taken:.0f} s" for part, taken in seconds.items()]
    return answers, ", ".join(words + problems)


def build(script: Path) -> str:
    """Run the answers to a lesson and write their notebook; return in words the processor seconds it took."""
    answers, words = run(script)
    with lessons.replacing(script.with_suffix(".ipynb")) as file:
        file.write((nbformat.writes(answers) + "\n").encode())
    return words


def reword(script: Path) -> str:
    """Write the notebook's texts anew and leave the rest as it is; return in words what was done."""
    path, mine = script.with_suffix(".ipynb"), read(script)
    stored = nbformat.read(path, as_version=4)
    code = [[c.source for c in one.cells if c.cell_type == "code"] for one in (mine, stored)]
    if code[0] != code[1]:
        return "its code has changed: run it"
    runs = iter([cell for cell in stored.cells if cell.cell_type == "code"])
    stored.cells = [next(runs) if cell.cell_type == "code" else cell for cell in mine.cells]
    with lessons.replacing(path) as file:
        file.write((nbformat.writes(stored) + "\n").encode())
    return "texts written"


def out_of_step(script: Path) -> str:
    """Return how a script differs from its notebook, or an empty string."""
    path = script.with_suffix(".ipynb")
    if not path.exists():
        return "has no notebook"
    cells, stored = read(script).cells, nbformat.read(path, as_version=4).cells
    same = [cell.source for cell in cells] == [cell.source for cell in stored]
    return "" if same else "differs from its notebook, or the lesson's exercises have changed"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 1 if answers fail or, with --check, if a notebook is out of step."""
    parser = argparse.ArgumentParser(
        prog="python tutorials/teach/answers/build.py", description="Run the answers to exercises."
    )
    parser.add_argument("lesson", nargs="*", type=int, help="a lesson's number (default: all)")
    parser.add_argument("--check", action="store_true", help="run nothing; list what is out of step")
    parser.add_argument("--texts", action="store_true", help="run nothing; write the texts anew")
    options = parser.parse_args(argv)
    problems = 0
    for script in scripts():
        if not options.lesson or int(script.name[:2]) in options.lesson:
            if options.texts:
                print(f"{script.stem}: {reword(script)}")
            elif not options.check:
                print(f"{script.stem}: {build(script)}", flush=True)
            elif words := out_of_step(script):
                print(f"{script.name} {words}")
                problems += 1
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
