"""Options declared as data: the fields of a dataclass become command-line options, and their ranges are checked.

    @dataclass(frozen=True)
    class Recipe:
        epochs: int = option(10, "passes over the training images", least=1)

Then `add_options(parser, Recipe)` adds `--epochs`, `given(namespace, Recipe)` returns what stands on the command line,
and `check(recipe)` raises `InputError` for a value of another type or out of range.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from minilocal.errors import InputError

TYPES: dict[str, Any] = {"int": int, "float": float, "str": str, "bool": bool, "Path": Path}
WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "Path": "a path",
    "None": "null",
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
    """Declare a field: its default, its help text, and its range (each bound None where there is none).

    The help text ends with the default, unless it names that itself or the default is None, False or empty. `group` is
    the heading under which `--help` shows the option.
    """
    bounds = {"least": least, "above": above, "most": most, "below": below}
    metadata = {"help": help, "group": group, "choices": choices, "bounds": bounds, "metavar": metavar}
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
        about, kinds = field.metadata, field.type.split(" | ")
        if about["group"] not in groups:
            groups[about["group"]] = parser.add_argument_group(about["group"])
        settings: dict[str, Any] = {"default": argparse.SUPPRESS, "help": _help(field)}
        if "bool" in kinds:
            settings["action"] = "store_true" if field.default is False else argparse.BooleanOptionalAction
        else:
            many = kinds[0].startswith("tuple[")
            settings |= {"nargs": "+"} if many else {}
            kind = kinds[0].removeprefix("tuple[").split(",")[0]
            settings |= {"type": TYPES[kind], "choices": about["choices"], "metavar": about["metavar"]}
        groups[about["group"]].add_argument(flag(field.name), **settings)


def _help(field: dataclasses.Field[Any]) -> str:
    text, default = field.metadata["help"], field.default
    if default is None or default is False or default == () or "(default" in text:
        return text
    shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
    return f"{text} (default: {f'{shown:g}' if isinstance(shown, float) else 'on' if shown is True else shown})"


def given(options: argparse.Namespace, cls: Any) -> dict[str, Any]:
    """Return the options on the command line that are fields of a dataclass, by name.

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
    """Raise `InputError`, which names the field, if one of a dataclass's values has another type or is out of range."""
    for field in dataclasses.fields(instance):
        if "help" in field.metadata:
            _check(field, getattr(instance, field.name), field.name)


def _check(field: dataclasses.Field[Any], value: Any, name: str) -> None:
    kinds = str(field.type).split(" | ")
    if kinds[0].startswith("tuple["):
        for item in value:
            _check_range(field, item, name)
    elif not any(_is(value, kind) for kind in kinds):
        words = " or ".join(WORDS[kind] for kind in kinds)
        raise InputError(f"{name} is {value!r:.80}; it must be {words}")
    elif value is not None:
        _check_range(field, value, name)


def _is(value: Any, kind: str) -> bool:
    """Return whether a value is of an annotated type; true and false are not numbers, whole numbers are."""
    if kind == "None":
        return value is None
    if kind == "float":
        return isinstance(value, float | int) and not isinstance(value, bool)
    return isinstance(value, TYPES[kind]) and (kind == "bool") == isinstance(value, bool)


def _check_range(field: dataclasses.Field[Any], value: Any, name: str) -> None:
    choices, bounds = field.metadata["choices"], field.metadata["bounds"]
    if choices is not None and value not in choices:
        raise InputError(f"{name} is {value!r}; choose from {', '.join(map(str, choices))}")
    least, above, most, below = bounds["least"], bounds["above"], bounds["most"], bounds["below"]
    good = (
        (least is None or value >= least)
        and (above is None or value > above)
        and (most is None or value <= most)
        and (below is None or value < below)
    )
    if not good:
        texts = (("at least", least), ("above", above), ("at most", most), ("below", below))
        raise InputError(f"{name} is {value}; it must be {' and '.join(f'{t} {b}' for t, b in texts if b is not None)}")
