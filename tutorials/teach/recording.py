"""Run the reference solutions, and write down what a hand-in's functions get and should return.

After an edit of a solution or of its cases, `python tutorials/teach/recording.py` writes anew what students have: the
labs with holes in tutorials/labs/, and minilocal/grade/public.cases.

A hole is what stands at a SOLUTION mark in a solution: after a statement on its line, whose value it is, or on a line of
its own, which begins a hole that ends at the line END.
"""

from __future__ import annotations

import ast
import copy
import importlib.util
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from minilocal.grade import inside, plain, standins
from minilocal.grade.lab import PUBLIC, VERSION, Case, Lab, Trial

TEACH = Path(__file__).resolve().parent
ORDER = (
    "margin",
    "dilated",
    "groupnorm",
    "branches",
    "two_layers",
    "many_losses",
    "bounce",
    "rooms",
)
MARK, BLOCK, END = "  # SOLUTION", "# SOLUTION", "# END"


def record(
    solution: types.ModuleType,
    function: str,
    label: str,
    arguments: tuple[Any, ...],
    helpers: Sequence[str],
    mistakes: Mapping[str, Callable[..., Any]],
) -> Trial:
    """Return a trial with the solution's results, and with what its helpers returned on the way."""
    known: dict[str, list[Any]] = {name: [] for name in helpers}
    message = plain.pack({"arguments": arguments}, standins.construction)
    wrong = {
        words: call(*inside.read_trial(message)[0]["arguments"]) for words, call in mistakes.items()
    }
    working, made = inside.read_trial(message)
    own = {name: getattr(solution, name) for name in helpers}

    def noted(name: str) -> Callable[..., Any]:
        def helper(*values: Any) -> Any:
            result = own[name](*values)
            known[name].append((copy.deepcopy(values), copy.deepcopy(result)))
            return result

        return helper

    vars(solution).update({name: noted(name) for name in helpers})
    try:
        result = getattr(solution, function)(*working["arguments"])
    finally:
        vars(solution).update(own)
    return Trial(label, arguments, known, result, [standin.state() for standin in made], wrong)


def encoded(labs: Iterable[Lab]) -> bytes:
    """Return the content of a file of cases."""
    return plain.pack(
        {"version": VERSION, "labs": [asdict(lab) for lab in labs]}, standins.construction
    )


def labs(seed: int, root: Path = TEACH) -> list[Lab]:
    """Return all labs, with results for a seed, from the solutions."""
    found = []
    for number, name in enumerate(ORDER):
        solution, told = (_module(root / kind / f"{name}.py") for kind in ("solutions", "cases"))
        rng = np.random.default_rng([seed, number])
        cases = tuple(_case(solution, rng, **case) for case in told.CASES)
        found.append(Lab(name, told.TITLE, told.LESSON, told.WEEK, cases))
    return found


def _case(
    solution: types.ModuleType,
    rng: np.random.Generator,
    trials: Callable[[np.random.Generator], Iterable[tuple[str, tuple[Any, ...]]]],
    helpers: Sequence[str] = (),
    mistakes: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
    **about: Any,
) -> Case:
    """Return a case: `trials(rng)` yields labels and arguments, and `mistakes` return what a mistake would.

    `helpers` are the solution's functions that the function may call; `about` is what else a `Case` has.
    """
    made = [record(solution, about["function"], *trial, helpers, mistakes) for trial in trials(rng)]
    return Case(**about, trials=tuple(made))


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cut(text: str) -> str:
    """Return a solution with holes in the place of what is marked.

    >>> print(cut("def f(x):\\n    y = x + 1  # SOLUTION\\n    # SOLUTION\\n    y += 2\\n    # END\\n    return y"))
    def f(x):
        y = ...
        ...
        return y
    """
    lines, inside = [], False
    for line in text.split("\n"):
        word, indent = line.strip(), line[: len(line) - len(line.lstrip())]
        if word == BLOCK:
            inside = True
            lines.append(f"{indent}...")
        elif word == END:
            inside = False
        elif not inside:
            lines.append(_hole(line.removesuffix(MARK), indent) if line.endswith(MARK) else line)
    return "\n".join(lines)


def _hole(line: str, indent: str) -> str:
    statement = ast.parse(line.strip()).body[0] if "return" not in line.split()[0] else None
    targets = ast.unparse(statement.targets[0]) if isinstance(statement, ast.Assign) else ""
    return f"{indent}{targets} = ..." if targets else f"{indent}return ..."


def holes() -> dict[str, str]:
    """Return the text of each lab as students get it, by the name of its file."""
    folder = TEACH / "solutions"
    return {
        f"{name}.py": cut((folder / f"{name}.py").read_text(encoding="utf-8")) for name in ORDER
    }


def publish() -> None:
    """Write what students have, with results for seed 0."""
    for name, text in holes().items():
        (TEACH.parent / "labs" / name).write_text(text, encoding="utf-8", newline="\n")
    PUBLIC.write_bytes(encoded(labs(0)))


if __name__ == "__main__":
    publish()
