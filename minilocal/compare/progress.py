"""What a person sees meanwhile, on stderr: on a terminal one bar for the whole sweep, elsewhere lines, or nothing."""

from __future__ import annotations

import sys
import time
from typing import Any

from tqdm import tqdm

from minilocal.compare.sweep import Run, Sweep
from minilocal.steps import BlockResult
from minilocal.training.results import EpochReport

LINE_SECONDS = 60.0  # without a terminal, how often a line within a run at the most
ESTIMATE_SECONDS = 60.0  # when the whole sweep's time is said at the latest
COMPILING_STEPS = 2  # first steps that no pace is taken from: they compile kernels or read them from their cache


class Progress:
    """Shows the place in the work of all runs, those of earlier commands included, and the time left.

    Work is counted in MACs, because algorithms cost differently: an epoch's training and its evaluation.
    """

    def __init__(self, sweep: Sweep, quiet: bool = False) -> None:
        self.sweep, self.quiet = sweep, quiet
        self.total = sum(run.config.epochs * self._work(run) for run in sweep.runs)
        self.behind = sum(run.config.epochs * self._work(run) for run in sweep.runs if run.finished)
        self.place = self.behind
        self.pace = Pace()
        self.estimated = False
        self.bar: Any = None
        if not quiet and sys.stderr.isatty():
            self.bar = tqdm(total=self.total, initial=self.place, bar_format="{bar}", leave=False, dynamic_ncols=True)

    def say(self, text: str) -> None:
        """Print a line without tearing the bar, unless quiet."""
        if not self.quiet:
            tqdm.write(text, file=sys.stderr)
            sys.stderr.flush()

    def begin(self, number: int, run: Run) -> None:
        """Show that a run begins or goes on."""
        self.run, self.title = run, f"run {number}/{len(self.sweep.runs)}: {run.title}"
        self.work, self.images = self._work(run), self.sweep.images(run.entry)[0]
        self.epoch, self.seen, self.accuracy = run.epochs, 0, ""
        self.start = time.monotonic()
        self.next_line = self.start + LINE_SECONDS
        if run.epochs:
            self.say(f"{self.title} goes on after epoch {run.epochs}/{run.config.epochs}")

    def on_step(self, epoch: int, images: int, _: list[BlockResult]) -> None:
        """Count a step's images."""
        if epoch != self.epoch:
            self.epoch, self.seen = epoch, 0
        self.seen += images
        self.pace.add(self.work * images / self.images)
        self._move(self.behind + self.work * (epoch + self.seen / self.images))
        if self.bar is None and time.monotonic() >= self.next_line:
            self.next_line = time.monotonic() + LINE_SECONDS
            self.say(f"{self.title}, {self._where()}")
        if self.pace.elapsed >= ESTIMATE_SECONDS:
            self._estimate()

    def on_epoch(self, report: EpochReport) -> None:
        """Take the test accuracy down."""
        self.accuracy = f", test {100 * report.test.accuracy:.2f} %"
        self._estimate()

    def end(self, problem: object = None) -> None:
        """Print the run's line: how it ended, and the time left."""
        self.behind += self.work * self.run.config.epochs
        self._move(self.behind)
        seconds = duration(time.monotonic() - self.start)
        how = f" failed: {problem}" if problem else f"{self.accuracy} after {seconds}"
        self.say(f"{self.title}{how}{self._left()}")

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()

    def _work(self, run: Run) -> float:
        """Return the MACs of one of its epochs."""
        macs, (trained, evaluated) = self.sweep.costs(run.entry).mean.macs, self.sweep.images(run.entry)
        return macs.total * trained + macs.forward * evaluated

    def _move(self, place: float) -> None:
        step, self.place = place - self.place, place
        if self.bar is not None:
            self.bar.bar_format = f"{self.title} |{{bar}}| {{percentage:.0f}} %, {self._where()}"
            self.bar.update(step)

    def _where(self) -> str:
        return f"epoch {self.epoch + 1}/{self.run.config.epochs}{self.accuracy}{self._left()}"

    def _left(self) -> str:
        seconds = self.pace.seconds(self.total - self.place)
        return f", {duration(seconds)} left" if seconds else ""

    def _estimate(self) -> None:
        """Say once how long the whole sweep takes, so that who would rather not wait knows early."""
        seconds = self.pace.seconds(self.total - self.place)
        if seconds and not self.estimated:
            self.estimated = True
            self.say(
                f"about {duration(seconds)} at this pace; stop it at any time, the same command goes on from there"
            )


class Pace:
    """How long work takes, from the work that was done since the first steps."""

    def __init__(self) -> None:
        self.steps, self.start, self.done = 0, 0.0, 0.0

    def add(self, work: float) -> None:
        """Count a step's work."""
        self.steps += 1
        if self.steps <= COMPILING_STEPS:
            self.start = time.monotonic()
        else:
            self.done += work

    @property
    def elapsed(self) -> float:
        """Return the seconds since the first steps."""
        return time.monotonic() - self.start if self.steps else 0.0

    def seconds(self, work: float) -> float | None:
        """Return how long that much more work takes, if that can be told."""
        return work / self.done * self.elapsed if self.done else None


def duration(seconds: float) -> str:
    """Return a time as people say it.

    >>> [duration(s) for s in (8.4, 200, 5 * 3600 + 700, 1e6)]
    ['8 s', '3 min', '5 h 12 min', '11 days 14 h']
    """
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 90:
        return f"{minutes} min"
    if hours < 48:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{hours // 24} days {hours % 24} h"
