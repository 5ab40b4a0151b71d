"""Options declared as data: the fields of a dataclass become command-line options, and their ranges are checked.

    @dataclass(frozen=True)
    class Recipe:
        epochs: int = option(10, "passes over the training images", least=1)

Then `add_options(parser, Recipe)` adds `--epochs`, `given(namespace, Recipe)` returns the options that are on the
command line, and `check(recipe)` raises `InputError` for a value of the wrong type or out of range. Annotations must be
strings, as `from __future__ import annotations` makes them: `int`, `float`, `str`, `bool` or `Path`, one of these with
` | None`, or a tuple such as `tuple[int, ...]`.
"""

from __future__ import annotations

import argparse
import dataclasses
import operator
from collections.abc import Collection, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from minilocal.errors import InputError
from minilocal.files import expanded

# By annotation: what argparse calls, which types pass (NumPy's numbers too), and what messages call it.
TYPES: dict[str, tuple[Any, type, str]] = {
    "int": (int, Integral, "a whole number"),
    "float": (float, Real, "a number"),
    "str": (str, str, "text"),
    "bool": (bool, bool, "true or false"),
    "Path": (expanded, Path, "a path"),
    "None": (None, type(None), "null"),
}
BOUNDS = {
    "least": ("at least", operator.ge),
    "above": ("above", operator.gt),
    "most": ("at most", operator.le),
    "below": ("below", operator.lt),
}


def option(
    default: Any,
    help: str,
    *,
    group: str = "training",
    choices: Sequence[Any] | None = None,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
    metavar: str | None = None,
) -> Any:
    """Declare a field: its default, its help text, and its range; a bound of None is no bound.

    `--help` shows the option under the heading `group`. The help text ends with the default, unless it mentions one
    itself or the default is None, False or empty.
    """
    bounds = {"least": least, "above": above, "most": most, "below": below}
    metadata = {"help": help, "group": group, "choices": choices, "metavar": metavar, "bounds": bounds}
    return dataclasses.field(default=default, metadata=metadata)


def flag(name: str) -> str:
    """Return an option's flag: "batch_size" → "--batch-size"."""
    return "--" + name.replace("_", "-")


def add_options(parser: argparse.ArgumentParser, cls: Any, leave_out: Collection[str] = ()) -> None:
    """Add an option for each declared field of a dataclass; those not given are absent from the namespace."""
    groups: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        if field.name in leave_out or "help" not in field.metadata:
            continue
        about, (kinds, many) = field.metadata, _kinds(field)
        if about["group"] not in groups:
            groups[about["group"]] = parser.add_argument_group(about["group"])
        settings: dict[str, Any] = {"default": argparse.SUPPRESS, "help": _help(field)}
        if "bool" in kinds:
            settings["action"] = "store_true" if field.default is False else argparse.BooleanOptionalAction
        else:
            settings |= {"type": TYPES[kinds[0]][0], "choices": about["choices"], "metavar": about["metavar"]}
            settings |= {"nargs": "+"} if many else {}
        groups[about["group"]].add_argument(flag(field.name), **settings)


def _kinds(field: dataclasses.Field[Any]) -> tuple[list[str], bool]:
    """Return a field's types, or those of its items, and whether it has items: "int | None", "tuple[int, ...]"."""
    annotation = str(field.type)
    many = annotation.startswith("tuple[")
    return annotation.removeprefix("tuple[").removesuffix(", ...]").split(" | "), many


def _help(field: dataclasses.Field[Any]) -> str:
    text, default = field.metadata["help"], field.default
    if default is None or default is False or default == () or "(default" in text:
        return text
    shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
    return f"{text} (default: {f'{shown:g}' if isinstance(shown, float) else 'on' if shown is True else shown})"


def given(options: argparse.Namespace, cls: Any) -> dict[str, Any]:
    """Return by name the options on the command line that are fields of a dataclass.

    Raises `InputError`, which names the flag, for a value out of range.
    """
    values = {}
    for field in dataclasses.fields(cls):
        if hasattr(options, field.name):
            value = getattr(options, field.name)
            values[field.name] = tuple(value) if isinstance(value, list) else value
            _check(field, values[field.name], flag(field.name))
    return values


def check(instance: Any) -> None:
    """Raise `InputError`, which names the field, if a value of a dataclass has the wrong type or is out of range.

    NumPy's numbers become Python's, which JSON can store.
    """
    for field in dataclasses.fields(instance):
        if "help" in field.metadata:
            value = getattr(instance, field.name)
            _check(field, value, field.name)
            if isinstance(value, Real) and hasattr(value, "item"):
                object.__setattr__(instance, field.name, value.item())


def _check(field: dataclasses.Field[Any], value: Any, name: str) -> None:
    kinds, many = _kinds(field)
    words = " or ".join(TYPES[kind][2] for kind in kinds)
    if many and not isinstance(value, tuple):
        raise InputError(f"{name} is {value!r:.80}; it must be a tuple, and each item {words}")
    for item in value if many else (value,):
        if not any(_is(item, kind) for kind in kinds):
            raise InputError(f"{name} is {item!r:.80}; it must be {words}")
        if item is not None:
            _check_range(field, item, name)


def _is(value: Any, kind: str) -> bool:
    """Return whether a value is of an annotated type; true and false are not numbers, whole numbers are."""
    return isinstance(value, TYPES[kind][1]) and (kind == "bool") == isinstance(value, bool)


def _check_range(field: dataclasses.Field[Any], value: Any, name: str) -> None:
    choices, bounds = field.metadata["choices"], field.metadata["bounds"]
    if choices is not None and value not in choices:
        raise InputError(f"{name} is {value!r}; choose from {', '.join(map(str, choices))}")
    ranges = [(*BOUNDS[key], bound) for key, bound in bounds.items() if bound is not None]
    if not all(holds(value, bound) for _, holds, bound in ranges):
        words = " and ".join(f"{text} {bound}" for text, _, bound in ranges)
        raise InputError(f"{name} is {value}; it must be {words}")
