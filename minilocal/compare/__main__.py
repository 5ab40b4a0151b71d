"""Train several algorithms with several seeds and compare them: `python -m minilocal.compare --preset laptop`."""

from __future__ import annotations

if __name__ == "__main__":
    from minilocal.console.launch import launch

    launch("minilocal.compare.__main__")

import sys
from collections.abc import Callable, Sequence
from functools import lru_cache

from minilocal.compare import report
from minilocal.compare.options import read
from minilocal.compare.progress import Progress
from minilocal.compare.results import Results, read_results
from minilocal.compare.sweep import DataSize, Run, Sweep, read_sweep
from minilocal.compute.compilation import on_compilation
from minilocal.compute.parallel import get_threads, set_threads
from minilocal.console.cli import command
from minilocal.console.plots import if_possible
from minilocal.console.text import plural, shown
from minilocal.datasets.prepare import Data, prepare
from minilocal.errors import NonFiniteError, TrainingError
from minilocal.files import expanded
from minilocal.runs.config import Config
from minilocal.runs.figures import draw_curves, draw_gradient_map
from minilocal.runs.record import train_into
from minilocal.training.trainer import Trainer


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = read(argv)
    if options.report is not None:
        sweep = read_sweep(options.report)
        sweep.check()
        show(read_results(sweep))
        return 0
    set_threads(options.threads)
    size = DataSize.of(data_of(options.setting))
    sweep = Sweep(expanded(options.sweep_dir or ""), options.setting, size, options.entries, options.seeds).joined()
    runs = [run for run in sweep.runs if run.entry in options.entries and run.seed in options.seeds]
    for run in {run.entry: run for run in runs if not run.finished}.values():
        sweep.check_data(run.entry, trainer_of(run).data)  # both raise `InputError` before anything is trained
    sweep.write()

    failures, status = train_all(sweep, runs, options.quiet)
    show(read_results(sweep, failures))
    if status:
        print("minilocal.compare: interrupted; the same command resumes", file=sys.stderr)
        return status
    if failures:
        raise TrainingError(f"{len(failures)} of {plural(len(runs), 'run')} failed: {'; '.join(failures)}")
    return 0


def train_all(sweep: Sweep, runs: Sequence[Run], quiet: bool) -> tuple[dict[str, str], int]:
    """Train what is missing; return why runs failed, by title, and the exit status of a signal that stopped it."""
    progress, failures = Progress(sweep, runs, quiet), {}
    train, held_out = sweep.split(sweep.setting)
    progress.say(
        f"{sweep.setting.task}, {plural(len(runs), 'run')} ({sum(run.finished for run in runs)} finished): "
        f"{train} images to train on, {held_out} to validate, {sweep.size.test} to test, "
        f"{plural(get_threads(), 'thread')}; in {shown(sweep.path)}"
    )
    try:
        with on_compilation(progress.say):
            for number, run in enumerate(runs, 1):
                if not run.finished and (problem := train_one(number, run, progress)):
                    failures[run.title] = problem
    except KeyboardInterrupt as stop:
        return failures, getattr(stop, "status", 130)
    finally:
        progress.close()
    return failures, 0


def train_one(number: int, run: Run, progress: Progress) -> str | None:
    """Train the missing epochs of a run and draw its figures; return why it failed if its loss diverged."""
    trainer, problem = trainer_of(run, progress.on_step), None
    run.directory.path.mkdir(exist_ok=True)
    if not (run.directory.path / "config.json").exists():
        run.directory.write_config(run.config, trainer.data)
    progress.begin(number, run)
    try:
        for epoch in train_into(run.directory, trainer):
            progress.on_epoch(epoch)
    except NonFiniteError as error:
        problem = str(error)
    progress.end(problem)
    if trainer.totals.epoch:
        with if_possible():
            draw_curves(run.directory, run.config.title)
            draw_gradient_map(run.directory, run.config.title)
    return problem


def trainer_of(run: Run, on_step: Callable[..., object] = lambda *results: None) -> Trainer:
    """Return the trainer of a run, with initial weights."""
    data = data_of(run.config)
    return Trainer(run.config.network(data.image_shape, len(data.classes)), data, run.config, on_step)


def data_of(config: Config) -> Data:
    """Read and prepare a run's images, or return those of the previous run if they are the same."""
    seed = config.seed if config.validation else 0  # it only chooses the images to hold out
    return _prepare(config.dataset, config.data_dir, config.train_size, config.test_size, config.validation, seed)


_prepare = lru_cache(maxsize=1)(prepare)


def show(results: Results) -> None:
    """Print the report and write it, with its figures, into the sweep's directory."""
    print(report.as_text(results))
    report.write(results)
    names = ["results.md", "results.csv", *(report.FIGURES if results.finished else ())]
    files = [name for name in names if (results.sweep.path / name).exists()]
    print(f"\nresults in {shown(results.sweep.path)}: {', '.join(files)}")
