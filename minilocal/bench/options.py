"""The command's options, checked before anything is measured."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from minilocal.compute.parallel import available_threads
from minilocal.console.cli import Parser
from minilocal.console.options import add_options, flag, given, option
from minilocal.console.text import plural
from minilocal.errors import InputError
from minilocal.files import check_writable
from minilocal.networks.configs import CONFIGS

ALGORITHMS = ("BP", "G1", "G2", "G3", "G3S2")
WORKERS = ("G1", "G2S1", "G3S1")
GROWTH = ("BP", "G3S2")
FIGURE10 = ("BP", "G1", "G2", "G2S1", "G3", "G3S2")
WHAT, MORE, OUTPUT = "what to time", "more to measure", "output"


@dataclass(frozen=True)
class Options:
    """What to measure, and on which network. With `algo` empty, no steps are timed."""

    algo: tuple[str, ...] = option((), f"BP, GX or GXSY (default: {' '.join(ALGORITHMS)})", group=WHAT, metavar="ALGO")
    model: str = option("vgg16", ", ".join(CONFIGS), group=WHAT, choices=tuple(CONFIGS), metavar="MODEL")
    width: float = option(1.0, "factor for all widths, such as 0.125 or 1.5", group=WHAT, above=0, most=8)
    classifier: str = option("a1", "auxiliary classifiers", group=WHAT, choices=("a1", "a2"))
    batch_size: int = option(128, "images per step", group=WHAT, least=2, most=100_000)
    threads: int = option(0, "threads to use (default: all processors)", group=WHAT, least=1, most=1024)
    steps: int = option(10, "rounds to time", group=WHAT, least=1, most=100_000, metavar="N")
    against: str | None = option(None, "have PyTorch take turns with minilocal", group=WHAT, choices=("torch",))
    compile_seconds: int = option(
        120, "with --against torch, how long torch.compile may take to compile an algorithm's steps; 0 leaves it out",
        group=WHAT, least=0, metavar="N",
    )  # fmt: skip
    per_layer: bool = option(False, "single conv and linear layers; steps only with --algo", group=MORE)
    first_minute: bool = option(
        False,
        "instead, `python -m minilocal.train --algo G3S2` after a fresh install and later: seconds until its first "
        "step, and how much of an epoch is evaluation",
        group=MORE,
    )
    growth: Path | None = option(
        None,
        "instead, steps per second by width, batch, depth and threads, each varied by itself; written to FILE (CSV) "
        "point by point and drawn beside it; points already in FILE are kept (default: vgg8b × 0.125, --algo BP G3S2)",
        group=MORE,
        metavar="FILE",
    )
    workers: tuple[int, ...] = option(
        (),
        "instead, blocks in parallel on N processes of one thread each (you may give several N); simulated where there "
        f"are too few processors (default --algo: {' '.join(WORKERS)})",
        group=MORE,
        least=1,
        most=1024,
        metavar="N",
    )
    figure10: Path | None = option(None, "draw step times, estimated and measured, as PNG", group=MORE, metavar="FILE")
    json: bool = option(False, "print everything as JSON to stdout, and nothing else", group=OUTPUT)
    plot: Path | None = option(None, "draw step times and where they go, as PNG", group=OUTPUT, metavar="FILE")

    @property
    def network(self) -> dict[str, Any]:
        """Return the options that describe the network."""
        return {"model": self.model, "width": self.width, "classifier": self.classifier}

    @property
    def load(self) -> dict[str, Any]:
        """Return how many images a step takes and how many threads it uses."""
        return {"batch_size": self.batch_size, "threads": self.threads}

    @property
    def title(self) -> str:
        """Return what is timed, in words: "vgg16 × 0.5, batches of 128, 2 threads"."""
        if self.first_minute:
            return "`python -m minilocal.train --algo G3S2`"
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
    add_options(p, Options)
    return p


def read(argv: Sequence[str] | None) -> Options:
    """Return the options of a command line; raises `InputError` if one is out of range or has no effect.

    Algorithms and width are checked where their costs are computed.
    """
    asked = given(parser().parse_args(argv), Options)
    base: dict[str, Any] = {"model": "vgg8b", "width": 0.125} if "growth" in asked else {}
    options = Options(**base | asked)
    no_effect = {
        "first_minute": [name for name in asked if name not in ("first_minute", "json")],
        "workers": ["growth", "per_layer", "against", "threads", "plot", "figure10"],
        "growth": ["per_layer", "plot", "figure10"],
    }
    for alone in no_effect.keys() & asked.keys():
        for name in no_effect[alone]:
            if name in asked:
                raise InputError(
                    f"{flag(name)} has no effect on {flag(alone)}, which is measured by itself; leave it out"
                )
    if "compile_seconds" in asked and not options.against:
        raise InputError("--compile-seconds has no effect without --against torch; leave it out")
    if "threads" not in asked:
        options = replace(options, threads=1 if options.workers else available_threads())
    if options.against and importlib.util.find_spec("torch") is None:
        raise InputError("--against torch needs PyTorch, which is not installed; run `pip install torch`")
    if not options.algo:
        default = (
            GROWTH if options.growth else FIGURE10 if options.figure10 else () if options.per_layer else ALGORITHMS
        )
        options = replace(options, algo=WORKERS if options.workers else default)
    if options.figure10 is not None and "BP" not in (algo.upper() for algo in options.algo):
        raise InputError("--figure10 compares with BP; add BP to --algo")
    if options.plot is not None and not options.algo:
        raise InputError("--plot draws step times; name the algorithms with --algo")
    for name, file in (("--plot", options.plot), ("--figure10", options.figure10), ("--growth", options.growth)):
        if file is not None:
            check_writable(file, name)
    if options.plot is not None and options.plot == options.figure10:
        raise InputError(f"--plot and --figure10 are both {options.plot}; choose two files")
    return options
