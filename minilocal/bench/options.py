"""The command's options, checked before anything is measured."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minilocal.compute.parallel import available_threads
from minilocal.console.cli import Parser
from minilocal.console.text import plural
from minilocal.errors import InputError
from minilocal.files import check_writable

ALGORITHMS = ("BP", "G1", "G2", "G3", "G3S2")
WORKERS = ("G1", "G2S1", "G3S1")
FIGURE10 = ("BP", "G1", "G2", "G2S1", "G3", "G3S2")


class Options(argparse.Namespace):
    """What to measure, and on which network: the attributes are the flags. Without `algo`, no steps are timed."""

    @property
    def network(self) -> dict[str, Any]:
        """Return the options that describe the network."""
        return {"model": self.model, "width": self.width, "classifier": self.classifier}

    @property
    def load(self) -> dict[str, int]:
        """Return how many images a step takes and how many threads it uses."""
        return {"batch_size": self.batch_size, "threads": self.threads}

    @property
    def title(self) -> str:
        """Return the network and its batch in words: "vgg16 × 0.5, batches of 128, 2 threads"."""
        width = f" × {self.width:g}" if self.width != 1 else ""
        classifier = ", classifiers A2" if self.classifier == "a2" else ""
        return f"{self.model}{width}{classifier}, batches of {self.batch_size}, {plural(self.threads, 'thread')}"


def parser() -> Parser:
    """Return the command's argument parser."""
    p = Parser(
        prog="python -m minilocal.bench",
        description="Time training steps and inference, show where time and memory go, and compare with PyTorch.",
        epilog="Close other programs first, and read the medians.",
    )
    g = p.add_argument_group("what to time")
    g.add_argument("--algo", nargs="+", metavar="ALGO", help=f"BP, GX or GXSY (default: {' '.join(ALGORITHMS)})")
    g.add_argument("--model", default="vgg16", help="vgg8b, vgg11b, vgg11bx2, vgg16 or vgg19 (default: %(default)s)")
    g.add_argument("--width", type=float, default=1.0, help="factor for all widths, a power of two (default: 1)")
    g.add_argument("--classifier", choices=("a1", "a2"), default="a1", help="auxiliary classifiers (default: a1)")
    g.add_argument("--batch-size", type=int, default=128, help="images per step (default: %(default)s)")
    g.add_argument("--threads", type=int, help="threads to use (default: all processors)")
    g.add_argument("--steps", type=int, default=10, metavar="N", help="rounds to time (default: %(default)s)")
    g.add_argument("--against", choices=("torch",), help="have PyTorch take turns with minilocal")

    g = p.add_argument_group("more to measure")
    g.add_argument("--per-layer", action="store_true", help="single conv and linear layers; steps only with --algo")
    workers = (
        "instead, blocks in parallel on N processes of one thread each (you may give several N); simulated where "
        f"there are too few processors (default --algo: {' '.join(WORKERS)})"
    )
    g.add_argument("--workers", nargs="+", type=int, default=(), metavar="N", help=workers)
    g.add_argument("--figure10", metavar="FILE", type=Path, help="draw step times, estimated and measured, as PNG")

    g = p.add_argument_group("output")
    g.add_argument("--json", action="store_true", help="print everything as JSON to stdout, and nothing else")
    g.add_argument("--plot", metavar="FILE", type=Path, help="draw step times and where they go, as PNG")
    return p


def read(argv: Sequence[str] | None) -> Options:
    """Return the options of a command line; raises `InputError` if one is out of range or has no effect.

    Algorithms, model and width are checked where their costs are computed.
    """
    given = parser().parse_args(argv, Options())
    if given.workers:
        for name in ("per_layer", "against", "threads", "plot", "figure10"):
            if getattr(given, name):
                flag = f"--{name.replace('_', '-')}"
                raise InputError(f"{flag} has no effect on --workers, which is measured by itself; leave it out")
    if given.threads is None:
        given.threads = 1 if given.workers else available_threads()
    checks = [("--batch-size", given.batch_size, 2, 100_000), ("--steps", given.steps, 1, 100_000)]
    checks += [("--threads", given.threads, 1, 1024), *(("--workers", count, 1, 1024) for count in given.workers)]
    for flag, value, least, most in checks:
        if not least <= value <= most:
            raise InputError(f"{flag} is {value}; it must be {least} to {most}")
    if given.against and importlib.util.find_spec("torch") is None:
        raise InputError("--against torch needs PyTorch, which is not installed; run `pip install torch`")
    if given.algo is None:
        given.algo = WORKERS if given.workers else FIGURE10 if given.figure10 else () if given.per_layer else ALGORITHMS
    if given.figure10 is not None and "BP" not in (algo.upper() for algo in given.algo):
        raise InputError("--figure10 compares with BP; add BP to --algo")
    if given.plot is not None and not given.algo:
        raise InputError("--plot draws step times; name the algorithms with --algo")
    for flag, file in (("--plot", given.plot), ("--figure10", given.figure10)):
        if file is not None:
            check_writable(file, flag)
    if given.plot is not None and given.plot == given.figure10:
        raise InputError(f"--plot and --figure10 are both {given.plot}; choose two files")
    return given
