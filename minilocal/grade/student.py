"""A student's file: loaded as a module, with the holes that are left in it and its functions under watch."""

from __future__ import annotations

import ast
import bdb
import copy
import inspect
import re
import sys
import textwrap
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from minilocal.grade.case import WrongError

MODULE = "student"

# What an exception means to who wrote the code, where its own words would not say.
MEANINGS = {
    SystemExit: "it ends the program (exit, quit or sys.exit); return a value instead",
    KeyboardInterrupt: "it raises KeyboardInterrupt; raise nothing that is meant for the keyboard",
    EOFError: "it asks for input, and nobody is there to type; use the arguments",
    RecursionError: "it calls itself again and again (RecursionError); let something stop it",
    MemoryError: "it asks for too much memory; does a loop append for ever?",
    bdb.BdbQuit: "it starts a debugger, and nobody is there to type; take breakpoint() out",
}

# NumPy's words for the most frequent mistake, a transpose that was forgotten.
MATMUL = re.compile(r"matmul: .*\(size (\d+) is different from (\d+)\)")


class UnfitError(Exception):
    """The file can't be loaded: the message says why."""


class Student:
    """A module that a student wrote, and the lines of the holes in each of its functions, by name."""

    def __init__(self, path: Path, module: ModuleType, holes: dict[str, list[int]]) -> None:
        self.path, self.module, self.holes = path, module, holes

    def open_lines(self, names: Sequence[str]) -> list[int]:
        """Return the lines of the holes in functions of these names."""
        return sorted({line for name in names for line in self.holes.get(name, [])})

    def call(self, name: str, *arguments: Any) -> Any:
        """Return what a function gives for the arguments; `WrongError` if it is missing or changes an argument."""
        function = getattr(self.module, name, None)
        if not callable(function):
            raise WrongError(f"the file has no function {name} any more; put it back as it was")
        before = [copy.copy(a) if isinstance(a, np.ndarray | list) else None for a in arguments]
        result = function(*arguments)
        for number, (argument, old) in enumerate(zip(arguments, before, strict=True)):
            if old is not None and not _equal(argument, old):
                raise WrongError(f"{name} changes its argument {_argument(function, number)}; work on a copy")
        return result

    def describe(self, error: BaseException) -> str:
        """Return an exception in a sentence: where in the student's file, if it was raised there, and what."""
        sentence = describe(error, self.path)
        raised_there = sentence.startswith("line ") or isinstance(error, tuple(MEANINGS))
        return sentence if raised_there else f"it can't be used as it is: {sentence}"


def load(path: Path, uses: Sequence[str]) -> Student:
    """Run a student's file as a module; `UnfitError` if it can't be run or imports what the exercise does not allow.

    `uses` are the public names of minilocal that it may use: the library's own answer is not among them.
    """
    tree = _parse(path)
    for line, what in _forbidden(tree, uses):
        allowed = f"of minilocal, use {', '.join(f'ml.{name}' for name in uses)} alone" if uses else "leave it out"
        raise UnfitError(f"line {line} uses {what}; this exercise does without: {allowed}")
    module = ModuleType(MODULE)
    module.__file__, module.__package__ = str(path), ""
    sys.modules[MODULE] = module  # dataclasses and others look their module up
    sys.path.append(str(path.parent))  # at the end: a student's random.py must not hide Python's
    try:
        exec(compile(tree, str(path), "exec"), module.__dict__)
    except BaseException as error:
        raise UnfitError(describe(error, path)) from None
    return Student(path, module, dict(_holes(tree)))


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), str(path))
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        raise UnfitError(f"{where}Python can't read this ({error.msg})") from None
    except OSError as error:
        raise UnfitError(f"it can't be opened ({error.strerror})") from None
    except (ValueError, RecursionError, MemoryError) as error:  # zero bytes; expressions within expressions within …
        raise UnfitError(f"Python can't read this ({error})") from None


def _holes(tree: ast.Module) -> Iterator[tuple[str, list[int]]]:
    """Yield each function's and class's name and the lines where it has a `...` that is no index."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, sorted(_ellipses(node))


def _ellipses(node: ast.AST) -> Iterator[int]:
    if isinstance(node, ast.Constant) and node.value is ...:
        yield node.lineno
    for field, child in ast.iter_fields(node):
        if isinstance(node, ast.Subscript) and field == "slice":
            continue  # x[..., 0] and tuple[int, ...] are no holes
        for part in child if isinstance(child, list) else [child]:
            if isinstance(part, ast.AST):
                yield from _ellipses(part)


def _forbidden(tree: ast.Module, uses: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield (line, what) for everything of minilocal that the file uses and may not."""
    names = set()  # under which it has the library
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "minilocal":
                    names.add(alias.asname or alias.name)
                elif alias.name.startswith("minilocal."):
                    yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "minilocal":
            for alias in node.names:
                if node.module != "minilocal" or alias.name not in uses:
                    yield node.lineno, f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in names and attribute not in uses:
                yield node.lineno, f"{name}.{attribute}"


def describe(error: BaseException, path: Path) -> str:
    """Return an exception in a sentence: its last line in that file, if it passed there, and what it says."""
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    where = f"line {lines[-1].lineno}, `{textwrap.shorten(lines[-1].line or '', 80)}`: " if lines else ""
    for kind, meaning in MEANINGS.items():
        if isinstance(error, kind):
            return where + meaning
    what = traceback.format_exception_only(type(error), error)[-1].removeprefix(f"{type(error).__module__}.")
    if sizes := MATMUL.search(what):
        what = f"the inner sizes of this product are {sizes[2]} and {sizes[1]}, not the same; is a transpose missing?"
    return where + textwrap.shorten(what, 300)


def _equal(one: Any, other: Any) -> bool:
    return np.array_equal(one, other, equal_nan=True) if isinstance(one, np.ndarray) else one == other


def _argument(function: Any, number: int) -> str:
    try:
        return list(inspect.signature(function).parameters)[number]
    except (ValueError, TypeError, IndexError):
        return f"number {number + 1}"
