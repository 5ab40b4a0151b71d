"""The command's options, checked before anything is read or trained."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from minilocal.compare.entries import Entry, parse, unusual, word
from minilocal.compare.presets import PRESETS, Preset
from minilocal.console.cli import Parser, check_once
from minilocal.console.options import add_options, flag, given
from minilocal.errors import InputError
from minilocal.runs.config import Config

DEFAULT = Config()


@dataclass(frozen=True)
class Options:
    """Where results are; whether to report on them alone, and if not, what to compare and how to go about it."""

    sweep_dir: Path
    report: bool = False
    setting: Config = DEFAULT
    entries: tuple[Entry, ...] = ()
    seeds: tuple[int, ...] = ()
    threads: int | None = None
    quiet: bool = False


def parser() -> Parser:
    """Return the command's argument parser; options that were not given are absent."""
    p = Parser(
        prog="python -m minilocal.compare",
        description="Train several algorithms with several seeds on one data set and network, and put their test "
        "accuracies in a table like the paper's, with the paper's own beneath. The same command goes on with what an "
        "interrupted one began, and leaves alone what is finished.",
        argument_default=argparse.SUPPRESS,
    )
    g = p.add_argument_group("what to compare")
    presets = "; ".join(f"{name}: {preset.about}" for name, preset in PRESETS.items())
    g.add_argument("--preset", choices=PRESETS, help=f"a setting to begin with, which other options change. {presets}")
    g.add_argument(
        "--algo", nargs="+", metavar="ENTRY", help="algorithms, each perhaps with options of the training command that "
        "set it apart: G1, G1/a2, G3S2/idle=learn/lr=0.05 (default: those of the paper's table: BP G1 G2 G2S1 G3 and "
        "G3S2, for cifar100 G3S1)",
    )  # fmt: skip
    g.add_argument("--seeds", nargs="+", type=int, metavar="N", help="a run of each entry for each (default: 0 1 2)")
    add_options(p, Config, leave_out=("algo", "seed", "front", "idle"))

    g = p.add_argument_group("running")
    g.add_argument("--sweep-dir", metavar="DIR", help="where runs and results go (default: sweeps/ and the setting)")
    g.add_argument("--report", metavar="DIR", help="train nothing, report on a sweep's finished runs")
    g.add_argument("--threads", type=int, help="threads to use (default: all processors)")
    g.add_argument("--quiet", action="store_true", help="print nothing but the table")
    return p


def read(argv: Sequence[str] | None) -> Options:
    """Return the options of a command line; raises `InputError` for one that is out of range or without effect."""
    options = parser().parse_args(argv)
    if hasattr(options, "report"):
        if others := [name for name in vars(options) if name != "report"]:
            raise InputError(f"{flag(others[0])} has no effect on --report; leave it out")
        return Options(Path(options.report), report=True)

    preset = PRESETS[options.preset] if hasattr(options, "preset") else Preset("")
    setting = Config(**preset.options | given(options, Config) | {"algo": "BP"}).absolute()
    entries = tuple(parse(text, setting) for text in getattr(options, "algo", preset.entries(setting.dataset)))
    seeds = tuple(getattr(options, "seeds", preset.seeds))
    for seed in seeds:
        replace(setting, seed=seed)
    check_once("--algo", [entry.label for entry in entries])
    check_once("--seeds", seeds)
    sweep_dir = getattr(options, "sweep_dir", None)
    return Options(
        Path("sweeps", directory_name(setting)) if sweep_dir is None else Path(sweep_dir),
        setting=setting,
        entries=entries,
        seeds=seeds,
        threads=getattr(options, "threads", None),
        quiet=hasattr(options, "quiet"),
    )


def directory_name(setting: Config) -> str:
    """Return a name for the directory of a setting's sweep, so that the same command finds it again.

    >>> directory_name(Config(lr=0.05))
    'vgg8b-0.125-fashion-mnist-mini-10-epochs-lr=0.05'
    """
    said = ("model", "width", "dataset", "epochs", "data_dir")
    return "-".join([
        setting.model, f"{setting.width:g}", setting.npz.stem if setting.npz else setting.dataset,
        f"{setting.epochs}-epochs", *(word(name, value) for name, value in unusual(setting) if name not in said),
    ])  # fmt: skip
