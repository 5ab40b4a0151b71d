"""The command's options, checked before anything is computed or drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from minilocal.console.cli import Parser, check_once
from minilocal.costs.published import FIGURES, Figure
from minilocal.errors import InputError
from minilocal.files import check_writable
from minilocal.networks.configs import CONFIGS
from minilocal.schedule import OPTIONS as SCHEDULE_OPTIONS
from minilocal.schedule import Schedule, parse

MOST = 10**6  # classes, pixels of a side, images of a minibatch


@dataclass(frozen=True)
class Task:
    """What to cost. The algorithms, the model and its width are checked where they are used."""

    algo: Sequence[str] = ("BP", "G1", "G2", "G2S1", "G3", "G3S2")
    model: str = "vgg16"
    width: float = 1.0
    classes: int = 10
    image_size: int = 32
    channels: int = 3
    classifier: str = "a1"
    batch_size: int = 128
    front: str = "rest"
    idle: str = "rest"

    @property
    def schedules(self) -> list[Schedule]:
        """Return the algorithms' schedules; `front` and `idle` are those of boundaries that move.

        Raises `InputError` for a name that is none, or if an option is set and no algorithm moves its boundaries.
        """
        schedules = [parse(name) for name in self.algo]
        options = {name: value for name in ("front", "idle") if (value := getattr(self, name)) != "rest"}
        if options and not any(schedule.shift for schedule in schedules):
            flags = " and ".join(f"--{name} {value}" for name, value in options.items())
            raise InputError(f"{flags} has no effect on {', '.join(self.algo)}; add an algorithm that moves, G3S2 say")
        return [replace(schedule, **options) if schedule.shift else schedule for schedule in schedules]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Return (height, width, channels)."""
        return self.image_size, self.image_size, self.channels

    @property
    def title(self) -> str:
        """Return what a person calls it: "vgg16 × 0.5, 32×32×3 images, 10 classes, classifiers A1, batches of 128"."""
        width = f" × {self.width:g}" if self.width != 1 else ""
        return (
            f"{self.model}{width}, {'×'.join(map(str, self.image_shape))} images, {self.classes} classes, "
            f"classifiers {self.classifier.upper()}, batches of {self.batch_size}"
        )


@dataclass(frozen=True)
class Options:
    """A task, or else the paper's table and figures that are to be shown; and how to show them."""

    task: Task
    table1: bool
    figures: tuple[Figure, ...]
    json: bool
    out: Path


def parser() -> Parser:
    """Return the command's argument parser; options that were not given are None."""
    p = Parser(
        prog="python -m minilocal.costs",
        description="MACs, parameters, off-chip memory accesses and pipeline bounds of BP, GX and GXSY, by formula: "
        "nothing is trained and no weights are made.",
        epilog='tutorials/reference.md has the formulas, under "Cost model".',
    )
    g = p.add_argument_group("what to cost")
    g.add_argument(
        "--algo",
        nargs="+",
        metavar="ALGO",
        help=f"BP, GX or GXSY, several if you like (default: {' '.join(Task.algo)})",
    )
    g.add_argument("--model", help=f"{', '.join(CONFIGS)} (default: {Task.model})")
    g.add_argument("--width", type=float, help=f"multiplies all widths, a power of two (default: {Task.width:g})")
    g.add_argument("--classes", type=int, metavar="N", help=f"number of classes (default: {Task.classes})")
    g.add_argument("--image-size", type=int, metavar="N", help=f"images are N×N (default: {Task.image_size})")
    g.add_argument("--channels", type=int, choices=(1, 3), help=f"of the images (default: {Task.channels})")
    g.add_argument("--classifier", choices=("a1", "a2"), help=f"auxiliary classifiers (default: {Task.classifier})")
    g.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help=f"images per minibatch, for off-chip accesses (default: {Task.batch_size})",
    )
    g.add_argument(
        "--front",
        choices=SCHEDULE_OPTIONS["front"],
        help="with boundaries that move, the layers in front rest, or form a short block (default: rest)",
    )
    g.add_argument(
        "--idle",
        choices=SCHEDULE_OPTIONS["idle"],
        help="with boundaries that move, classifiers where no block ends rest, or learn (default: rest)",
    )

    g = p.add_argument_group("the paper's numbers beside ours, instead")
    g.add_argument("--table1", action="store_true", help="Table I: the auxiliary classifiers of VGG-16")
    for number, figure in FIGURES.items():
        text = f"Fig. {number}: off-chip accesses and MACs, {figure.dataset}; also drawn, as figure{number}.png"
        g.add_argument(f"--figure{number}", action="store_true", help=text)

    g = p.add_argument_group("output")
    g.add_argument("--json", action="store_true", help="print everything as JSON, and nothing else, to stdout")
    g.add_argument("--out", type=Path, metavar="FOLDER", help="where to draw the figures (default: this folder)")
    return p


def read(argv: Sequence[str] | None) -> Options:
    """Return the options of a command line; raises `InputError` for one that is out of range or without effect."""
    given = parser().parse_args(argv)
    values = {field.name: getattr(given, field.name) for field in fields(Task)}
    values = {name: value for name, value in values.items() if value is not None}
    figures = tuple(figure for number, figure in FIGURES.items() if getattr(given, f"figure{number}"))
    if values and (given.table1 or figures):
        raise InputError(f"{_flag(next(iter(values)))} has no effect on the paper's table and figures; leave it out")
    for name, least in (("classes", 2), ("image_size", 1), ("batch_size", 1)):
        if not least <= values.get(name, least) <= MOST:
            raise InputError(f"{_flag(name)} is {values[name]}; it must be {least} to {MOST}")
    check_once("--algo", [parse(name).name for name in values.get("algo", ())])
    if given.out is not None and not figures:
        raise InputError("--out is where figures are drawn; ask for one, with --figure6 say")
    out = given.out or Path()
    for figure in figures:
        check_writable(out / figure.file, "--out")
    return Options(Task(**values), given.table1, figures, given.json, out)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
