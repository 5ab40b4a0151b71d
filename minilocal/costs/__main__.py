"""What training costs, by formula: `python -m minilocal.costs`."""

from __future__ import annotations

if __name__ == "__main__":
    from minilocal.console.launch import launch

    launch("minilocal.costs.__main__")

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from minilocal.console.cli import Parser, check_once, command
from minilocal.console.options import add_options, flag, given, option
from minilocal.costs import report
from minilocal.costs.algorithm import algorithm_costs
from minilocal.costs.figure import draw
from minilocal.costs.published import FIGURES, Figure, reductions, table1
from minilocal.costs.sizes import SIZES
from minilocal.errors import InputError
from minilocal.files import check_writable
from minilocal.networks.configs import CONFIGS, LOCAL_LOSSES, architecture, check_local_loss
from minilocal.schedule import OPTIONS, Schedule, parse

MOST = 10**6  # classes, pixels per side, images per minibatch
TASK, PAPER, OUTPUT = "what to cost", "the paper's numbers beside ours, without the options above", "output"


@dataclass(frozen=True)
class Task:
    """The algorithms, the network and the images."""

    algo: tuple[str, ...] = option(
        ("BP", "G1", "G2", "G2S1", "G3", "G3S2"), "one or more of BP, GX and GXSY", group=TASK, metavar="ALGO"
    )
    model: str = option("vgg16", ", ".join(CONFIGS), group=TASK, choices=tuple(CONFIGS), metavar="MODEL")
    width: float = option(1.0, "factor for all widths, such as 0.125 or 1.5", group=TASK, above=0, most=8)
    whiten: bool = option(False, "whiten the images in front of the first layer", group=TASK)
    classes: int = option(10, "number of classes", group=TASK, least=2, most=MOST, metavar="N")
    image_size: int = option(32, "images are N×N pixels", group=TASK, least=1, most=MOST, metavar="N")
    channels: int = option(3, "channels of the images", group=TASK, choices=(1, 3))
    classifier: str = option("a1", "auxiliary classifiers", group=TASK, choices=tuple(SIZES))
    local_loss: str = option("ce", "what blocks of GX and GXSY learn from", group=TASK, choices=LOCAL_LOSSES)
    batch_size: int = option(128, "images per step, for off-chip accesses", group=TASK, least=1, most=MOST, metavar="N")
    front: str = option("rest", "GXSY: what layers before the first block do", group=TASK, choices=OPTIONS["front"])
    idle: str = option("rest", "GXSY: what classifiers do where no block ends", group=TASK, choices=OPTIONS["idle"])

    @property
    def schedules(self) -> list[Schedule]:
        """The algorithms' schedules; `front` and `idle` apply to those with moving boundaries.

        Raises `InputError` for an unknown algorithm, or if an option is given and it has no effect on any.
        """
        schedules = [parse(name) for name in self.algo]
        options = {name: value for name in OPTIONS if (value := getattr(self, name)) != "rest"}
        if options and not any(schedule.shift for schedule in schedules):
            flags = " and ".join(f"{flag(name)} {value}" for name, value in options.items())
            raise InputError(f"{flags} has no effect on {', '.join(self.algo)}; add an algorithm such as G3S2")
        if all(schedule.block_size is None for schedule in schedules):
            check_local_loss(self.local_loss, schedules[0])
        return [replace(schedule, **options) if schedule.shift else schedule for schedule in schedules]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.image_size, self.image_size, self.channels

    @property
    def title(self) -> str:
        """A title: "vgg16 × 0.5, 32×32×3 images, 10 classes, classifiers A1, batches of 128"."""
        width = f" × {self.width:g}" if self.width != 1 else ""
        loss = f"local loss {self.local_loss}, " if self.local_loss != "ce" else ""
        return (
            f"{self.model}{width}, {'×'.join(map(str, self.image_shape))} images, {self.classes} classes, "
            f"{loss}classifiers {self.classifier.upper()}, batches of {self.batch_size}"
        )


@dataclass(frozen=True)
class Options:
    """What to show, and how."""

    table1: bool = option(False, "Table I: the auxiliary classifiers of VGG-16", group=PAPER)
    figure6: bool = option(False, "Fig. 6: off-chip accesses and MACs, CIFAR-10; drawn in figure6.png", group=PAPER)
    figure8: bool = option(False, "Fig. 8: the same for CIFAR-100; drawn in figure8.png", group=PAPER)
    json: bool = option(False, "print everything as JSON to stdout, and nothing else", group=OUTPUT)
    out: Path | None = option(None, "folder for the figures (default: current folder)", group=OUTPUT, metavar="FOLDER")

    @property
    def figures(self) -> list[Figure]:
        """The figures to show."""
        return [figure for number, figure in FIGURES.items() if getattr(self, f"figure{number}")]


def read(argv: Sequence[str] | None) -> tuple[Options, Task]:
    """Return the options of a command line; raises `InputError` for one that is out of range or without effect."""
    parser = Parser(
        prog="python -m minilocal.costs",
        description="MACs, parameters, off-chip memory accesses and pipeline bounds of BP, GX and GXSY, by formula: "
        "nothing is trained, and no weights are made.",
        epilog='The formulas are in tutorials/reference.md, "Cost model".',
    )
    add_options(parser, Task)
    add_options(parser, Options)
    namespace = parser.parse_args(argv)
    options, task = Options(**given(namespace, Options)), given(namespace, Task)
    if task and (options.table1 or options.figures):
        raise InputError(f"{flag(next(iter(task)))} has no effect on the paper's table and figures; leave it out")
    check_once("--algo", [parse(name).name for name in task.get("algo", ())])
    if options.out is not None and not options.figures:
        raise InputError("--out is the folder for figures; ask for one, with --figure6 for example")
    for figure in options.figures:
        check_writable(Path(options.out or "", figure.file), "--out")
    return options, Task(**task)


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options, task = read(argv)
    text, content = papers_numbers(options) if options.table1 or options.figures else costs_of(task)
    print(json.dumps(content, indent=1) if options.json else text)
    return 0


def costs_of(task: Task) -> tuple[str, dict[str, Any]]:
    """Return the algorithms' costs, as tables and ready for JSON."""
    config = architecture(task.model, task.width, task.whiten)
    setting = task.image_shape, task.classes, task.classifier, task.batch_size
    backprop, *algorithms = (
        algorithm_costs(config, algo, *setting, "ce" if algo.block_size is None else task.local_loss)
        for algo in (parse("BP"), *task.schedules)
    )
    content = {"task": asdict(task), "algorithms": [report.content(algorithm, backprop) for algorithm in algorithms]}
    return f"{task.title}\n\n{report.tables(algorithms, backprop)}", content


def papers_numbers(options: Options) -> tuple[str, dict[str, Any]]:
    """Return the paper's table and figures beside ours, as text and ready for JSON, and draw the figures."""
    texts: list[str] = []
    content: dict[str, Any] = {}
    if options.table1:
        rows = table1()
        texts.append(report.table1_text(rows))
        content["table1"] = report.table1_content(rows)
    for figure in options.figures:
        off_chip, macs = reductions(figure)
        texts.append(report.figure_text(figure, off_chip, macs))
        content[f"figure{figure.number}"] = report.figure_content(figure, off_chip, macs)
        path = draw(figure, off_chip, macs, Path(options.out or "", figure.file))
        print(f"drawn in {path}", file=sys.stderr)
    return "\n\n\n".join(texts), content
