"""A simulated pipeline, even with more workers than processors: each event happens as soon as it can.

Source: tutorials/reference.md, "Update unlocking".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from minilocal.pipeline.log import Span
from minilocal.pipeline.plan import Plan
from minilocal.pipeline.transport import SLOTS


class Load(NamedTuple):
    """Seconds of a worker's step: its first block, its other blocks, and passing the features on."""

    first: float
    others: float = 0.0
    passing: float = 0.0


def loads(plan: Plan, shift: int, passing: Sequence[float]) -> list[Load]:
    """Return the loads of a plan's workers at a shift, given the seconds it takes to pass on each layer's features."""
    return [
        Load(share.times[0], sum(share.times[1:]), passing[share.last - 1] if share.last < len(passing) else 0.0)
        for share in plan.shares[shift]
    ]


def simulate(loads: Sequence[Load], steps: int, slots: int = SLOTS) -> list[Span]:
    """Return when workers with these loads begin and end each step, from time 0.

    A worker begins a step when it has ended the previous step and has received the features. It passes its own features
    on as soon as a slot is free, i.e. when the next worker's first block, which reads them, has completed the step
    `slots` steps ago.

    >>> [span.ended for span in simulate([Load(1), Load(2)], steps=3) if span.worker == 1]
    [3.0, 5.0, 7.0]
    """
    ended = [[0.0] * len(loads)]  # by step and worker, beginning with an imaginary step that ended at time 0
    freed: list[list[float]] = []  # by step and worker: when it freed the slot whose features it read
    spans = []
    for step in range(steps):
        ended.append([])
        freed.append([])
        for worker, load in enumerate(loads):
            received = ended[-1][-1] if worker else 0.0
            began = max(ended[-2][worker], received)
            freed[step].append(began + load.first)
            slot_free = freed[step - slots][worker + 1] if step >= slots and worker + 1 < len(loads) else 0.0
            ended[-1].append(max(began + load.first + load.others, slot_free) + load.passing)
            spans.append(Span(worker, step, began, ended[-1][-1]))
    return spans


def pace(ends: Sequence[float], filling: int) -> float:
    """Return the mean seconds per step, given when each step ended, after `filling` steps that fill the pipeline.

    >>> pace([5.0, 6.0, 8.0, 10.0], filling=1)
    2.0
    """
    return (ends[-1] - ends[filling]) / (len(ends) - 1 - filling)
