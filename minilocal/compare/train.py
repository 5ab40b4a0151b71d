"""Training what a sweep lacks, run after run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from minilocal.compare.progress import Progress
from minilocal.compare.sweep import Run
from minilocal.datasets.prepare import Data, prepare
from minilocal.errors import NonFiniteError
from minilocal.runs.config import Config
from minilocal.runs.figures import draw_curves, draw_gradient_map
from minilocal.runs.record import train_into
from minilocal.training.trainer import Trainer


def data_of(config: Config) -> Data:
    """Read and prepare a run's images; those of the run before are still at hand."""
    seed = config.seed if config.validation else 0  # which only chooses the images to hold out
    return _prepare(config.dataset, config.data_dir, config.train_size, config.test_size, config.validation, seed)


_prepare = lru_cache(maxsize=1)(prepare)


def check(runs: Sequence[Run]) -> None:
    """Raise `InputError` if the network of one of the runs does not fit its data or its algorithm; train nothing."""
    checked = set()
    for run in runs:
        if run.entry not in checked:
            checked.add(run.entry)
            data = data_of(run.config)
            Trainer(run.config.network(data.image_shape, len(data.classes)), data, run.config)


def train(runs: Sequence[Run], progress: Progress) -> Iterator[tuple[Run, str | None]]:
    """Train the epochs that the runs lack; yield each run that has ended, and why it failed if its loss diverged."""
    for number, run in enumerate(runs, 1):
        if run.finished:
            continue
        data = data_of(run.config)
        trainer = Trainer(run.config.network(data.image_shape, len(data.classes)), data, run.config)
        trainer.on_step = progress.on_step
        run.begin(data)
        progress.begin(number, run)
        problem = None
        try:
            for report in train_into(run.directory, trainer):
                progress.on_epoch(report)
        except NonFiniteError as error:
            problem = str(error)
        progress.end(problem)
        if run.epochs:
            draw_curves(run.directory, run.config.title)
            draw_gradient_map(run.directory, run.config.title)
        yield run, problem
