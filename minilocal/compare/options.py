"""The command's options, and presets for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from minilocal.compare.entries import Entry, changed, parse, word
from minilocal.compare.published import table_of
from minilocal.console.cli import Parser, check_once
from minilocal.console.options import add_options, flag, given, option
from minilocal.errors import InputError
from minilocal.runs.config import PRESETS as SETTINGS
from minilocal.runs.config import Config


@dataclass(frozen=True)
class Preset:
    """Options of `Config`, seeds, and which of the paper's algorithms to train with A2 as well."""

    about: str
    options: dict[str, Any]
    seeds: tuple[int, ...] = (0, 1, 2)
    with_a2: tuple[int, ...] = ()  # places in the row of local algorithms; the last one moves its boundaries

    def entries(self, dataset: str) -> list[str]:
        """Return the entries to compare on a data set: the algorithms of the paper's table for it, or of Table II."""
        local = table_of(dataset).local
        return ["BP", *local, *(f"{local[place]}/a2" for place in self.with_a2)]


PRESETS = {
    "laptop": Preset("the defaults, on the images that ship with minilocal; takes about 20 minutes on two cores", {}),
    "course": Preset(
        "CIFAR-10, 20,000 images, vgg11b × 0.125, two of the algorithms also with A2; takes an afternoon",
        # A network with an eighth of the width has nothing to spare for dropout, least of all for the paper's rate.
        {"dataset": "cifar10", "model": "vgg11b", "width": 0.125, "train_size": 20_000, "epochs": 20, "dropout": 0.0},
        with_a2=(0, -1),
    ),
    "hour": Preset("as in minilocal.train; takes half a day on two cores", SETTINGS["hour"], seeds=(0, 1)),
    "paper": Preset(
        "the paper's recipe, CIFAR-10 or CIFAR-100, any of its networks, one seed, A1 and A2; takes weeks",
        {"dataset": "cifar10", "model": "vgg11b", "width": 1.0, "epochs": 400},
        seeds=(0,),
        with_a2=(0, 1, 2, 3, 4),
    ),
}
WHAT, RUNNING = "what to compare", "running"


@dataclass(frozen=True)
class Options:
    """What to compare and how to run it. `setting` and `entries` follow from the options."""

    preset: str = option(
        "laptop",
        f"options to start from, which others override. {'; '.join(f'{n}: {p.about}' for n, p in PRESETS.items())}",
        group=WHAT, choices=tuple(PRESETS),
    )  # fmt: skip
    algo: tuple[str, ...] = option(
        (), "algorithms, each with training options of its own if you like: G1, G1/a2, G3S2/idle=learn/lr=0.05 "
        "(default: those of the paper's table: BP G1 G2 G2S1 G3 G3S2, or G3S1 for cifar100)",
        group=WHAT, metavar="ENTRY",
    )  # fmt: skip
    seeds: tuple[int, ...] = option((), "train each entry with each seed (default: 0 1 2)", group=WHAT, metavar="N")
    sweep_dir: str | None = option(
        None, "directory for runs and results (default: one in sweeps/)", group=RUNNING, metavar="DIR"
    )
    report: str | None = option(None, "don't train; report on the sweep in DIR", group=RUNNING, metavar="DIR")
    threads: int | None = option(None, "threads to use (default: all processors)", group=RUNNING, least=1)
    quiet: bool = option(False, "print nothing but the report", group=RUNNING)
    setting: Config = field(default_factory=Config)
    entries: tuple[Entry, ...] = ()


def read(argv: Sequence[str] | None) -> Options:
    """Return the options of a command line; raises `InputError` for one that is out of range or has no effect."""
    parser = Parser(
        prog="python -m minilocal.compare",
        description="Train several algorithms with several seeds on one data set and network, and put their test "
        "accuracies in a table like the paper's, above the paper's own numbers. After an interruption, the same "
        "command resumes; it never repeats a finished run.",
    )
    add_options(parser, Options)
    add_options(parser, Config, leave_out=("algo", "seed", "front", "idle", "local_loss"))
    namespace = parser.parse_args(argv)
    options = Options(**given(namespace, Options))
    if options.report is not None:
        if others := [name for name in vars(namespace) if name != "report"]:
            raise InputError(f"{flag(others[0])} has no effect with --report; leave it out")
        return options

    vars(namespace).pop("algo", None)  # entries, not the one algorithm of a `Config`
    preset = PRESETS[options.preset]
    setting = Config(**preset.options | given(namespace, Config) | {"algo": "BP"}).absolute()
    entries = tuple(parse(text, setting) for text in options.algo or preset.entries(setting.dataset))
    seeds = options.seeds or preset.seeds
    check_once("--algo", [entry.label for entry in entries])
    check_once("--seeds", seeds)
    sweep_dir = str(Path("sweeps", directory_name(setting))) if options.sweep_dir is None else options.sweep_dir
    return replace(options, setting=setting, entries=entries, seeds=seeds, sweep_dir=sweep_dir)


def directory_name(setting: Config) -> str:
    """Return a name for the directory of a setting's sweep, so that the same command finds it again.

    >>> directory_name(Config(lr=0.05))
    'vgg8b-0.125-fashion-mnist-mini-10-epochs-lr=0.05'
    """
    dataset = setting.npz.stem if setting.npz else setting.dataset
    named = ("model", "width", "dataset", "epochs")
    others = [word(name, value) for name, value in changed(setting, Config()) if name not in named]
    return "-".join([setting.model, f"{setting.width:g}", dataset, f"{setting.epochs}-epochs", *others])
