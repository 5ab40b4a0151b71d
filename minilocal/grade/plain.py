"""Plain values as bytes and back: numbers, text, tuples, lists, dictionaries and NumPy's arrays of numbers.

A message is one JSON text and the arrays that it mentions, each as a .npy file of version 1.0, every part after its
length. Whatever else a value is, such as a function, travels as `Other`: a few words about it. `unpack` runs nothing,
trusts nothing, and raises `PlainError` unless every byte is as `pack` would have written it.

Both processes use this file, and the student's one can't import minilocal: it must only import NumPy and Python.
"""

from __future__ import annotations

import io
import json
import math
import re
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

MOST_BYTES = 8 << 20  # of a message from a hand-in
MOST_ITEMS = 100_000  # in its JSON, all in all, and arrays
DEEPEST = 40  # values inside one another
LENGTH = struct.Struct("<I")
HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(..)\{'descr': '([<|][fiub][1248])', 'fortran_order': False, 'shape': \(([0-9, ]*)\), \} *\n",
    re.DOTALL,
)


class PlainError(ValueError):
    """These bytes are no message."""


class Other(NamedTuple):
    """A value that can't travel: `words` say what it is, as in "of type function"."""

    words: str


def pack(value: Any, construction: Callable[[Any], tuple[str, dict[str, Any]] | None] = lambda value: None) -> bytes:
    """Return a value as a message; `construction` gives the class and arguments of objects that may travel."""
    arrays: list[np.ndarray] = []
    text = json.dumps(_encoded(value, arrays, construction, {}, 0)).encode()
    return b"".join(LENGTH.pack(len(part)) + part for part in (text, *map(_npy, arrays)))


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=(1, 0), allow_pickle=False)
    return file.getvalue()


def _encoded(value: Any, arrays: list[np.ndarray], construction: Any, seen: dict[int, int], depth: int) -> Any:
    """Return what JSON stores for a value; lists and dictionaries of JSON itself never stand for the value's own."""

    def inner(items: Any) -> list[Any]:
        return [_encoded(item, arrays, construction, seen, depth + 1) for item in items]

    if depth > DEEPEST:
        return {"other": "nested too deeply"}
    if value is None or type(value) in (bool, float, str) or (type(value) is int and abs(value) < 1 << 63):
        return value
    if isinstance(value, np.ndarray | np.generic):
        array = np.ascontiguousarray(value).reshape(np.shape(value))
        if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
            return {"other": f"an array of type {array.dtype}"}
        arrays.append(array.astype(array.dtype.newbyteorder("<"), copy=False))
        return {"array": len(arrays) - 1}
    if isinstance(value, tuple | list) and len(value) > MOST_ITEMS:
        return {"other": f"a {type(value).__name__} of length {len(value)}"}
    if isinstance(value, tuple | list):
        return {"tuple" if isinstance(value, tuple) else "list": inner(value)}
    if type(value) is dict:
        return {"dict": inner(value.items())}
    if (made := construction(value)) is not None:
        known = id(value) in seen
        number = seen.setdefault(id(value), len(seen))
        return {"again": number} if known else {"object": inner(made)}
    return {"other": "still `...`" if value is ... else f"of type {type(value).__name__[:40]}"}


def unpack(message: bytes, construct: Callable[[str, dict[str, Any]], Any] | None = None) -> Any:
    """Return the value of a message; `construct` makes the objects in it, which are refused without it."""
    text, *arrays = _parts(message)
    try:
        return _Reader(list(map(_array, arrays)), construct).decoded(json.loads(text), 0)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise PlainError(f"{type(error).__name__}: {error}"[:200]) from None


def _parts(message: bytes) -> list[bytes]:
    parts: list[bytes] = []
    rest = memoryview(message)
    while rest or not parts:
        size = int.from_bytes(rest[: LENGTH.size], "little")
        parts.append(bytes(rest[LENGTH.size : LENGTH.size + size]))
        if len(rest) < LENGTH.size or len(parts[-1]) < size or len(parts) > MOST_ITEMS:
            raise PlainError("a part is shorter than its length says, or there are too many")
        rest = rest[LENGTH.size + size :]
    return parts


def _array(data: bytes) -> np.ndarray:
    found = HEADER.match(data[:512])
    if not found or int.from_bytes(found[1], "little") != found.end() - 10:
        raise PlainError("an array has no header as NumPy writes it")
    dtype, shape = (
        np.dtype(found[2].decode()),
        tuple(int(size) for size in found[3].decode().split(",") if size.strip()),
    )
    if len(shape) > 8 or math.prod(shape) * dtype.itemsize != len(data) - found.end():
        raise PlainError("an array's data don't fit its shape")
    if dtype.kind == "b" and np.frombuffer(data, np.uint8, offset=found.end()).max(initial=0) > 1:
        raise PlainError("a truth value is neither 0 nor 1")
    return np.frombuffer(data, dtype, offset=found.end()).reshape(shape).copy()


class _Reader:
    def __init__(self, arrays: list[np.ndarray], construct: Any) -> None:
        self.arrays, self.construct = arrays, construct
        self.objects: list[Any] = []
        self.items = self.used = 0

    def decoded(self, node: Any, depth: int) -> Any:
        self.items += 1
        if self.items > MOST_ITEMS or depth > DEEPEST + 1:
            raise PlainError("it has too many items, or they are nested too deeply")
        if node is None or isinstance(node, bool | float | str) or (isinstance(node, int) and abs(node) < 1 << 63):
            return node
        ((kind, content),) = node.items() if isinstance(node, dict) else [("list in JSON", node)]
        if kind == "other" and isinstance(content, str):
            return Other("".join(c for c in content[:100] if c.isprintable()))  # nothing that a terminal obeys
        if kind == "array" and type(content) is int and content == self.used < len(self.arrays):
            self.used += 1  # in order, and each once: the same one, ten thousand times, could fill the memory
            return self.arrays[content]
        if kind == "again" and type(content) is int and content >= 0:
            return self.objects[content]
        if kind in ("tuple", "list", "dict", "object") and isinstance(content, list):
            values = [self.decoded(item, depth + 1) for item in content]
            if kind == "object" and self.construct is not None:
                self.objects.append(self.construct(*values))
                return self.objects[-1]
            if kind != "object":
                return {"tuple": tuple, "list": list, "dict": dict}[kind](values)
        raise PlainError(f"it contains {str(kind)[:40]!r}")
