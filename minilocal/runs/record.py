"""Training that is recorded in a run directory, in tables and checkpoints, from the beginning or resumed."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from minilocal.console.signals import noted
from minilocal.errors import InputError, Interrupted, LostWorkerError, NonFiniteError, TrainingError
from minilocal.networks.network import check_arrays
from minilocal.runs import tables
from minilocal.runs.directory import RunDirectory, check_same_run
from minilocal.runs.sealed import Arrays
from minilocal.training.diagnosis import damaged
from minilocal.training.results import EpochReport, Position, position_in
from minilocal.training.trainer import Trainer

TIMES = "timing.csv"  # the table whose text is not in checkpoints, because times differ from run to run


def train_into(
    run: RunDirectory,
    trainer: Trainer,
    checkpoint_every: int | None = None,
    keep: int = 1,
    on_begin: Callable[[Position], None] | None = None,
) -> Iterator[EpochReport]:
    """Train a run's remaining epochs; yield each report once its checkpoint and table rows are written.

    Random numbers are keyed by epoch and step, so a resumed run ends with the same bits as an uninterrupted one.
    With `checkpoint_every`, there is also a checkpoint after every that many steps. `keep` is the number of older
    checkpoints to keep. `on_begin(position)` is called with the position at which training begins or resumes.

    Raises `InputError` before the first step if another process trains there, the checkpoint is damaged or belongs to
    another run, or the system refuses to write; `TrainingError` later, if a number is not finite, the disk is full or a
    worker dies; `Interrupted` after Ctrl-C or SIGTERM, once everything is saved. The last good checkpoint is always
    kept.
    """
    for name, value, least in (("checkpoint_every", checkpoint_every, 1), ("keep", keep, 0)):
        if value is not None and value < least:
            raise InputError(f"{name} is {value}; it must be at least {least}")
    with run.lock, noted() as stop:
        record = _Record(run, trainer, keep)
        try:
            record.begin()
        except TrainingError as error:  # the system refuses to write, and nothing is lost so far
            raise InputError(str(error)) from None
        if on_begin is not None:
            on_begin(trainer.totals.position)

        to_resume = f"to resume: python -m minilocal.train --resume {shlex.quote(str(run.path))}"

        def stop_if_asked() -> None:
            if stop.status:
                raise Interrupted(f"stopped after {record.saved}; {to_resume}", stop.status)

        def is_due(position: Position) -> bool:
            if stop.status:
                return True
            step = position.epoch * trainer.steps_per_epoch + position.step
            return checkpoint_every is not None and step % checkpoint_every == 0 and record.saved != position

        def save() -> None:
            if record.saved != trainer.totals.position:
                record.save()
            stop_if_asked()

        trainer.is_due, trainer.save = is_due, save
        try:
            for report in trainer.epochs():
                record.add(report)
                yield report
                if report.epoch < trainer.recipe.epochs:
                    stop_if_asked()
        except NonFiniteError as error:
            raise NonFiniteError(f"{error}; the last good checkpoint, of {record.saved}, is kept") from None
        except LostWorkerError as error:
            raise LostWorkerError(f"{error}; the last good checkpoint is of {record.saved}; {to_resume}") from None
        finally:
            trainer.is_due = lambda position: False


class _Record:
    """What a run leaves in its directory: the text of each table so far, and a trainer's state, saved and loaded."""

    def __init__(self, run: RunDirectory, trainer: Trainer, keep: int) -> None:
        self.run, self.trainer, self.keep = run, trainer, keep
        self.recipe = run.read_config()[0] if (run.path / "config.json").exists() else trainer.recipe
        self.texts = tables.empty(trainer.recipe.alignment)
        self.saved = Position(0, 0)  # the position in the newest good checkpoint …
        self.in_place = False  # … and whether that one has the newest checkpoint's name

    def begin(self) -> None:
        """Load the newest good checkpoint, or write a first one; write the tables as they were then."""
        self.run.remove_leftovers()
        found = self.run.checkpoints.read_good(self._load)
        if found is None and (self.run.path / "metrics.csv").exists() and (rows := self.run.read_rows("metrics.csv")):
            raise InputError(
                f"{self.run.path} has the results of {int(rows[-1]['epoch'])} epochs and no checkpoint to resume from; "
                "train again with another --run-dir"
            )
        if found is not None:
            self.saved, self.in_place = self.trainer.totals.position, found[0] == self.run.checkpoints.newest
        self.texts[TIMES] = tables.until(self.run.path / TIMES, self.trainer.totals.epoch)
        self.run.write_tables(self.texts)
        if found is None:
            self.save()  # shows that there is room for a checkpoint
        elif self.trainer.totals.epoch < self.trainer.recipe.epochs:
            self.run.note_machine()

    def add(self, report: EpochReport) -> None:
        """Save an epoch that has just ended.

        Times are not in checkpoints, so that the same run writes the same bytes; they are written first. The other
        tables come last, so they never contain more than the checkpoint does.
        """
        self.texts = tables.extended(self.texts, report)
        self.run.write_tables({TIMES: self.texts[TIMES]})
        self.save()
        self.run.write_tables(self._saved_texts())

    def save(self) -> None:
        """Write a checkpoint; raises `NonFiniteError` instead if a number is not finite."""
        trainer, totals = self.trainer, self.trainer.totals
        if what := damaged(trainer.network, totals.blocks, statistics=True):
            raise trainer.diverged(f"{what} after {totals.position}")
        about = {
            "config": self.recipe.as_dict(),
            "data": trainer.data.checksum,
            "steps_per_epoch": trainer.steps_per_epoch,
            "sums": totals.as_dict(),
            "tables": self._saved_texts(),
        }
        arrays = trainer.network.arrays() | self._momentum()
        self.run.checkpoints.write(arrays, about, totals.position, self.saved if self.in_place else None, self.keep)
        self.saved, self.in_place = totals.position, True

    def _load(self, arrays: Arrays, about: dict[str, Any]) -> None:
        """Restore what a checkpoint holds, completely or not at all; `InputError` says what does not fit."""
        trainer, steps = self.trainer, about.get("steps_per_epoch")
        check_same_run(about, self.recipe, trainer.data.checksum, trainer.data.image_shape)
        if steps != trainer.steps_per_epoch:
            raise InputError(f"it was trained in {steps!r:.40} steps per epoch, not {trainer.steps_per_epoch}")
        position = position_in(about.get("sums"))
        totals = trainer.new_totals(position.epoch)
        totals.fill_in(about["sums"])
        texts = about.get("tables")
        if not isinstance(texts, dict) or {*texts} != {*self._saved_texts()} or {*map(type, texts.values())} != {str}:
            raise InputError("it does not hold the run's tables")
        for name, text in texts.items():
            rows = tables.parse(text, Path(name))
            if position.epoch != (rows[-1]["epoch"] if rows else 0):
                raise InputError(f"its {name} does not end with epoch {position.epoch}")
        momentum = self._momentum()
        check_arrays(arrays, momentum)
        trainer.network.load(arrays)
        for name, velocity in momentum.items():
            velocity[...] = arrays[name]
        trainer.totals, self.texts = totals, self.texts | texts

    def _saved_texts(self) -> dict[str, str]:
        return {name: text for name, text in self.texts.items() if name != TIMES}

    def _momentum(self) -> Arrays:
        """Return all momentum buffers under their names in a checkpoint."""
        return {
            f"momentum.{name}.{key}": velocity
            for name, layer in self.trainer.network.named_layers()
            for key, velocity in self.trainer.optimizer.velocity_of(layer).items()
        }
