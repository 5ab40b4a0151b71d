"""What is compared: entries such as `G1`, `G1/a2` or `G3S2/idle=learn/lr=0.05`."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, NoReturn

from minilocal.console.cli import Parser
from minilocal.console.options import add_options, flag, given
from minilocal.errors import InputError
from minilocal.networks.auxiliary import CLASSIFIERS
from minilocal.runs.config import Config, differences

LONGEST = 200  # characters; an entry names its runs' directories, and file names end at 255 bytes
SHARED = ("dataset", "data_dir", "test_size")  # the same for all entries, or accuracies could not be compared


@dataclass(frozen=True)
class Entry:
    """An algorithm, and the options of `Config` in which its runs differ from the setting of the comparison.

    `written` is how an existing sweep.json writes the entry, perhaps with its options in another order.

    >>> entry = parse("g1/a2/lr=5e-2", Config())
    >>> entry.label, dict(entry.options)
    ('G1/lr=0.05/a2', {'lr': 0.05, 'classifier': 'a2'})
    """

    algo: str
    options: tuple[tuple[str, Any], ...] = ()
    written: str = field(default="", compare=False)

    @property
    def words(self) -> list[str]:
        """The options as an entry writes them."""
        return [word(name, value) for name, value in self.options]

    @property
    def label(self) -> str:
        """The entry as text; `parse` returns the same entry for it."""
        return self.written or "/".join([self.algo, *self.words])

    def directory(self, seed: int) -> str:
        """Return the name of the directory of its run with that seed."""
        return f"{self.label.replace('/', '-')}-seed{seed}"

    def config(self, setting: Config, seed: int = 0) -> Config:
        """Return the configuration of its run with that seed; `setting` is what all entries share."""
        return replace(setting, algo=self.algo, seed=seed, **dict(self.options))


def parse(text: str, setting: Config) -> Entry:
    """Return the entry `ALGO[/OPTION...]`, without options that equal those of the setting.

    An option is a1, a2 (for classifier=a1, classifier=a2), NAME=VALUE, NAME or no-NAME, where --NAME is an option of
    `python -m minilocal.train`. Raises `InputError` if the algorithm or an option is unknown, or a value is out of
    range or has no effect.
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
    entry = Entry(config.schedule.name, tuple(item for item in changed(config, setting) if item[0] in values))
    if len(entry.label) > LONGEST:
        raise InputError(f"entry {text!r} has too many options to name a directory; give shared ones to the command")
    return entry


def changed(config: Config, base: Config) -> list[tuple[str, Any]]:
    """Return the options in which a configuration differs from another, except algorithm and seed, with its values.

    >>> changed(Config(lr=0.05, crop=False, epochs=20), Config())
    [('epochs', 20), ('lr', 0.05), ('crop', False)]
    """
    names = differences(config, base, leave_out=("algo", "seed"))
    return [(name, value) for name in names if (value := getattr(config, name)) is not None]


def word(name: str, value: Any) -> str:
    """Return an option as an entry writes it.

    >>> word("classifier", "a2"), word("flip", False), word("idle", "learn")
    ('a2', 'no-flip', 'idle=learn')
    """
    option = flag(name).removeprefix("--")
    if name == "classifier":
        return value
    if isinstance(value, bool):
        return option if value else f"no-{option}"
    return f"{option}={value}"


def _argument(option: str) -> str:
    """Return the training command's argument for an entry's option."""
    if option in CLASSIFIERS:
        return f"--classifier={option}"
    if not re.match("[a-z]", option):
        raise InputError(f"{option!r} is not an option; write NAME=VALUE for --NAME of `python -m minilocal.train`")
    return f"--{option}"


class _EntryParser(Parser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; options are those of `python -m minilocal.train`, without their dashes")


@cache
def _parser() -> Parser:
    parser = _EntryParser(add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    add_options(parser, Config, leave_out=("algo", "seed"))
    return parser
