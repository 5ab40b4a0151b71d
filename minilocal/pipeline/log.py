"""What each worker did, and when: how long it was busy, how long it waited, and what moving layers cost."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from minilocal.pipeline.messages import Command, Report, Shift, Train

SHOWN = 8  # steps to remember on either side of the first move; until then, twice as many from the beginning


class Span(NamedTuple):
    """When one worker began and ended a step, or a move of layers (step None), in seconds since the clocks started."""

    worker: int
    step: int | None
    began: float
    ended: float


class Moved(NamedTuple):
    """Layers that changed owners: their bytes, and the seconds that the busiest worker took to send and receive."""

    bytes: int
    seconds: float


class Log:
    """Adds up what workers report about training, without evaluation and checkpoints.

    Attributes:
        steps: number of steps that all workers have completed.
        seconds: duration of these steps and of the moves between them.
        busy: for each worker, the seconds in which it computed, sent or received; the rest of `seconds` it waited.
        moves: each time that layers changed owners.
        spans: what each worker did around the first move, or else in the first steps.
        cuts: when, on the time axis of `spans`, something was left out.
    """

    def __init__(self, workers: int) -> None:
        self.steps, self.seconds, self.busy = 0, 0.0, [0.0] * workers
        self.moves: list[Moved] = []
        self.spans: list[Span] = []
        self.cuts: list[float] = []
        self._room = 2 * SHOWN  # number of steps that `spans` has room for
        self._latest: deque[list[Span]] = deque(maxlen=SHOWN)
        self._training, self._ended, self._left_out = False, 0.0, 0.0

    def add(self, command: Command, reports: Sequence[Report]) -> None:
        """Add all workers' reports on a command."""
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
        elif sent := sum(report.content for report in reports):
            if not self.moves:
                self.spans = [span for latest in self._latest for span in latest] + spans
                self._room = SHOWN
            self.moves.append(Moved(sent, max(report.busy for report in reports)))

    def describe(self) -> Iterator[str]:
        """Yield lines for people: the time of a step, how long each worker was busy and waited, and what moves cost."""
        if not self.steps:
            return
        yield f"a step took {1e3 * self.seconds / self.steps:.1f} ms; for each worker, of that time"
        for number, busy in enumerate(self.busy, 1):
            waiting = max(0.0, self.seconds - busy)
            yield (
                f"  {number}: {1e3 * busy / self.steps:.1f} ms busy, {1e3 * waiting / self.steps:.1f} ms waiting "
                f"({100 * waiting / self.seconds:.0f} %)"
            )
        if count := len(self.moves):
            megabytes = sum(move.bytes for move in self.moves) / count / 1e6
            milliseconds = 1e3 * sum(move.seconds for move in self.moves) / count
            yield (
                f"boundaries moved: {count}×, each time {megabytes:.2f} MB of layers with their momentum and "
                f"statistics, {milliseconds:.1f} ms"
            )
