"""What a sweep's runs came to, and results.csv."""

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


@dataclass(frozen=True)
class Result:
    """A run and the curve of the network's own classifier: a dict of `SCORES` for each epoch that is done."""

    run: Run
    curve: list[dict[str, float]]
    failure: str | None = None

    @property
    def finished(self) -> bool:
        """Return whether all epochs are done."""
        return len(self.curve) >= self.run.config.epochs

    @property
    def state(self) -> str:
        """Return how the run ended, or how far it is: "finished", "2 of 10 epochs", or that and why it failed."""
        if self.finished:
            return "finished"
        why = f"; {self.failure}" if self.failure else ""
        return f"{len(self.curve)} of {plural(self.run.config.epochs, 'epoch')}{why}"

    @property
    def seconds(self) -> float:
        """Return how long training took, evaluation not counted."""
        return sum(row["train_seconds"] for row in self.run.directory.read_rows("timing.csv"))


class Mean(NamedTuple):
    """A mean over seeds and the deviation (n − 1), None for one seed."""

    mean: float
    deviation: float | None
    seeds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Mean:
        """Return the mean of some values."""
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))


@dataclass(frozen=True)
class Results:
    """All runs of a sweep: `of(entry)` gives the finished ones of an entry."""

    sweep: Sweep
    all: tuple[Result, ...]

    @property
    def finished(self) -> list[Result]:
        """Return the results of finished runs."""
        return [result for result in self.all if result.finished]

    @property
    def unfinished(self) -> list[Result]:
        """Return the results of runs that are not finished, those that have not begun included."""
        return [result for result in self.all if not result.finished]

    def of(self, entry: Entry) -> list[Result]:
        """Return an entry's finished results."""
        return [result for result in self.finished if result.run.entry == entry]

    @property
    def entries(self) -> list[Entry]:
        """Return the entries that have finished runs."""
        return [entry for entry in self.sweep.entries if self.of(entry)]

    def final(self, entry: Entry, score: str = "test_accuracy") -> Mean:
        """Return the mean over seeds of one of `SCORES` after the last epoch."""
        return Mean.of([result.curve[-1][score] for result in self.of(entry)])

    def ahead(self, entry: Entry, base: Entry) -> dict[int, float]:
        """Return by how much an entry's test accuracy after the last epoch is above another's, by seeds of both.

        Runs of one seed begin with the same weights and see the same batches, so that much of what chance does to both
        cancels.
        """
        mine, theirs = ({r.run.seed: r.curve[-1]["test_accuracy"] for r in self.of(one)} for one in (entry, base))
        return {seed: mine[seed] - theirs[seed] for seed in self.sweep.seeds if seed in mine and seed in theirs}

    def by_epoch(self, entry: Entry, score: str = "test_accuracy") -> list[Mean]:
        """Return the mean over seeds of one of `SCORES` after every epoch."""
        curves = [[row[score] for row in result.curve] for result in self.of(entry)]
        return [Mean.of(values) for values in zip(*curves, strict=True)]


def read_results(sweep: Sweep, failures: dict[str, str] | None = None) -> Results:
    """Read what the runs of a sweep wrote; `failures` tells why runs failed, by their titles."""
    return Results(sweep, tuple(Result(run, run.curve(), (failures or {}).get(run.title)) for run in sweep.runs))


def write_csv(results: Results, path: Path) -> None:
    """Write a row per run; costs are by formula, and final scores are there once a run is finished."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(results.sweep, result) for result in results.all)
    with replacing(path) as file:
        file.write(text.getvalue().encode())


def _row(sweep: Sweep, result: Result) -> dict[str, Any]:
    run, costs = result.run, sweep.costs(result.run.entry)
    row = {
        "run": run.directory.path.name,
        "entry": run.entry.label,
        "algo": run.entry.algo,
        "options": " ".join(run.entry.words),
        "seed": run.seed,
        "state": result.state,
        "epochs": len(result.curve),
        "macs_per_image": round(costs.macs),
        "stored_per_image": round(costs.mean.stored),
        "off_chip_per_step": round(costs.off_chip),
    }
    if result.finished:
        row |= {score: result.curve[-1][score] for score in SCORES if score in result.curve[-1]}
        row["train_seconds"] = round(result.seconds, 3)
    return row
