"""Progress on stderr while a sweep trains: one bar on a terminal, lines elsewhere, nothing if quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from minilocal.compare.sweep import Run, Sweep
from minilocal.steps import BlockResult
from minilocal.training.results import EpochReport

LINE_SECONDS = 60.0  # without a terminal, the minimum time between two lines within a run
COMPILING_STEPS = 2  # first steps, which compile kernels or load them from the cache; they are not timed


class Progress:
    """Shows how much of the runs is done, including what earlier commands did, and estimates the time left.

    Work is counted in MACs, because algorithms cost differently: an epoch's training and its evaluation.
    """

    def __init__(self, sweep: Sweep, runs: Sequence[Run], quiet: bool = False) -> None:
        self.sweep, self.runs, self.quiet = sweep, runs, quiet
        self.total = sum(run.config.epochs * self.epoch_work(run) for run in runs)
        self.done = self.before = sum(run.config.epochs * self.epoch_work(run) for run in runs if run.finished)
        self.steps, self.timed_work, self.timed_from = 0, 0.0, 0.0
        self.bar: Any = None
        if not quiet and sys.stderr.isatty():
            self.bar = tqdm(total=self.total, initial=self.done, bar_format="{bar}", leave=False, dynamic_ncols=True)

    def epoch_work(self, run: Run) -> float:
        """Return the MACs of one of a run's epochs."""
        macs, (trained, evaluated) = self.sweep.costs(run.entry).mean.macs, self.sweep.images(run.entry)
        return macs.total * trained + macs.forward * evaluated

    def say(self, text: str) -> None:
        """Print a line without tearing the bar, unless quiet."""
        if not self.quiet:
            tqdm.write(text, file=sys.stderr)
            sys.stderr.flush()

    def begin(self, number: int, run: Run) -> None:
        """Show that a run begins or resumes."""
        self.run, self.title = run, f"run {number}/{len(self.runs)}: {run.title}"
        self.work, self.images = self.epoch_work(run), self.sweep.images(run.entry)[0]
        self.epoch, self.seen, self.accuracy = len(run.curve), 0, ""
        self.start = time.monotonic()
        self.next_line = self.start + LINE_SECONDS
        if run.curve:
            self.say(f"{self.title} resumes after epoch {self.epoch}/{run.config.epochs}")

    def on_step(self, epoch: int, images: int, _: list[BlockResult]) -> None:
        """Count a step's images."""
        if epoch != self.epoch:
            self.epoch, self.seen = epoch, 0
        self.seen += images
        self.steps += 1
        if self.steps <= COMPILING_STEPS:
            self.timed_from = time.monotonic()
        else:
            self.timed_work += self.work * images / self.images
        self._move(self.before + self.work * (epoch + self.seen / self.images))
        if self.bar is None and time.monotonic() >= self.next_line:
            self.next_line = time.monotonic() + LINE_SECONDS
            self.say(f"{self.title}, {self._where()}")

    def on_epoch(self, report: EpochReport) -> None:
        """Record the test accuracy."""
        self.accuracy = f", test {100 * report.test.accuracy:.2f} %"

    def end(self, problem: object = None) -> None:
        """Print how the run ended, and the time left."""
        self.before += self.work * self.run.config.epochs
        self._move(self.before)
        taken = duration(time.monotonic() - self.start)
        how = f" failed: {problem}" if problem else f"{self.accuracy} after {taken}"
        self.say(f"{self.title}{how}{self._left()}")

    def close(self) -> None:
        """Remove the bar."""
        if self.bar is not None:
            self.bar.close()

    def seconds_left(self) -> float | None:
        """Return how long the rest takes at the pace so far; None if no step was timed."""
        if not self.timed_work:
            return None
        return (self.total - self.done) / self.timed_work * (time.monotonic() - self.timed_from)

    def _move(self, done: float) -> None:
        step, self.done = done - self.done, done
        if self.bar is not None:
            self.bar.bar_format = f"{self.title} |{{bar}}| {{percentage:.0f}} %, {self._where()}"
            self.bar.update(step)

    def _where(self) -> str:
        return f"epoch {self.epoch + 1}/{self.run.config.epochs}{self.accuracy}{self._left()}"

    def _left(self) -> str:
        seconds = self.seconds_left()
        return f", {duration(seconds)} left" if seconds else ""


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
