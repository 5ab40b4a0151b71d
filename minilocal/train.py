"""Train a network by backpropagation or by block-wise local learning: `python -m minilocal.train --algo G3S2`."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from minilocal.cli import Parser, command
from minilocal.config import Config
from minilocal.describe import describe
from minilocal.errors import InputError, TrainingError
from minilocal.figures import draw_curves, draw_gradient_map
from minilocal.kernels import COMPILING, on_first_compilation
from minilocal.layers.conv import ALGORITHMS
from minilocal.parallel import get_threads, set_threads
from minilocal.progress import Progress
from minilocal.resume import resumed
from minilocal.rundir import RunDirectory
from minilocal.runs import train_into
from minilocal.schedule import OPTIONS


def parser() -> Parser:
    """Return the command's argument parser; its defaults are those of `Config`."""
    p = Parser(
        prog="python -m minilocal.train",
        description="Train a VGG network by backpropagation (BP) or by block-wise local learning (GX, GXSY).",
        epilog="Results go to a new run directory; `python -m minilocal.evaluate RUN` looks at them again.",
        argument_default=argparse.SUPPRESS,  # what is not given keeps Config's default
    )
    d = Config()
    g = p.add_argument_group("algorithm and network")
    g.add_argument(
        "--algo", help=f"BP, GX (blocks of X layers) or GXSY (moving by Y layers per epoch) (default: {d.algo})"
    )
    g.add_argument("--model", help=f"vgg8b, vgg11b, vgg11bx2, vgg16 or vgg19 (default: {d.model})")
    g.add_argument("--width", type=float, help=f"multiplies all widths, a power of two (default: {d.width:g})")
    g.add_argument("--classifier", choices=("a1", "a2"), help=f"auxiliary classifiers (default: {d.classifier})")
    g.add_argument(
        "--conv",
        choices=("auto", *ALGORITHMS),
        help="how convolutions are computed where that is possible (default: the fastest for each layer's shape)",
    )
    g.add_argument(
        "--dropout", type=float, help="dropout rate (default: the paper's for model and data set, else 0.05)"
    )

    g = p.add_argument_group("moving boundaries, in ways that the paper does not have (GXSY only)")
    g.add_argument(
        "--front",
        choices=OPTIONS["front"],
        help="layers in front of the first whole block rest, as in the paper, or form a short block (default: rest)",
    )
    g.add_argument(
        "--idle",
        choices=OPTIONS["idle"],
        help="classifiers rest while no block ends at them, as in the paper, or learn from features that they take as "
        "given (default: rest)",
    )
    g.add_argument("--shift-every", type=int, metavar="STEPS", help="steps between two shifts (default: an epoch)")
    g.add_argument("--shift-order", choices=OPTIONS["shift_order"], help="shifts in turn or at random (default: cycle)")

    g = p.add_argument_group("data")
    g.add_argument(
        "--dataset",
        help="fashion-mnist-mini (ships with minilocal), fashion-mnist, mnist, cifar10, cifar100, or npz:FILE with "
        f"arrays x_train, y_train, x_test, y_test (default: {d.dataset})",
    )
    g.add_argument("--data-dir", metavar="DIR", help="the files' folder or its parent (default: the cache directory)")
    g.add_argument("--train-size", type=int, metavar="N", help="train on the first N images only (default: all)")
    g.add_argument("--test-size", type=int, metavar="N", help="test on the first N images only (default: all)")
    g.add_argument(
        "--validation", type=float, metavar="SHARE", help="hold out a share of the training images (default: 0)"
    )
    g.add_argument(
        "--crop", action=argparse.BooleanOptionalAction, help="random crops of the padded image (default: on)"
    )
    g.add_argument(
        "--flip", action=argparse.BooleanOptionalAction, help="mirror half of the images; on for objects, off for "
        "digits and one's own data",
    )  # fmt: skip

    g = p.add_argument_group("training")
    g.add_argument("--epochs", type=int, help=f"passes over the training images (default: {d.epochs})")
    g.add_argument("--batch-size", type=int, help=f"images per step (default: {d.batch_size})")
    g.add_argument("--lr", type=float, help=f"learning rate at the start (default: {d.lr})")
    g.add_argument(
        "--lr-schedule", choices=("cosine", "step"), help="cosine to 0, or ×0.25 at 50, 75, 87.5 and 93.75 %% of the "
        f"steps (default: {d.lr_schedule})",
    )  # fmt: skip
    g.add_argument(
        "--lr-epochs", type=int, metavar="N", help="have the learning rate end after so many epochs, for --resume with "
        "more --epochs later (default: as --epochs)",
    )  # fmt: skip
    g.add_argument("--momentum", type=float, help=f"SGD's momentum (default: {d.momentum})")
    g.add_argument("--weight-decay", type=float, help=f"L2 penalty, on all parameters (default: {d.weight_decay:g})")
    g.add_argument("--seed", type=int, help=f"of weights, data order, augmentation and dropout (default: {d.seed})")

    g = p.add_argument_group("running")
    g.add_argument(
        "--threads",
        type=int,
        default=None,
        help="threads to use (default: all processors); the numbers don't depend on it",
    )
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
    check(options)
    asked = {f.name: getattr(options, f.name) for f in fields(Config) if hasattr(options, f.name)}
    set_threads(options.threads)
    if options.resume is None:
        config = Config(**asked)
        config.check()
        data = config.data()
    else:
        run = RunDirectory(Path(options.resume))
        begun, info = run.read_config()
        config = resumed(begun, asked)
        data = config.moved_to(asked.get("data_dir")).data()
        info.check(data)
    network = config.network(data.image_shape, len(data.classes))
    if options.describe:
        print(describe(network, config.schedule))
        return 0
    trainer = config.trainer(network, data)
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
    progress.say(
        f"{config.title}: {len(data.train)} images to train on{validation}, {len(data.test)} to test, "
        f"{get_threads()} threads\n"
        "a line per epoch: [layers of a block] its training loss and accuracy | ... | test accuracy | time"
    )
    try:
        with on_first_compilation(lambda: progress.say(COMPILING)):
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
            draw(run, config.title)
        raise
    accuracy = draw(run, config.title)[-1]["test_accuracy"]
    print(f"test accuracy {100 * accuracy:.2f} % ({config.title}); results in {run.path}")
    return 0


def check(options: argparse.Namespace) -> None:
    """Raise `InputError` for options of the command itself that are out of range or without effect."""
    for flag, value, least in (("--checkpoint-every", options.checkpoint_every, 1), ("--keep", options.keep, 0)):
        if value is not None and value < least:
            raise InputError(f"{flag} is {value}; it must be at least {least}")
    if options.resume is not None and options.run_dir is not None:
        raise InputError(f"--run-dir has no effect on --resume {options.resume}, whose directory that is; leave it out")


def draw(run: RunDirectory, title: str) -> list[dict[str, float]]:
    """Draw a run's pictures, of the epochs that it finished if there are any; return the rows of metrics.csv.

    Raises `TrainingError` if they can't be drawn, for the run began.
    """
    try:
        if rows := run.read_rows("metrics.csv"):
            draw_curves(run, title)
            draw_gradient_map(run, title)
        return rows
    except InputError as error:
        raise TrainingError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
