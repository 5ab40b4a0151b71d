"""What a pipeline of more workers than there are processors would do: each event when what it waits for has come.

Source: tutorials/reference.md, "Update unlocking".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from minilocal.pipeline.log import Span
from minilocal.pipeline.plan import Plan
from minilocal.pipeline.transport import SLOTS


class Load(NamedTuple):
    """Seconds of a worker's step: of its first block, of its others, and of passing the features on."""

    first: float
    others: float = 0.0
    passing: float = 0.0


def loads(plan: Plan, shift: int, passing: Sequence[float]) -> list[Load]:
    """Return the loads of a plan's workers at a shift, given the seconds of passing on each layer's features."""
    return [
        Load(share.times[0], sum(share.times[1:]), passing[share.last - 1] if share.last < len(passing) else 0.0)
        for share in plan.shares[shift]
    ]


def simulate(loads: Sequence[Load], steps: int, slots: int = SLOTS) -> list[Span]:
    """Return when workers with such loads would begin and end each of so many steps, the first at 0.

    A worker begins a step when it has ended the one before and the features have come. It passes its own on when the
    next worker has room: when that has done with its first block, which reads them, of the step `slots` steps ago.

    >>> [span.ended for span in simulate([Load(1), Load(2)], steps=3) if span.worker == 1]
    [3.0, 5.0, 7.0]
    """
    ended = [[0.0] * len(loads)]  # by step, from one that all have done before the first; and by worker
    freed: list[list[float]] = []  # when a worker gave back the place of the features it read
    spans = []
    for step in range(steps):
        ended.append([])
        freed.append([])
        for worker, load in enumerate(loads):
            came = ended[-1][-1] if worker else 0.0
            began = max(ended[-2][worker], came)
            freed[step].append(began + load.first)
            room = freed[step - slots][worker + 1] if step >= slots and worker + 1 < len(loads) else 0.0
            ended[-1].append(max(began + load.first + load.others, room) + load.passing)
            spans.append(Span(worker, step, began, ended[-1][-1]))
    return spans


def pace(ends: Sequence[float], filling: int) -> float:
    """Return the seconds from step to step, given when each ended, without those in which the pipeline fills.

    >>> pace([5.0, 6.0, 8.0, 10.0], filling=1)
    2.0
    """
    return (ends[-1] - ends[filling]) / (len(ends) - 1 - filling)
