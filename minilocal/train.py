"""Train a network by backpropagation or by block-wise local learning: `python -m minilocal.train --algo G3S2`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from minilocal.arguments import DEFAULT, add_boundaries, add_data, add_network, add_training, given
from minilocal.cli import Parser, command
from minilocal.config import Config
from minilocal.describe import describe
from minilocal.figures import draw_curves, draw_gradient_map
from minilocal.kernels import COMPILING, on_first_compilation
from minilocal.parallel import get_threads, set_threads
from minilocal.progress import Progress
from minilocal.rundir import RunDirectory
from minilocal.runs import train_into


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
        help="threads to use (default: all processors); the numbers don't depend on it",
    )
    g.add_argument(
        "--run-dir", metavar="DIR", default=None, help="where results go (default: runs/<time>-<algo>-<model>)"
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
    config = Config(**given(options))
    config.check()

    set_threads(options.threads)
    data = config.data()
    network = config.network(data.image_shape, len(data.classes))
    if options.describe:
        print(describe(network, config.schedule))
        return 0
    trainer = config.trainer(network, data)
    run = RunDirectory.create(config, options.run_dir)
    run.write_config(config.absolute(), data)

    progress = Progress(config.epochs, trainer.steps_per_epoch * config.batch_size, options.quiet)
    trainer.on_step = progress.on_step
    validation = f", {len(data.validation)} to validate" if data.validation else ""
    progress.say(
        f"{config.title}: {len(data.train)} images to train on{validation}, {len(data.test)} to test, "
        f"{get_threads()} threads\n"
        "a line per epoch: [layers of a block] its training loss and accuracy | ... | test accuracy | time"
    )
    epochs = 0
    try:
        with on_first_compilation(lambda: progress.say(COMPILING)):
            for report in train_into(run, trainer):
                progress.on_epoch(report)
                epochs = report.epoch
    finally:
        progress.close()
        if epochs:  # an interrupted or diverged run has its pictures too, of the epochs that it finished
            draw_curves(run, config.title)
            draw_gradient_map(run, config.title)
    print(f"test accuracy {100 * report.test.accuracy:.2f} % ({config.title}); results in {run.path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
