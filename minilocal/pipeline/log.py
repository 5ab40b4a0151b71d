"""What workers did when: how long each was busy and how long it waited, and what moving boundaries cost."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from minilocal.pipeline.messages import Command, Report, Shift, Train

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
    """Adds up what so many workers report of training; the time of evaluation and checkpoints is left out.

    Attributes:
        steps: steps that all have done.
        seconds: that these took together, with the moves between them.
        busy: by worker, those of the seconds in which it computed, or sent or took something; in the others it waited.
        moves: each time that layers changed hands.
        spans: who did what when, around the first move, or in the first steps.
        cuts: when, in the time of the spans, something was left out.
    """

    def __init__(self, workers: int) -> None:
        self.steps, self.seconds, self.busy = 0, 0.0, [0.0] * workers
        self.moves: list[Moved] = []
        self.spans: list[Span] = []
        self.cuts: list[float] = []
        self._room = 2 * SHOWN  # for steps in `spans`
        self._latest: deque[list[Span]] = deque(maxlen=SHOWN)
        self._training, self._ended, self._left_out = False, 0.0, 0.0

    def add(self, command: Command, reports: Sequence[Report]) -> None:
        """Count what was reported on a command."""
        if not isinstance(command, Train | Shift):
            self._training = False
            return
        if not self._training:
            self.cuts.append(self._ended - self._left_out)
            self._left_out += reports[0].began - self._ended
            self._training, self._ended = True, reports[0].began
        step = command.step.number if isinstance(command, Train) else None
        spans = [
            Span(worker, step, report.began - self._left_out, report.ended - report.waited - self._left_out)
            for worker, report in enumerate(reports)
        ]
        for worker, report in enumerate(reports):
            self.busy[worker] += report.busy
        if isinstance(command, Train):
            self.steps += 1
            self.seconds += reports[-1].ended - self._ended
            self._ended = reports[-1].ended
            self._latest.append(spans)
            if self._room:
                self._room -= 1
                self.spans += spans
        elif given := sum(report.content for report in reports):
            if not self.moves:
                self.spans = [span for latest in self._latest for span in latest] + spans
                self._room = SHOWN
            self.moves.append(Moved(given, max(report.busy for report in reports)))
