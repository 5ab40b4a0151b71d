"""What workers did when: how long each was busy and how long it waited, and what moving boundaries cost."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from minilocal.pipeline.messages import Command, Report, Shift, Step

SHOWN = 8  # steps on either side of the first move that are remembered; before there is one, twice as many


class Span(NamedTuple):
    """A step, or a move (None), as one worker did it: began and ended so many seconds after the clocks began."""

    worker: int
    step: int | None
    began: float
    ended: float


class Moved(NamedTuple):
    """Layers that changed hands: how many bytes, and the seconds that sending and receiving took the busiest worker."""

    bytes: int
    seconds: float


class Log:
    """Adds up what so many workers report.

    Attributes:
        steps: steps that all have done.
        seconds: that these took together: from step to step, or from the beginning of one that followed none.
        busy: of these seconds, those in which each worker computed or sent features; in the others it waited.
        moves: each time that layers changed hands.
        spans: who did what when, around the first move, or in the first steps.
    """

    def __init__(self, workers: int) -> None:
        self.steps, self.seconds, self.busy = 0, 0.0, [0.0] * workers
        self.moves: list[Moved] = []
        self.spans: list[Span] = []
        self._room = 2 * SHOWN  # for steps in `spans`
        self._latest: deque[list[Span]] = deque(maxlen=SHOWN)
        self._ended: float | None = None  # when the step in front ended

    def add(self, command: Command, reports: Sequence[Report]) -> None:
        """Count what was reported on a command."""
        step = command.number if isinstance(command, Step) else None
        spans = [Span(worker, step, r.began, r.ended - r.waited) for worker, r in enumerate(reports)]
        if isinstance(command, Step):
            self.steps += 1
            began, self._ended = self._ended or reports[0].began, reports[-1].ended
            self.seconds += self._ended - began
            for worker, report in enumerate(reports):
                self.busy[worker] += report.busy
            self._latest.append(spans)
            if self._room:
                self._room -= 1
                self.spans += spans
        elif isinstance(command, Shift):
            if given := sum(report.content for report in reports):
                if not self.moves:
                    self.spans = [span for step_ in self._latest for span in step_] + spans
                    self._room = SHOWN
                self.moves.append(Moved(given, max(report.busy for report in reports)))
        else:
            self._ended = None
