"""Resuming a run: options may repeat the run's own, ask for more epochs, or name another folder for the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from minilocal.errors import InputError
from minilocal.runs.config import Config, differences, in_words
from minilocal.schedule import parse


def resumed(config: Config, asked: Mapping[str, Any]) -> Config:
    """Return a run's configuration, with more epochs if they are asked for.

    Raises `InputError` naming any other options that differ from the run's, because no uninterrupted run would give
    such numbers. More epochs are possible if the learning rate was planned for them from the beginning. The folder of
    the data may differ.
    """
    epochs = asked.get("epochs", config.epochs)
    if epochs < config.epochs:
        raise InputError(f"--epochs is {epochs}, but the run has {config.epochs}; more are possible, fewer are not")
    if epochs > config.epochs and config.lr_epochs is None:
        raise InputError(
            f"--epochs is {epochs}, but the run's learning rate was planned to end after {config.epochs} epochs; "
            f"only a run that began with --lr-epochs {epochs} or more can become that long"
        )
    new = replace(config, **asked).absolute()
    if parse(new.algo).name == parse(config.algo).name:
        new = replace(new, algo=config.algo)  # however it is spelled
    if differing := in_words(differences(new, config, leave_out=("epochs",))):
        raise InputError(f"{differing}; leave out options that differ, or begin a new run")
    return replace(new, data_dir=config.data_dir)
