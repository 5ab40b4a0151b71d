"""Errors that a user can fix: one sentence each, and no traceback."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class InputError(ValueError):
    """Bad input. The message names the value and what would be right; commands print it and exit with status 2."""


class ShapeError(InputError):
    """An array, or images, whose shape does not fit a layer or a network."""


class TrainingError(RuntimeError):
    """A run that has begun can't continue (non-finite loss, disk full); commands print it and exit with status 1."""


class NonFiniteError(TrainingError):
    """A loss, a gradient or a weight is NaN or infinite; the trainer adds epoch, step, block and layer.

    `layer` is the number of the layer whose loss is not finite, or None for a gradient or a weight.
    """

    def __init__(self, message: str, layer: int | None = None) -> None:
        super().__init__(message)
        self.layer = layer


class LostWorkerError(TrainingError):
    """A worker process has died."""


class Interrupted(KeyboardInterrupt):
    """A signal has ended a command (during training, once all is saved); commands print it and exit with `status`.

    It is a `KeyboardInterrupt`, so `except Exception` does not catch it.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@contextlib.contextmanager
def naming(place: str) -> Iterator[None]:
    """Put a place before the message of a `ShapeError` in the `with` block, as in "layer 3: conv: …"."""
    try:
        yield
    except ShapeError as error:
        raise ShapeError(f"{place}: {error}") from None
