"""What is compared: entries such as `G1`, `G1/a2` or `G3S2/idle=learn/lr=0.05`."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, NoReturn

from minilocal.console.cli import Parser
from minilocal.console.options import add_options, flag, given
from minilocal.errors import InputError
from minilocal.runs.config import Config, differences

LONGEST = 200  # characters; an entry names its runs' directories, and names of files end at 255 bytes
SHARED = ("dataset", "data_dir", "test_size")  # or accuracies could not be compared


@dataclass(frozen=True)
class Entry:
    """An algorithm, and what sets its runs apart from the other entries': options of `Config` by name, in its order.

    >>> entry = parse("g1/lr=5e-2/a2", Config())
    >>> entry.label, dict(entry.options)
    ('G1/a2/lr=0.05', {'classifier': 'a2', 'lr': 0.05})
    """

    algo: str
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def words(self) -> list[str]:
        """Return the options as they stand in an entry."""
        return [word(name, value) for name, value in self.options]

    @property
    def label(self) -> str:
        """Return the entry as it is written; parsing that gives the same entry again."""
        return "/".join([self.algo, *self.words])

    def config(self, setting: Config, seed: int) -> Config:
        """Return the configuration of its run with that seed; `setting` is what all entries share."""
        return replace(setting, algo=self.algo, seed=seed, **dict(self.options))


def parse(text: str, setting: Config) -> Entry:
    """Return the entry `ALGO[/OPTION...]`; options that are as in the setting are left out.

    An option is a1, a2 (for classifier=a1, classifier=a2), NAME=VALUE, NAME or no-NAME, where --NAME is one of
    `python -m minilocal.train`. Raises `InputError` if there is no such algorithm or option, or a value is out of
    range or without effect.
    """
    algo, *options = text.split("/")
    try:
        values = given(_parser().parse_args([_argument(option.lower()) for option in options]), Config)
        if shared := [name for name in SHARED if name in values]:
            raise InputError(f"{flag(shared[0])} must be the same for all entries; give it to the command")
        config = replace(setting, algo=algo, **values)
        if config.schedule.block_size is None and "classifier" in values:
            raise InputError("BP has no auxiliary classifiers to choose; write BP")
    except InputError as error:
        raise InputError(f"entry {text!r}: {error}" if options else error) from None
    differing = (
        field.name for field in fields(Config) if values.get(field.name) not in (None, getattr(setting, field.name))
    )
    entry = Entry(config.schedule.name, tuple((name, values[name]) for name in differing))
    if len(entry.label) > LONGEST:
        raise InputError(f"entry {text!r} has too many options to name a directory; give those of all to the command")
    return entry


def word(name: str, value: Any) -> str:
    """Return an option as it stands in an entry.

    >>> word("classifier", "a2"), word("flip", False), word("idle", "learn")
    ('a2', 'no-flip', 'idle=learn')
    """
    option = flag(name).removeprefix("--")
    if name == "classifier":
        return value
    if isinstance(value, bool):
        return option if value else f"no-{option}"
    return f"{option}={value}"


def unusual(setting: Config) -> list[tuple[str, Any]]:
    """Return the options of a setting that are not the training command's defaults, by name, algorithm and seed aside.

    >>> unusual(Config(lr=0.05, crop=False))
    [('lr', 0.05), ('crop', False)]
    """
    differing = differences(setting, Config(), leave_out=("algo", "seed"))
    return [(name, mine) for name, (mine, _) in differing.items()]


def _argument(option: str) -> str:
    """Return the argument of the training command that an option stands for."""
    if option in ("a1", "a2"):
        return f"--classifier={option}"
    if not re.match("[a-z]", option):
        raise InputError(f"{option!r} is no option; write NAME=VALUE with an option of `python -m minilocal.train`")
    return f"--{option}"


class _EntryParser(Parser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; options are those of `python -m minilocal.train`, without their dashes")


@cache
def _parser() -> Parser:
    parser = _EntryParser(add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    add_options(parser, Config, leave_out=("algo", "seed"))
    return parser
