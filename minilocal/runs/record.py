"""A run: training whose tables and checkpoints go to a run directory, begun or gone on with."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from minilocal.runs import tables
from minilocal.runs.sealed import Arrays
from minilocal.training.diagnosis import damaged
from minilocal.errors import InputError, Interrupted, LostWorkerError, NonFiniteError, TrainingError
from minilocal.networks.network import check_arrays
from minilocal.training.reports import EpochReport, Position
from minilocal.runs.resume import differences
from minilocal.runs.directory import RunDirectory
from minilocal.console.signals import noted
from minilocal.training.sums import EpochSums
from minilocal.training.trainer import Trainer


def train_into(
    run: RunDirectory,
    trainer: Trainer,
    checkpoint_every: int | None = None,
    keep: int = 1,
    on_begin: Callable[[Position], None] | None = None,
) -> Iterator[EpochReport]:
    """Train the epochs that a run directory lacks; yield each one's report once its checkpoint and rows are written.

    Random numbers are keyed by epoch and step, so a run that was interrupted ends with the same bits as one that was
    not. `checkpoint_every` writes a checkpoint every so many steps too, and `keep` is how many old ones stay.
    `on_begin(position)` is told from where it goes on.

    Raises `InputError` before the first step if another process trains there, the checkpoint is damaged or another
    run's, or nothing can be written; `TrainingError` later, if a number is not finite, the disk full or a worker dead;
    `Interrupted` once Ctrl-C or SIGTERM came and all is saved. The last good checkpoint is kept whatever happens.
    """
    for name, value, least in (("checkpoint_every", checkpoint_every, 1), ("keep", keep, 0)):
        if value is not None and value < least:
            raise InputError(f"{name} is {value}; it must be at least {least}")
    with run.lock, noted() as stop:
        record = _Record(run, trainer, keep)
        try:
            record.begin()
        except TrainingError as error:  # of a system that refuses to write: so far nothing is lost
            raise InputError(str(error)) from None
        if on_begin is not None:
            on_begin(trainer.sums.position)

        to_go_on = f"to go on: python -m minilocal.train --resume {shlex.quote(str(run.path))}"

        def stop_if_asked() -> None:
            if stop.status:
                raise Interrupted(f"stopped after {record.saved}; {to_go_on}", stop.status)

        def is_due(position: Position) -> bool:
            if stop.status:
                return True
            step = position.epoch * trainer.steps_per_epoch + position.step
            return checkpoint_every is not None and step % checkpoint_every == 0 and record.saved != position

        def pause() -> None:
            if record.saved != trainer.sums.position:
                record.save()
            stop_if_asked()

        trainer.is_due, trainer.on_pause = is_due, pause
        try:
            for report in trainer.epochs(trainer.sums.epoch):
                record.add(report)
                yield report
                if report.epoch < trainer.last_epoch:
                    stop_if_asked()
        except NonFiniteError as error:
            raise NonFiniteError(f"{error}; the last good checkpoint, of {record.saved}, is kept") from None
        except LostWorkerError as error:
            raise LostWorkerError(f"{error}; the last good checkpoint is of {record.saved}; {to_go_on}") from None
        finally:
            trainer.is_due = lambda position: False


class _Record:
    """What a run leaves: the tables' texts so far, and a trainer's state, which it saves and loads."""

    def __init__(self, run: RunDirectory, trainer: Trainer, keep: int) -> None:
        self.run, self.trainer, self.keep = run, trainer, keep
        self.config = run.read_config()[0].as_dict() if (run.path / "config.json").exists() else None
        self.texts = tables.begun("metrics.csv", "gradients.csv")
        self.timing = tables.begun("timing.csv")
        self.saved = Position(0, 0)  # the position in the newest good checkpoint …
        self.in_place = False  # … and whether that is where the newest belongs

    def begin(self) -> None:
        """Load the newest good checkpoint, or write a first one; write the tables as they were then."""
        found = self.run.history.read_good(self._load)
        if found is not None:
            self.saved, self.in_place = self.trainer.sums.position, found[0] == self.run.history.newest
        self.timing = {name: tables.until(self.run.path / name, self.trainer.sums.epoch) for name in self.timing}
        self.run.write_tables(self.texts | self.timing)
        if found is None:
            self.save()  # shows that there is room for one

    def add(self, report: EpochReport) -> None:
        """Save an epoch that has just ended.

        Times are no part of a checkpoint, which the same run writes with the same bytes; so they go first. The other
        tables follow, and never hold more than the checkpoint does.
        """
        self.timing = tables.extended(self.timing, report)
        self.run.write_tables(self.timing)
        self.texts = tables.extended(self.texts, report)
        self.save()
        self.run.write_tables(self.texts)

    def save(self) -> None:
        """Write a checkpoint; raises `NonFiniteError` rather than save what is none."""
        trainer, sums = self.trainer, self.trainer.sums
        _, turn = trainer.step_and_turn(*sums.position)
        blocks = trainer.schedule.blocks_at(turn, len(trainer.network))
        if what := damaged(trainer.network, blocks, statistics=True):
            raise trainer.diverged(f"{what} after {sums.position}")
        about = {
            "config": self.config,
            "trainer": trainer.settings,
            "shift": trainer.schedule.shift_at(turn),
            "sums": sums.as_dict(),
            "tables": self.texts,
        }
        arrays = trainer.network.arrays() | self._momentum()
        self.run.history.write(arrays, about, sums.position, self.saved if self.in_place else None, self.keep)
        self.saved, self.in_place = sums.position, True

    def _load(self, arrays: Arrays, about: dict[str, Any]) -> None:
        """Take over what a checkpoint holds, whole or not at all; `InputError` says what does not fit."""
        trainer = self.trainer
        for mine, theirs in ((self.config, about.get("config")), (trainer.settings, about.get("trainer"))):
            if mine and isinstance(theirs, dict) and (different := differences(mine, theirs)):
                raise InputError(different)
        sums = EpochSums.from_dict(about.get("sums"), trainer.schedule, len(trainer.network))
        texts = about.get("tables")
        if not isinstance(texts, dict) or texts.keys() != self.texts.keys() or {*map(type, texts.values())} != {str}:
            raise InputError("it does not hold the run's tables")
        for name, text in texts.items():
            rows = tables.parse(text, Path(name))
            if sums.epoch != (rows[-1]["epoch"] if rows else 0):
                raise InputError(f"its {name} does not end with epoch {sums.epoch}")
        momentum = self._momentum()
        check_arrays(arrays, momentum)
        trainer.network.load(arrays)
        for name, velocity in momentum.items():
            velocity[...] = arrays[name]
        trainer.sums, self.texts = sums, texts

    def _momentum(self) -> Arrays:
        """Return all momentum buffers under their names in a checkpoint."""
        return {
            f"momentum.{part}.{name}": velocity
            for part, layer in self.trainer.network.parts
            for name, velocity in self.trainer.optimizer.velocity_of(layer).items()
        }
