"""Which options a run may go on with: its own, but for more epochs, and data that lie elsewhere now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from minilocal.runs.config import Config, flag
from minilocal.errors import InputError
from minilocal.schedule import parse


def resumed(config: Config, asked: Mapping[str, Any]) -> Config:
    """Return a run's configuration with the options asked for.

    Raises `InputError` naming those that are not the run's: other ones would give numbers that no run gives. Epochs may
    be more, if the learning rate was planned for so many from the beginning. Where the data lie does not count.
    """
    new = replace(config, **asked).absolute()
    new.check()
    if parse(new.algo).name == parse(config.algo).name:
        new = replace(new, algo=config.algo)  # however it is spelt
    new = replace(new, data_dir=config.data_dir)
    if different := differences(new.as_dict(), config.as_dict()):
        raise InputError(f"{different}; leave out what is not the run's, or begin another")
    if new.epochs < config.epochs:
        raise InputError(f"--epochs is {new.epochs}, but the run has {config.epochs}; more are possible, fewer are not")
    if new.epochs > config.epochs and config.lr_epochs is None:
        raise InputError(
            f"--epochs is {new.epochs}, but the run's learning rate was planned to end after {config.epochs} epochs; "
            f"only a run begun with --lr-epochs {new.epochs} or more can become that long"
        )
    return new


def differences(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """Return in words which options of two configurations differ, where they matter to numbers; "" if none does.

    >>> differences({"lr": 0.05, "seed": 1, "epochs": 9}, {"lr": 0.1, "seed": 2, "epochs": 5})
    '--lr is 0.05, but the run has 0.1; --seed is 1, but the run has 2'
    """
    names = [name for name in mine if name not in ("epochs", "data_dir")]
    return "; ".join(
        f"{flag(name)} is {_in_words(mine[name])}, but the run has {_in_words(theirs.get(name))}"
        for name in names
        if mine[name] != theirs.get(name)
    )


def _in_words(value: Any) -> str:
    return "the default" if value is None else " ".join(str(value).split())[:80]
