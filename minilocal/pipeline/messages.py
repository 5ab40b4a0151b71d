"""What workers are told and what they answer.

Commands go to the first worker, and from each worker to the next: so what is asked for happens everywhere at the same
place in the order of steps. Every worker that a command concerns answers it with a report to the root.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shift:
    """Have boundaries stand at this shift from now on: layers go to those who train them. Answer: bytes given away."""

    shift: int


@dataclass(frozen=True)
class Step:
    """Train on the minibatch of a step, counted from 0 since the start of training. Answer: a `StepOutcome`."""

    number: int


@dataclass(frozen=True)
class Test:
    """Evaluate classifiers on a batch of a held-out set. Answer: by classifier, the sum of losses and those right."""

    images: str
    batch: int
    classifiers: frozenset[int]


@dataclass(frozen=True)
class Collect:
    """Send the root a copy of all layers. Answer: None."""


@dataclass(frozen=True)
class Stop:
    """End. No answer."""


Command = Shift | Step | Test | Collect | Stop


@dataclass(frozen=True)
class Report:
    """An answer, and when it was worked for: from `began`, with all at hand, to `ended`, `waited` seconds excepted.

    Times are seconds since the workers' clocks began. `content` is an exception if the worker failed.
    """

    content: Any
    began: float
    ended: float
    waited: float

    @property
    def busy(self) -> float:
        """Return the seconds of work."""
        return self.ended - self.began - self.waited
