"""The student's process: loads a hand-in, calls its functions, and sends back what they return.

It knows no expected value, no point and no other hand-in. What a hand-in breaks in here, it breaks for itself.

Messages, each after its length: this process begins with {"holds"}, what it is locked out of. The grader sends {"file",
"source"} and gets {"unfit", "printed", "holes"}. Then, for each trial, it sends {"function", "arguments", "helpers"}
and gets {"result", "states", "changed", "printed"} or {"raised", "open", "printed"}.
"""

from __future__ import annotations

import ast
import bdb
import contextlib
import copy
import inspect
import io
import linecache
import os
import re
import struct
import sys
import textwrap
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from . import locked, plain, standins  # relative, because this package has another name in the student's process

MODULE = "handed_in"
MOST_PRINTED = 2000  # characters
LENGTH = struct.Struct("<I")

# What an exception means to the student, where its own message doesn't explain it.
MEANINGS = {
    SystemExit: "it ends the program (exit, quit or sys.exit); return a value instead",
    KeyboardInterrupt: "it raises KeyboardInterrupt; raise a different exception",
    EOFError: "it asks for input, but nobody is there to type; use its arguments",
    RecursionError: "it calls itself without end (RecursionError); add a condition that stops it",
    MemoryError: "it asks for too much memory; does a loop append forever?",
    PermissionError: "it opens a file, starts a program or uses the network; compute with its arguments",
    bdb.BdbQuit: "it starts a debugger, but nobody is there to type; remove breakpoint()",
}

# Statements that may have a hole, and where.
HOLDERS: dict[type[ast.AST], str] = {
    **dict.fromkeys((ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return), "value"),
    **{ast.For: "iter", ast.While: "test", ast.If: "test"},
}

# NumPy's message for the most frequent mistake, a forgotten transpose.
MATMUL = re.compile(r"matmul: .*\(size (\d+) is different from (\d+)\)")


# What stands for an answer that can't be sent.
UNTOLD = "it raises an exception that can't be described"
UNREAD = "it returns an object that can't be read; return numbers, lists, or arrays of numbers"
TOO_LARGE = f"it returns more than {plain.MOST_BYTES >> 20} MB; does a loop append forever, or a broadcast go wrong?"


class UnfitError(Exception):
    """The file can't be loaded; the message says why."""


class Printed(io.StringIO):
    """A stream that keeps the beginning of what is printed to it."""

    def write(self, text: str) -> int:
        """Keep the text as far as there is room."""
        super().write(text[: MOST_PRINTED - len(self.getvalue())])
        return len(text)


@contextlib.contextmanager
def quiet() -> Iterator[Printed]:
    """Keep what the `with` block prints, and silence its warnings."""
    printed = Printed()
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")
        yield printed


def load(name: str, source: str) -> tuple[types.ModuleType, dict[str, list[int]]]:
    """Run a hand-in as a module; return it, and its holes by function. Raises `UnfitError` if that fails."""
    tree = _parse(name, source)
    module = types.ModuleType(MODULE)
    module.__file__, module.__package__ = name, ""
    sys.modules[MODULE] = module  # dataclasses and others look up their module
    linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
    try:
        exec(compile(tree, name, "exec"), module.__dict__)
    except BaseException as error:
        raise UnfitError(describe(error, name)) from None
    return module, dict(_holes(tree))


def _parse(name: str, source: str) -> ast.Module:
    try:
        return ast.parse(source, name)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        raise UnfitError(f"{where}Python can't read this ({error.msg})") from None
    except (ValueError, RecursionError, MemoryError) as error:  # zero bytes; deeply nested expressions
        raise UnfitError(f"Python can't read this ({error})") from None


def _holes(tree: ast.Module) -> Iterator[tuple[str, list[int]]]:
    """Yield the name of each function with the lines of its holes.

    A hole is a `...` that stands alone: as a statement, or as all that a statement assigns, returns, loops over or
    tests. Elsewhere, as in x[..., 0] or (..., 0), it is a value.
    """
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            values = [getattr(n, HOLDERS[type(n)]) for n in ast.walk(node) if type(n) in HOLDERS]
            yield node.name, sorted(v.lineno for v in values if isinstance(v, ast.Constant) and v.value is ...)


def read_trial(message: bytes) -> tuple[dict[str, Any], list[standins.StandIn]]:
    """Return what a function is to be called with, and the stand-ins among it."""
    made: list[standins.StandIn] = []

    def construct(kind: str, arguments: dict[str, Any]) -> standins.StandIn:
        made.append(standins.construct(kind, arguments))
        return made[-1]

    return plain.unpack(message, construct), made


def answer(module: Any, trial: dict[str, Any], made: list[standins.StandIn]) -> dict[str, Any]:
    """Call a function of a module, or of another object, as the trial says; return its result, or what it raises."""
    name, arguments = trial["function"], trial["arguments"]
    with quiet() as printed:
        try:
            reply = call(module, name, arguments, trial["helpers"]) | {"states": [standin.state() for standin in made]}
        except BaseException as error:
            reply = {"raised": UNTOLD, "open": isinstance(error, NotImplementedError)}
            with contextlib.suppress(BaseException):  # an exception may raise another one when it is asked what it is
                code = getattr(getattr(module, name, None), "__code__", None)
                sentence = describe(error, getattr(code, "co_filename", ""))
                known = sentence.startswith("line ") or isinstance(error, tuple(MEANINGS))
                reply["raised"] = sentence if known else f"the grader can't call {name}: {sentence}"
    return reply | {"printed": printed.getvalue()}


def call(module: Any, name: str, arguments: tuple[Any, ...], helpers: dict[str, Any]) -> dict[str, Any]:
    """Call a function and return its result and the names of the arguments that it changed.

    While it runs, the functions in `helpers` answer as the reference's did, if they are called with the same arguments:
    a wrong helper then costs its own points only.
    """
    function = getattr(module, name, None)
    if not callable(function):
        return {"raised": f"the file no longer has a function {name}; put it back as it was", "open": False}
    before = [snapshot(a) for a in arguments]
    own = {helper: getattr(module, helper, None) for helper in helpers}
    vars(module).update({helper: replayed(own[helper], known) for helper, known in helpers.items()})
    try:
        result = function(*arguments)
    finally:
        vars(module).update(own)
    same = [equal(old, a) for old, a in zip(before, arguments, strict=True)]
    return {"result": result, "changed": [argument(function, n) for n, kept in enumerate(same) if not kept]}


def snapshot(value: Any) -> Any:
    """Return a copy of an array, or of a list or tuple with the arrays in it; anything else as it is."""
    if isinstance(value, list | tuple):
        return [snapshot(item) for item in value]
    return value.copy() if isinstance(value, np.ndarray) else value


def replayed(own: Any, known: list[Any]) -> Callable[..., Any]:
    """Return a function that answers as recorded, and like the hand-in's own function for other arguments."""

    def helper(*arguments: Any, **named: Any) -> Any:
        given = inspect.signature(own).bind(*arguments, **named).args if named else arguments
        for recorded, result in known:
            if equal(recorded, given):
                return copy.deepcopy(result)
        return own(*arguments, **named)

    return helper


def equal(one: Any, other: Any) -> bool:
    """Return whether two values are equal; arrays up to rounding, and lists and tuples as the same."""
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.shape == other.shape and np.allclose(one, other, rtol=1e-9, atol=1e-12, equal_nan=True)
    return bool(one is other or (isinstance(one, int | float | str) and one == other))


def argument(function: Any, number: int) -> str:
    """Return an argument's name."""
    try:
        return list(inspect.signature(function).parameters)[number]
    except (ValueError, TypeError, IndexError):
        return f"number {number + 1}"


def describe(error: BaseException, name: str) -> str:
    """Return a sentence about an exception: its last line in that file, if it passed through it, and its message."""
    where = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == name:
            where = f"line {frame.lineno}, `{textwrap.shorten(frame.line or '', 80)}`: "
    for kind, meaning in MEANINGS.items():
        if isinstance(error, kind):
            return where + meaning
    what = traceback.format_exception_only(type(error), error)[-1].removeprefix(f"{type(error).__module__}.")
    if sizes := MATMUL.search(what):
        what = f"the inner sizes of this product are {sizes[2]} and {sizes[1]}, which differ; is a transpose missing?"
    if isinstance(error, ImportError):
        what = f"{what.strip()}; a lab has only NumPy and Python's own library"
    return where + textwrap.shorten(what, 300)


def work(numpy: Path) -> None:
    """Do what the grader asks until it ends this process."""
    ours, theirs = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    send(theirs, {"holds": locked.lock(numpy)})
    start = plain.unpack(received(ours))
    module, unfit = types.ModuleType(MODULE), ""
    holes: dict[str, list[int]] = {}
    with quiet() as printed:
        try:
            module, holes = load(start["file"], start["source"])
        except UnfitError as error:
            unfit = str(error)
    send(theirs, {"unfit": unfit, "printed": printed.getvalue(), "holes": holes})
    while message := received(ours):
        send(theirs, answer(module, *read_trial(message)))
    os._exit(0)  # whatever threads and exit functions the hand-in has left


def received(stream: Any) -> bytes:
    """Return the next message, or nothing if the grader has gone."""
    head = stream.read(LENGTH.size)
    return bytes(stream.read(LENGTH.unpack(head)[0])) if len(head) == LENGTH.size else b""


def send(stream: Any, value: dict[str, Any]) -> None:
    """Send a value."""
    try:
        message = plain.pack(value)
    except BaseException:  # of an object that only looks like an array or a list
        message = plain.pack({"raised": UNREAD, "open": False})
    if len(message) > plain.MOST_BYTES:
        message = plain.pack({"raised": TOO_LARGE, "open": False})
    stream.write(LENGTH.pack(len(message)) + message)
    stream.flush()
