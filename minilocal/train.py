"""Train a network by backpropagation or by block-wise local learning: `python -m minilocal.train --algo G3S2`."""

from __future__ import annotations

if __name__ == "__main__":
    from minilocal.console.launch import launch

    launch("minilocal.train")

import argparse
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from minilocal.compute.compilation import on_compilation
from minilocal.compute.parallel import get_threads, set_threads
from minilocal.console.cli import Parser, command
from minilocal.console.options import add_options, given, option
from minilocal.console.plots import if_possible
from minilocal.console.signals import noted
from minilocal.console.text import plural, shown
from minilocal.datasets.prepare import Data
from minilocal.errors import InputError, TrainingError
from minilocal.networks.describe import describe
from minilocal.pipeline.ranks import Ranks
from minilocal.pipeline.root import Root
from minilocal.pipeline.start import check_shareable, join_ranks, workers
from minilocal.pipeline.timeline import draw_timeline
from minilocal.runs.config import PRESETS, Config
from minilocal.runs.directory import RunDirectory
from minilocal.runs.figures import draw_curves, draw_gradient_map
from minilocal.runs.progress import Progress
from minilocal.runs.record import train_into
from minilocal.runs.resume import resumed
from minilocal.runs.warm import helped
from minilocal.training.trainer import Trainer


@dataclass(frozen=True)
class Running:
    """How to run. These options don't change the numbers, except that a preset stands for some that do."""

    preset: str | None = option(
        None, "options to start from, which others override; hour: CIFAR-10 with all that saves time, about an hour on "
        "two cores with AVX-512", group="running", choices=tuple(PRESETS),
    )  # fmt: skip
    threads: int | None = option(
        None, "threads to use, in each worker if there are any (default: all processors, or one per worker)",
        group="running", least=1,
    )  # fmt: skip
    workers: int | None = option(
        None, "distribute the blocks among N processes that train them side by side", group="running", least=1,
        metavar="N",
    )  # fmt: skip
    parallel: str = option(
        "shared",
        "what connects workers: shared memory, or MPI: `mpiexec -n N python -m minilocal.train --parallel mpi ...`",
        group="running",
        choices=("shared", "mpi"),
    )
    run_dir: str | None = option(
        None, "where results go (default: runs/<time>-<algo>-<model>)", group="running", metavar="DIR"
    )
    resume: str | None = option(
        None, "resume the run in this directory from its last good checkpoint, with the run's own options",
        group="running", metavar="RUN",
    )  # fmt: skip
    checkpoint_every: int | None = option(
        None, "also write a checkpoint after every STEPS steps (default: only after every epoch)", group="running",
        least=1, metavar="STEPS",
    )  # fmt: skip
    keep: int = option(1, "number of older checkpoints to keep", group="running", least=0, metavar="N")
    describe: bool = option(False, "print the network and its blocks, and don't train", group="running")
    quiet: bool = option(False, "print nothing but the result", group="running")

    def __post_init__(self) -> None:
        if self.parallel == "mpi" and self.workers is not None:
            raise InputError(
                f"--workers is {self.workers}, but with --parallel mpi, mpiexec sets the number; leave it out"
            )
        for name, value in (("run-dir", self.run_dir), ("preset", self.preset)):
            if self.resume is not None and value is not None:
                raise InputError(f"--{name} has no effect with --resume {self.resume}, whose own it is; leave it out")


def parser() -> Parser:
    """Return the command's argument parser."""
    p = Parser(
        prog="python -m minilocal.train",
        description="Train a VGG or residual network by backpropagation (BP) or by block-wise local learning (GX, "
        "GXSY).",
        epilog="Results go to a new run directory; `python -m minilocal.evaluate RUN` evaluates them.",
    )
    add_options(p, Config)
    add_options(p, Running)
    return p


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    if not _with_mpi(argv):
        return train(parser().parse_args(argv))
    with join_ranks() as ranks:
        if ranks.rank == 0:
            return train(parser().parse_args(argv), ranks)
        ranks.serve()
        return 0


def _with_mpi(argv: Sequence[str] | None) -> bool:
    """Return whether arguments ask for MPI. They may be wrong: with MPI, rank 0 alone says so."""
    p = argparse.ArgumentParser(add_help=False)
    p.add_argument("--parallel", nargs="?")
    return p.parse_known_args(argv)[0].parallel == "mpi"


def train(options: argparse.Namespace, ranks: Ranks | None = None) -> int:
    """Begin or resume a run. With MPI, only rank 0 calls this, so that it alone checks the options."""
    running, asked = Running(**given(options, Running)), given(options, Config)
    count = ranks.size if ranks is not None else running.workers
    set_threads(1 if count and running.threads is None else running.threads)
    if running.resume is None:
        config = here = Config(**PRESETS.get(running.preset or "", {}) | asked)
        data = config.data()
    else:
        run = RunDirectory(running.resume)
        begun, preprocessing = run.read_config()
        config = resumed(begun, asked)
        here = config.moved_to(asked.get("data_dir"))
        data = here.data()
        run.check_data(preprocessing, data)
    network = config.network(data.image_shape, len(data.classes))
    if running.describe:
        print(describe(network, config.schedule))
        return 0
    trainer = Trainer(network, data, config)
    if count:
        check_shareable(config.schedule)
    if running.resume is None:
        run = RunDirectory.create(config, running.run_dir)
        run.write_config(config.absolute(), data)
    else:
        run.lock.acquire()
        if config != begun:
            run.write_config(config, data)

    progress = Progress(config.epochs, trainer.steps_per_epoch * config.batch_size, running.quiet)
    trainer.on_step = progress.on_step
    progress.say(introduction(config, data, count))
    with contextlib.ExitStack() as stack:
        if running.resume is None:
            stack.push(partial(_discard, run))
        say = progress.say if count else stack.enter_context(helped(progress.say))
        stack.enter_context(on_compilation(say, progress.on_kernel))
        root = None
        if count:
            build = partial(Config.build, here.absolute())
            root = stack.enter_context(workers(trainer, count, build, ranks, progress.say))
        try:
            on_begin = partial(progress.begin_at, batch_size=config.batch_size)
            for report in train_into(run, trainer, running.checkpoint_every, running.keep, on_begin):
                progress.on_epoch(report)
        except (TrainingError, KeyboardInterrupt):
            progress.close()
            with contextlib.suppress(TrainingError, KeyboardInterrupt):  # the first error is the one to report
                draw(run, config.title, root)
            raise
    with noted():  # a signal has nothing left to stop
        accuracy = metrics(run)[-1]["test_accuracy"]
        for line in root.log.describe() if root else ():
            progress.say(line)
        print(f"test accuracy {100 * accuracy:.2f} % ({config.title}); results in {shown(run.path)}", flush=True)
        with if_possible():
            draw(run, config.title, root)
    return 0


def introduction(config: Config, data: Data, count: int | None) -> str:
    """Return the lines printed before training: the run, its images and threads, and how to read an epoch's line."""
    validation = f", {len(data.validation)} to validate" if data.validation else ""
    chosen = " (the first of each class, because the images are ordered by class)" if data.by_class else ""
    threads = plural(get_threads(), "thread")
    if count:
        threads = f"{plural(count, 'worker')}, {threads} each"
    return (
        f"{config.title}: {len(data.train)} images to train on{validation}, {len(data.test)} to test{chosen}, "
        f"{threads}\n"
        "a line per epoch: [layers of a block] its training loss and accuracy | ... | test accuracy | time"
    )


def _discard(run: RunDirectory, kind: type[BaseException] | None, *_: object) -> None:
    """Remove a new run's directory if bad input or a signal ends the run before it has begun."""
    if kind is not None and issubclass(kind, InputError | KeyboardInterrupt):
        run.discard()


def metrics(run: RunDirectory) -> list[dict[str, float]]:
    """Return the rows of metrics.csv; raises `TrainingError`, not `InputError`, because the run has begun."""
    try:
        return run.read_rows("metrics.csv")
    except InputError as error:
        raise TrainingError(str(error)) from None


def draw(run: RunDirectory, title: str, root: Root | None) -> None:
    """Draw a run's figures from its finished epochs, and the timeline of its workers."""
    if metrics(run):
        draw_curves(run, title)
        draw_gradient_map(run, title)
    if root is not None and root.log.spans:
        draw_timeline(root.log, title, run.path / "timeline.png")
