"""A student's file, loaded as a module: its holes, its functions, and its exceptions in words."""

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

from minilocal.grade.expect import WrongError

MODULE = "student"
LIBRARY = Path(__file__).parents[1]

# What an exception means to the student, where its own message doesn't explain it.
MEANINGS = {
    SystemExit: "it ends the program (exit, quit or sys.exit); return a value instead",
    KeyboardInterrupt: "it raises KeyboardInterrupt; raise a different exception",
    EOFError: "it asks for input, but nobody is there to type; use its arguments",
    RecursionError: "it calls itself without end (RecursionError); add a condition that stops it",
    MemoryError: "it asks for too much memory; does a loop append forever?",
    bdb.BdbQuit: "it starts a debugger, but nobody is there to type; remove breakpoint()",
}

# Statements that may have a hole, and where.
HOLDERS: dict[type[ast.AST], str] = {
    **dict.fromkeys((ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return), "value"),
    **{ast.For: "iter", ast.While: "test", ast.If: "test"},
}

# NumPy's message for the most frequent mistake, a forgotten transpose.
MATMUL = re.compile(r"matmul: .*\(size (\d+) is different from (\d+)\)")


class UnfitError(Exception):
    """The file can't be loaded; the message says why."""


class OutsideError(Exception):
    """Something outside the student's file has failed; the message says what."""


class Student:
    """A module written by a student. `holes` maps each function's name to the lines of its holes."""

    def __init__(self, path: Path, module: ModuleType, holes: dict[str, list[int]]) -> None:
        self.path, self.module, self.holes = path, module, holes

    def open_lines(self, names: Sequence[str]) -> list[int]:
        """Return the lines of the holes in the functions with these names."""
        return sorted({line for name in names for line in self.holes.get(name, [])})

    def call(self, name: str, *arguments: Any) -> Any:
        """Call a function and return its result; raise `WrongError` if it is missing or changes an argument."""
        function = getattr(self.module, name, None)
        if not callable(function):
            raise WrongError(f"the file no longer has a function {name}; put it back as it was")
        before = [copy.copy(a) if isinstance(a, np.ndarray | list) else None for a in arguments]
        result = function(*arguments)
        for number, (argument, old) in enumerate(zip(arguments, before, strict=True)):
            if old is not None and not _equal(argument, old):
                raise WrongError(f"{name} changes its argument {_argument(function, number)}; work on a copy")
        return result

    def describe(self, error: BaseException) -> str:
        """Return a sentence about an exception: its line, if it passed through the student's file, and its message."""
        sentence = describe(error, self.path)
        raised_there = sentence.startswith("line ") or isinstance(error, tuple(MEANINGS))
        return sentence if raised_there else f"the check can't use it: {sentence}"


def load(path: Path, uses: Sequence[str]) -> Student:
    """Run a student's file as a module; raise `UnfitError` if that fails or if the file uses a forbidden name.

    `uses` are the public names of minilocal that the file may use: they don't include the library's own answer.
    """
    tree = _parse(path)
    for line, what in _forbidden(tree, uses):
        allowed = f"only {', '.join(f'ml.{name}' for name in uses)}" if uses else "nothing"
        raise UnfitError(f"line {line} uses {what}; in this exercise, use {allowed} from minilocal")
    module = ModuleType(MODULE)
    module.__file__, module.__package__ = str(path), ""
    sys.modules[MODULE] = module  # dataclasses and others look up their module
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
        raise UnfitError(f"the file can't be opened ({error.strerror})") from None
    except (ValueError, RecursionError, MemoryError) as error:  # zero bytes; deeply nested expressions
        raise UnfitError(f"Python can't read this ({error})") from None


def _holes(tree: ast.Module) -> Iterator[tuple[str, list[int]]]:
    """Yield the name of each function and class with the lines of its holes.

    A hole is a `...` that stands alone: as a statement, or as all that a statement assigns, returns, loops over or
    tests. Elsewhere, as in x[..., 0] or (..., 0), it is a value.
    """
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            values = [getattr(n, HOLDERS[type(n)]) for n in ast.walk(node) if type(n) in HOLDERS]
            yield node.name, sorted(v.lineno for v in values if isinstance(v, ast.Constant) and v.value is ...)


def _forbidden(tree: ast.Module, uses: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield (line, name) for everything that the file uses from minilocal but may not use."""
    names = set()  # the file's own names for minilocal
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
    """Return a sentence about an exception: its last line in that file, if it passed through it, and its message.

    Raises `OutsideError` if the library failed to read or write a file: no student's code asks it to.
    """
    beyond: list[traceback.FrameSummary] = []  # what the file's last line called
    where = ""
    for frame in traceback.extract_tb(error.__traceback__):
        beyond.append(frame)
        if frame.filename == str(path):
            where, beyond = f"line {frame.lineno}, `{textwrap.shorten(frame.line or '', 80)}`: ", []
    if isinstance(error, OSError | EOFError) and any(LIBRARY in Path(frame.filename).parents for frame in beyond):
        raise OutsideError(f"{beyond[-1].filename}, line {beyond[-1].lineno}: {type(error).__name__}: {error}")
    for kind, meaning in MEANINGS.items():
        if isinstance(error, kind):
            return where + meaning
    what = traceback.format_exception_only(type(error), error)[-1].removeprefix(f"{type(error).__module__}.")
    if sizes := MATMUL.search(what):
        what = f"the inner sizes of this product are {sizes[2]} and {sizes[1]}, which differ; is a transpose missing?"
    return where + textwrap.shorten(what, 300)


def _equal(one: Any, other: Any) -> bool:
    return np.array_equal(one, other, equal_nan=True) if isinstance(one, np.ndarray) else one == other


def _argument(function: Any, number: int) -> str:
    try:
        return list(inspect.signature(function).parameters)[number]
    except (ValueError, TypeError, IndexError):
        return f"number {number + 1}"
