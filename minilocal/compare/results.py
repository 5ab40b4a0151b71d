"""The results of a sweep's runs, and results.csv."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from minilocal.compare.entries import Entry
from minilocal.compare.sweep import Run, Sweep
from minilocal.console.text import plural
from minilocal.files import replacing

SCORES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "test_loss", "test_accuracy")
COLUMNS = (
    "run", "entry", "algo", "options", "seed", "state", "epochs", *SCORES, "train_seconds", "macs_per_image",
    "stored_per_image", "off_chip_per_step",
)  # fmt: skip


class Mean(NamedTuple):
    """A mean over seeds, and the standard deviation (n − 1), which is None for one seed."""

    mean: float
    deviation: float | None
    seeds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Mean:
        """Return the mean of some values."""
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))


@dataclass(frozen=True)
class Results:
    """A sweep's runs as they are now, and why some of them failed, by title."""

    sweep: Sweep
    runs: tuple[Run, ...]
    failures: dict[str, str]

    @property
    def finished(self) -> list[Run]:
        """The finished runs."""
        return [run for run in self.runs if run.finished]

    @property
    def unfinished(self) -> list[Run]:
        """All other runs, including those that have not begun."""
        return [run for run in self.runs if not run.finished]

    def state(self, run: Run) -> str:
        """Return how far a run has got: "finished", or "2 of 10 epochs", followed by the reason if it failed."""
        if run.finished:
            return "finished"
        why = f"; {self.failures[run.title]}" if run.title in self.failures else ""
        return f"{len(run.curve)} of {plural(run.config.epochs, 'epoch')}{why}"

    def of(self, entry: Entry) -> list[Run]:
        """Return an entry's finished runs."""
        return [run for run in self.finished if run.entry == entry]

    @property
    def entries(self) -> list[Entry]:
        """The entries that have finished runs."""
        return [entry for entry in self.sweep.entries if self.of(entry)]

    @property
    def seeds(self) -> int:
        """The largest number of seeds that an entry has finished."""
        return max(len(self.of(entry)) for entry in self.entries)

    def final(self, entry: Entry, score: str = "test_accuracy") -> Mean:
        """Return the mean over seeds of one of `SCORES` after the last epoch."""
        return Mean.of([run.curve[-1][score] for run in self.of(entry)])

    def ahead(self, entry: Entry, base: Entry) -> dict[int, float]:
        """Return by how much an entry's final test accuracy exceeds another's, for each seed that both have finished.

        Runs with the same seed begin with the same weights and see the same batches, so that much of the randomness
        cancels.
        """
        mine, theirs = ({run.seed: run.curve[-1]["test_accuracy"] for run in self.of(one)} for one in (entry, base))
        return {seed: mine[seed] - theirs[seed] for seed in self.sweep.seeds if seed in mine and seed in theirs}

    def by_epoch(self, entry: Entry, score: str = "test_accuracy") -> list[Mean]:
        """Return the mean over seeds of one of `SCORES` after every epoch."""
        curves = [[row[score] for row in run.curve] for run in self.of(entry)]
        return [Mean.of(values) for values in zip(*curves, strict=True)]


def read_results(sweep: Sweep, failures: dict[str, str] | None = None) -> Results:
    """Read the results of a sweep's runs; `failures` says why runs failed, by title."""
    return Results(sweep, tuple(sweep.runs), failures or {})


def write_csv(results: Results, path: Path) -> None:
    """Write a row per run, with costs by formula; only finished runs have scores."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *(_row(results, run) for run in results.runs)])
    with replacing(path) as file:
        file.write(text.getvalue().encode())


def _row(results: Results, run: Run) -> list[Any]:
    entry, costs = run.entry, results.sweep.costs(run.entry)
    last, seconds = (run.curve[-1], round(run.seconds, 3)) if run.finished else ({}, "")
    about = [run.directory.path.name, entry.label, entry.algo, " ".join(entry.words), run.seed, results.state(run)]
    scores = [last.get(score, "") for score in SCORES]
    numbers = [round(number) for number in (costs.macs, costs.mean.stored, costs.off_chip)]
    return [*about, len(run.curve), *scores, seconds, *numbers]
