"""Train a network by backpropagation or by block-wise local learning: `python -m minilocal.train --algo G3S2`."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from minilocal.compute.compilation import COMPILING, on_first_compilation
from minilocal.compute.parallel import get_threads, set_threads
from minilocal.console.cli import Parser, command
from minilocal.console.signals import noted
from minilocal.console.text import plural
from minilocal.errors import InputError, TrainingError
from minilocal.networks.describe import describe
from minilocal.pipeline.root import Root
from minilocal.pipeline.start import check_shareable, join_ranks, workers
from minilocal.pipeline.timeline import draw_timeline
from minilocal.runs.config import Config
from minilocal.runs.directory import RunDirectory
from minilocal.runs.figures import draw_curves, draw_gradient_map
from minilocal.runs.options import DEFAULT, add_boundaries, add_data, add_network, add_training, given
from minilocal.runs.progress import Progress
from minilocal.runs.record import train_into
from minilocal.runs.resume import resumed

if TYPE_CHECKING:
    from minilocal.pipeline.ranks import Ranks


def parser() -> Parser:
    """Return the command's argument parser; its defaults are those of `Config`."""
    p = Parser(
        prog="python -m minilocal.train",
        description="Train a VGG network by backpropagation (BP) or by block-wise local learning (GX, GXSY).",
        epilog="Results go to a new run directory; `python -m minilocal.evaluate RUN` looks at them again.",
        argument_default=argparse.SUPPRESS,  # what is not given keeps Config's default
    )
    g = p.add_argument_group("algorithm")
    g.add_argument(
        "--algo", help=f"BP, GX (blocks of X layers) or GXSY (moving by Y layers per epoch) (default: {DEFAULT.algo})"
    )
    g.add_argument(
        "--seed", type=int, help=f"of weights, data order, augmentation and dropout (default: {DEFAULT.seed})"
    )
    add_network(p)
    add_boundaries(p)
    add_data(p)
    add_training(p)

    g = p.add_argument_group("running")
    g.add_argument(
        "--threads",
        type=int,
        default=None,
        help="threads to use, by each worker if there are any (default: all processors, or one a worker); the numbers "
        "don't depend on it",
    )
    g.add_argument(
        "--workers", type=int, metavar="N", default=None, help="share the blocks out among N processes that train them "
        "side by side; the numbers don't depend on it",
    )  # fmt: skip
    g.add_argument(
        "--parallel", choices=("shared", "mpi"), default="shared", help="what joins workers: shared memory, or MPI: "
        "`mpiexec -n N python -m minilocal.train --parallel mpi ...` (default: shared)",
    )  # fmt: skip
    g.add_argument(
        "--run-dir", metavar="DIR", default=None, help="where results go (default: runs/<time>-<algo>-<model>)"
    )
    g.add_argument(
        "--resume", metavar="RUN", default=None, help="go on with the run in this directory, from its last good "
        "checkpoint; other options are the run's",
    )  # fmt: skip
    g.add_argument(
        "--checkpoint-every",
        type=int,
        metavar="STEPS",
        default=None,
        help="write a checkpoint every so many steps too (default: after every epoch only)",
    )
    g.add_argument(
        "--keep", type=int, metavar="N", default=1, help="old checkpoints to keep beside the newest (default: 1)"
    )
    g.add_argument(
        "--describe", action="store_true", default=False, help="print the network and the blocks, don't train"
    )
    g.add_argument("--quiet", action="store_true", default=False, help="print nothing but the result")
    return p


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = parser().parse_args(argv)
    if options.parallel != "mpi":
        return run_command(options)
    with join_ranks() as ranks:
        if ranks.rank == 0:
            return run_command(options, ranks)
        ranks.serve()
        return 0


def run_command(options: argparse.Namespace, ranks: Ranks | None = None) -> int:
    """Begin a run, or go on with one, as the options say, shared out among ranks if there are any."""
    check(options)
    asked = given(options)
    count = ranks.size if ranks is not None else options.workers
    set_threads(1 if count and options.threads is None else options.threads)
    if options.resume is None:
        config = here = Config(**asked)
        config.check()
        data = config.data()
    else:
        run = RunDirectory(Path(options.resume))
        begun, info = run.read_config()
        config = resumed(begun, asked)
        here = config.moved_to(asked.get("data_dir"))
        data = here.data()
        info.check(data)
    network = config.network(data.image_shape, len(data.classes))
    if options.describe:
        print(describe(network, config.schedule))
        return 0
    trainer = config.trainer(network, data)
    if count:
        check_shareable(config.schedule)
    if options.resume is None:
        run = RunDirectory.create(config, options.run_dir)
        run.write_config(config.absolute(), data)
    else:
        run.lock.acquire()
        if config != begun:
            run.write_config(config, data)

    progress = Progress(config.epochs, trainer.steps_per_epoch * config.batch_size, options.quiet)
    trainer.on_step = progress.on_step
    validation = f", {len(data.validation)} to validate" if data.validation else ""
    threads = plural(get_threads(), "thread")
    if count:
        threads = f"{plural(count, 'worker')}, {threads} each"
    progress.say(
        f"{config.title}: {len(data.train)} images to train on{validation}, {len(data.test)} to test, {threads}\n"
        "a line per epoch: [layers of a block] its training loss and accuracy | ... | test accuracy | time"
    )
    with contextlib.ExitStack() as stack:
        if options.resume is None:
            stack.push(partial(_discard, run))
        stack.enter_context(on_first_compilation(lambda: progress.say(COMPILING)))
        root = None
        if count:
            build = partial(Config.build, here.absolute())
            root = stack.enter_context(workers(trainer, count, build, ranks, progress.say))
        try:
            for report in train_into(
                run,
                trainer,
                options.checkpoint_every,
                options.keep,
                lambda position: progress.begin_at(position, config.batch_size),
            ):
                progress.on_epoch(report)
        except (TrainingError, KeyboardInterrupt):
            progress.close()
            with contextlib.suppress(TrainingError, KeyboardInterrupt):  # what stopped the run is what is to be said
                draw(run, config.title, root)
            raise
    with noted():  # a signal finds nothing left to stop
        accuracy = draw(run, config.title, root)[-1]["test_accuracy"]
    for line in root.log.describe() if root else ():
        progress.say(line)
    print(f"test accuracy {100 * accuracy:.2f} % ({config.title}); results in {run.path}")
    return 0


def _discard(run: RunDirectory, kind: type[BaseException] | None, *_: object) -> None:
    """Take a new run's directory away, if bad input or a signal ends it before it has begun."""
    if kind is not None and issubclass(kind, InputError | KeyboardInterrupt):
        run.discard()


def check(options: argparse.Namespace) -> None:
    """Raise `InputError` for options of the command itself that are out of range or without effect."""
    for flag, value, least in (
        ("--checkpoint-every", options.checkpoint_every, 1),
        ("--keep", options.keep, 0),
        ("--workers", options.workers, 1),
    ):
        if value is not None and value < least:
            raise InputError(f"{flag} is {value}; it must be at least {least}")
    if options.parallel == "mpi" and options.workers is not None:
        raise InputError(f"--workers is {options.workers}, but with --parallel mpi mpiexec says how many; leave it out")
    if options.resume is not None and options.run_dir is not None:
        raise InputError(f"--run-dir has no effect on --resume {options.resume}, whose directory that is; leave it out")


def draw(run: RunDirectory, title: str, root: Root | None) -> list[dict[str, float]]:
    """Draw a run's pictures, of the epochs that it finished if there are any, and of what workers did.

    Returns the rows of metrics.csv. Raises `TrainingError` if they can't be drawn, for the run began.
    """
    try:
        if rows := run.read_rows("metrics.csv"):
            draw_curves(run, title)
            draw_gradient_map(run, title)
        if root is not None and root.log.spans:
            draw_timeline(root.log, title, run.path / "timeline.png")
        return rows
    except InputError as error:
        raise TrainingError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
