"""The command's options, checked before anything is measured."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from minilocal.compute.parallel import available_threads
from minilocal.console.cli import Parser
from minilocal.console.text import plural
from minilocal.errors import InputError
from minilocal.files import check_writable

ALGORITHMS = ("BP", "G1", "G2", "G3", "G3S2")
WORKERS = ("G1", "G2S1", "G3S1")
FIGURE10 = ("BP", "G1", "G2", "G2S1", "G3", "G3S2")
SECTIONS = ("per_layer", "scaling", "startup", "loading")


@dataclass(frozen=True)
class Options:
    """What to measure, and on what network; `algos` is empty if steps and inference are not to be timed."""

    algos: tuple[str, ...]
    model: str
    width: float
    classifier: str
    batch_size: int
    threads: int
    steps: int
    torch: bool
    workers: tuple[int, ...]
    sections: tuple[str, ...]
    json: bool
    plot: Path | None
    figure10: Path | None

    @property
    def title(self) -> str:
        """Return what a person calls the network and its batch: "vgg16 × 0.5, batches of 128, 2 threads"."""
        width = f" × {self.width:g}" if self.width != 1 else ""
        classifier = ", classifiers A2" if self.classifier == "a2" else ""
        return f"{self.model}{width}{classifier}, batches of {self.batch_size}, {plural(self.threads, 'thread')}"


def parser() -> Parser:
    """Return the command's argument parser."""
    p = Parser(
        prog="python -m minilocal.bench",
        description="Time training steps and inference, say where the time goes and what memory they need, and "
        "compare both with PyTorch.",
        epilog="With --per-layer, --scaling, --startup or --loading only these are measured, steps too if --algo is "
        "given. Medians are what to read; close other programs first.",
    )
    g = p.add_argument_group("what to time")
    g.add_argument(
        "--algo",
        nargs="+",
        metavar="ALGO",
        help=f"BP, GX or GXSY, several if you like (default: {' '.join(ALGORITHMS)})",
    )
    g.add_argument("--model", default="vgg16", help="vgg8b, vgg11b, vgg11bx2, vgg16 or vgg19 (default: %(default)s)")
    g.add_argument(
        "--width", type=float, default=1.0, help="multiplies all widths, a power of two (default: %(default)g)"
    )
    g.add_argument("--classifier", choices=("a1", "a2"), default="a1", help="auxiliary classifiers (default: a1)")
    g.add_argument("--batch-size", type=int, default=128, help="images per step (default: %(default)s)")
    g.add_argument("--threads", type=int, help="threads to use (default: all processors)")
    g.add_argument("--steps", type=int, default=10, metavar="N", help="rounds to time (default: %(default)s)")
    g.add_argument("--against", choices=("torch",), help="PyTorch takes turns with minilocal")

    g = p.add_argument_group("more to measure")
    g.add_argument("--per-layer", action="store_true", help="every convolution and linear layer alone")
    g.add_argument("--scaling", action="store_true", help="a BP step on 1, 2, 4, … threads")
    g.add_argument("--startup", action="store_true", help="import and first step, kernels not yet compiled and cached")
    g.add_argument("--loading", action="store_true", help="cropping, flipping and normalising a minibatch")

    g.add_argument(
        "--workers",
        nargs="+",
        type=int,
        metavar="N",
        help="blocks shared out among N processes of one thread each, several N if you like: steps, the plan's bound, "
        f"memory, and a simulation where processors are lacking (default --algo: {' '.join(WORKERS)})",
    )
    g.add_argument(
        "--figure10",
        metavar="FILE",
        type=Path,
        help="steps of BP and others as estimated for kinds of processors, beside the measured ones; drawn as PNG",
    )

    g = p.add_argument_group("output")
    g.add_argument("--json", action="store_true", help="print everything as JSON, and nothing else, to stdout")
    g.add_argument("--plot", metavar="FILE", type=Path, help="draw step times and where they go, as PNG")
    return p


def read(argv: Sequence[str] | None) -> Options:
    """Return the options of a command line; raises `InputError` for one that is out of range.

    Algorithms, model and width are checked where the networks are built.
    """
    given = parser().parse_args(argv)
    threads = available_threads() if given.threads is None else given.threads
    for flag, value, least, most in (
        ("--batch-size", given.batch_size, 2, 100_000),
        ("--steps", given.steps, 1, 100_000),
        ("--threads", threads, 1, 1024),
    ):
        if not least <= value <= most:
            raise InputError(f"{flag} is {value}; it must be {least} to {most}")
    sections = tuple(section for section in SECTIONS if getattr(given, section))
    if given.workers:
        _check_workers(given, sections)
        threads = 1
    if given.against and importlib.util.find_spec("torch") is None:
        raise InputError("--against torch needs PyTorch, which is not installed; run `pip install torch`")
    default = WORKERS if given.workers else FIGURE10 if given.figure10 else () if sections else ALGORITHMS
    algos = tuple(given.algo or default)
    if given.figure10 and "BP" not in (algo.upper() for algo in algos):
        raise InputError("--figure10 compares with BP; name it among --algo")
    if given.plot is not None and not algos:
        raise InputError("--plot draws the times of steps; name their algorithms with --algo")
    for flag, file in (("--plot", given.plot), ("--figure10", given.figure10)):
        if file is not None:
            check_writable(file, flag)
    if given.plot is not None and given.plot == given.figure10:
        raise InputError(f"--plot and --figure10 are both {given.plot}; draw them into two files")
    return Options(
        algos=algos,
        model=given.model,
        width=given.width,
        classifier=given.classifier,
        batch_size=given.batch_size,
        threads=threads,
        steps=given.steps,
        torch=given.against == "torch",
        workers=tuple(given.workers or ()),
        sections=sections,
        json=given.json,
        plot=given.plot,
        figure10=given.figure10,
    )


def _check_workers(given: argparse.Namespace, sections: tuple[str, ...]) -> None:
    """Raise `InputError` for numbers of workers out of range, and for options that --workers leaves without effect."""
    for count in given.workers:
        if not 1 <= count <= 1024:
            raise InputError(f"--workers is {count}; it must be 1 to 1024")
    others = [*sections, *(name for name in ("against", "threads", "plot", "figure10") if getattr(given, name))]
    if others:
        flag = f"--{others[0].replace('_', '-')}"
        raise InputError(f"{flag} has no effect on --workers, which is measured alone; leave it out")
