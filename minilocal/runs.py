"""A run: training whose rows and checkpoints go to a run directory, begun or gone on with."""

from __future__ import annotations

from collections.abc import Iterator

from minilocal.rundir import RunDirectory
from minilocal.trainer import EpochReport, Trainer


def train_into(run: RunDirectory, trainer: Trainer) -> Iterator[EpochReport]:
    """Train the epochs that a run directory lacks; yield each one's report once its rows and checkpoint are written.

    Random numbers are keyed by epoch and step, so a run that was interrupted ends with the same bits as one that was
    not.
    """
    done = run.restore(trainer.network, trainer.optimizer)
    for report in trainer.epochs(done):
        run.append(report)
        run.write_checkpoint(trainer.network, trainer.optimizer, report.epoch)
        yield report
