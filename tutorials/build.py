"""Build the lessons' notebooks from their scripts: `python tutorials/build.py`.

A lesson is a pair of files. NN_name.py is what you edit: a jupytext script, where `# %%` begins a
cell of code and `# %% [markdown]` one of text. NN_name.ipynb is what people read: the same cells
with their outputs, so that a code host shows them without running anything. The pair is in step
when the cells agree and the notebook was run to its end.

The same script and library always give the same bytes: cells are named after their content, and
nothing is stored about when, where or how fast the notebook ran. The build fails if a cell raises
or warns, or if an output is too wide for the page or names a folder of this machine.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from minilocal.files import replacing

HERE = Path(__file__).resolve().parent
WIDEST = 100  # characters of a printed line
TIMEOUT = 600  # seconds for a cell
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class LessonError(Exception):
    """A lesson raised, warned, or printed something that does not belong in a notebook."""


def lessons() -> list[Path]:
    """Return the lessons' scripts in order."""
    return sorted(HERE.glob("[0-9][0-9]_*.py"))


def read(script: Path) -> Any:
    """Return a lesson's notebook, not yet run."""
    notebook = jupytext.reads(script.read_text(encoding="utf-8"), fmt="py:percent")
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(METADATA)
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        name = hashlib.sha256(cell.source.encode()).hexdigest()[:12]
        seen[name] = seen.get(name, 0) + 1
        cell.id = name if seen[name] == 1 else f"{name}-{seen[name]}"
    return notebook


def execute(script: Path) -> Any:
    """Return a lesson's notebook, run in a clean kernel; raise `LessonError` if that goes wrong."""
    notebook = read(script)
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(HERE)}},
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise LessonError(f"{script.name}: a cell raises\n{error}") from None
    notebook.metadata = nbformat.from_dict(METADATA)  # without the kernel's version
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata.pop("execution", None)
            problem = "".join(filter(None, map(_problem, cell.outputs)))
            if problem:
                raise LessonError(f"{script.name}: {problem}\nin the cell\n\n{cell.source}")
    return notebook


def _problem(output: Any) -> str:
    """Return what is wrong with a cell's output, or an empty string."""
    if output.output_type == "stream" and output.name == "stderr":
        return f"a cell prints to stderr, as warnings do:\n{output.text}"
    text = (
        output.text
        if output.output_type == "stream"
        else output.get("data", {}).get("text/plain", "")
    )
    if any(folder in text for folder in {str(HERE.parent), str(Path.home()) + "/", sys.prefix}):
        return f"an output names a folder of this machine:\n{text}"
    if output.output_type == "stream":
        for line in text.splitlines():
            if len(line) > WIDEST:
                return f"a printed line has {len(line)} characters, more than {WIDEST}:\n{line}"
    return ""


def out_of_step(script: Path) -> str:
    """Return how a lesson's notebook differs from its script, or an empty string."""
    path = script.with_suffix(".ipynb")
    if not path.exists():
        return "has no notebook"
    cells, stored = read(script).cells, nbformat.read(path, as_version=4).cells
    for number, (mine, theirs) in enumerate(zip(cells, stored, strict=False), 1):
        if any(mine[key] != theirs[key] for key in ("cell_type", "source", "id")):
            return f"differs from its notebook in cell {number}"
    if len(cells) != len(stored):
        return f"has {len(cells)} cells, its notebook {len(stored)}"
    runs = [cell.execution_count for cell in stored if cell.cell_type == "code" and cell.source]
    if runs != list(range(1, len(runs) + 1)):
        return "has a notebook that was not run from its first cell to its last"
    return ""


def build(script: Path) -> None:
    """Run a lesson, write its notebook, and print the time it took and its claims.

    Processor seconds are those of the kernel: other jobs on the machine hardly change them.
    """
    start, before = time.perf_counter(), sum(os.times()[2:4])
    notebook = execute(script)
    seconds, busy = time.perf_counter() - start, sum(os.times()[2:4]) - before
    text = nbformat.writes(notebook) + "\n"
    with replacing(script.with_suffix(".ipynb")) as file:
        file.write(text.encode())
    print(f"{script.stem}: {seconds:.0f} s, {busy:.0f} processor seconds, {len(text) / 1e6:.1f} MB")
    for claim in claims(notebook):
        print(f"    {claim}")


def claims(notebook: Any) -> list[str]:
    """Return the lines printed by `minilocal.course.check`."""
    lines = [
        line
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
        for line in output.text.splitlines()
    ]
    return [line for line in lines if line.startswith("✓")]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 1 if a lesson fails or, with --check, if a pair is out of step."""
    parser = argparse.ArgumentParser(
        prog="python tutorials/build.py", description="Run lessons and write their notebooks."
    )
    parser.add_argument(
        "lesson",
        nargs="*",
        type=int,
        help="a lesson's number (default: lessons that are out of step)",
    )
    parser.add_argument("--all", action="store_true", help="every lesson")
    parser.add_argument(
        "--check", action="store_true", help="run nothing; list the pairs that are out of step"
    )
    options = parser.parse_args(argv)
    chosen = [s for s in lessons() if not options.lesson or int(s.name[:2]) in options.lesson]
    if len(chosen) < len(set(options.lesson)):
        parser.error(f"there is no such lesson; there are {', '.join(s.stem for s in lessons())}")
    if options.check:
        problems = {script: problem for script in chosen if (problem := out_of_step(script))}
        for script, problem in problems.items():
            print(f"{script.name} {problem}; run python tutorials/build.py {int(script.name[:2])}")
        return 1 if problems else 0
    for script in chosen:
        if options.all or options.lesson or out_of_step(script):
            try:
                build(script)
            except LessonError as error:
                print(error, file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
