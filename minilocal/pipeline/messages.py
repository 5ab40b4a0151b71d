"""What workers are told and what they answer.

Commands go to the first worker, and from each worker to the next, so that every worker carries them out at the same
place in the order of steps. Each worker that a command concerns answers it with a report to the root.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from minilocal.training.recipe import Step


@dataclass(frozen=True)
class Shift:
    """Move the boundaries to this shift: layers go to the workers that train them. Answer: bytes given away."""

    shift: int


@dataclass(frozen=True)
class Train:
    """Take a training step. Answer: `StepResults`."""

    step: Step


@dataclass(frozen=True)
class Test:
    """Evaluate classifiers on a batch of a held-out set. Answer: {classifier: (sum of losses, number correct)}."""

    images: str
    batch: int
    classifiers: frozenset[int]


@dataclass(frozen=True)
class Collect:
    """Send the root a copy of all layers. Answer: None."""


@dataclass(frozen=True)
class Stop:
    """End. No answer."""


Command = Shift | Train | Test | Collect | Stop


@dataclass(frozen=True)
class Report:
    """An answer and its times: work went on from `began` to `ended`, except for `waited` seconds.

    Times are seconds since the workers' clocks began. `content` is an exception if the worker failed.
    """

    content: Any
    began: float
    ended: float
    waited: float

    @property
    def busy(self) -> float:
        """Seconds of work."""
        return self.ended - self.began - self.waited
