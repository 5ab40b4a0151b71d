"""The command-line options behind `Config`, for the commands that train.

Parsers that take them have `argument_default=argparse.SUPPRESS`, so that what is not given keeps its default.
"""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any

from minilocal.runs.config import Config
from minilocal.layers.conv import ALGORITHMS
from minilocal.schedule import OPTIONS

DEFAULT = Config()


def add_network(parser: argparse.ArgumentParser) -> None:
    """Add the options that make the network."""
    d = DEFAULT
    g = parser.add_argument_group("network")
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


def add_boundaries(parser: argparse.ArgumentParser) -> None:
    """Add the options of moving boundaries that the paper does not have."""
    g = parser.add_argument_group("moving boundaries, in ways that the paper does not have (GXSY only)")
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


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which images there are and how they are used."""
    g = parser.add_argument_group("data")
    g.add_argument(
        "--dataset",
        help="fashion-mnist-mini (ships with minilocal), fashion-mnist, mnist, cifar10, cifar100, or npz:FILE with "
        f"arrays x_train, y_train, x_test, y_test (default: {DEFAULT.dataset})",
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


def add_training(parser: argparse.ArgumentParser) -> None:
    """Add the options of the training recipe."""
    d = DEFAULT
    g = parser.add_argument_group("training")
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


def given(options: argparse.Namespace) -> dict[str, Any]:
    """Return those of `Config`'s options that stand on the command line, by name."""
    return {field.name: getattr(options, field.name) for field in fields(Config) if hasattr(options, field.name)}
