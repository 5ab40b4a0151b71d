"""A sweep: runs of several entries and seeds that share all other options, each in its own run directory.

sweeps/vgg8b-0.125-fashion-mnist-mini-10-epochs/
    sweep.json          the shared options, what there is of data, the entries and the seeds
    G1-a2-seed0/        a run directory, as `python -m minilocal.train` leaves it
    ...
    results.csv, results.md, fig7_accuracy.png, fig9_loss.png, cost.png
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from minilocal.compare.entries import Entry, parse
from minilocal.costs import AlgorithmCosts, algorithm_costs
from minilocal.datasets.prepare import Data
from minilocal.errors import InputError, TrainingError
from minilocal.files import new_directory, replacing
from minilocal.networks.configs import architecture
from minilocal.runs.config import Config, differences, in_words
from minilocal.runs.directory import RunDirectory


@dataclass(frozen=True)
class DataSize:
    """What costs and the report need to know of the data: how many images to learn from and to test on, and shapes."""

    train: int
    test: int
    image_shape: tuple[int, int, int]
    classes: int

    @classmethod
    def of(cls, data: Data) -> DataSize:
        """Return the sizes of prepared data; images held out for validation are counted as training images."""
        train = len(data.train) + (len(data.validation) if data.validation else 0)
        return cls(train, len(data.test), data.image_shape, len(data.classes))


@dataclass(frozen=True)
class Run:
    """An entry with a seed, its configuration, and where it is or will be."""

    entry: Entry
    seed: int
    config: Config
    directory: RunDirectory

    @property
    def title(self) -> str:
        """Return what a person calls it within its sweep: "G1/a2, seed 0"."""
        return f"{self.entry.label}, seed {self.seed}"

    def curve(self) -> list[dict[str, float]]:
        """Return the rows of metrics.csv of the network's own classifier, one per epoch."""
        if not (self.directory.path / "metrics.csv").exists():
            return []
        rows = self.directory.read_rows("metrics.csv")
        own = max((row["last_layer"] for row in rows), default=0)
        return [row for row in rows if row["last_layer"] == own]

    @property
    def epochs(self) -> int:
        """Return how many epochs are done."""
        return len(self.curve())

    @property
    def finished(self) -> bool:
        """Return whether all epochs are done."""
        return self.epochs >= self.config.epochs

    def check(self) -> None:
        """Raise `InputError` if the directory holds anything but this run."""
        path = self.directory.path
        if not path.exists() or (path.is_dir() and not visible(path)):
            return
        config, _ = self.directory.read_config()
        if different := in_words(differences(self.config, config)):
            raise InputError(f"{path} holds another run ({different}); name another --sweep-dir")

    def begin(self, data: Data) -> None:
        """Make the directory and write its configuration, unless it is there."""
        self.directory.path.mkdir(exist_ok=True)
        if not (self.directory.path / "config.json").exists():
            self.directory.write_config(self.config, data)


@dataclass(frozen=True)
class Sweep:
    """Entries and seeds, the setting (a `Config`) that their runs share, and the directory of it all."""

    path: Path
    setting: Config
    size: DataSize
    entries: tuple[Entry, ...]
    seeds: tuple[int, ...]

    @cached_property
    def runs(self) -> list[Run]:
        """Return all runs: every entry with the first seed, then with the second, …"""
        return [self._run(entry, seed) for seed in self.seeds for entry in self.entries]

    def _run(self, entry: Entry, seed: int) -> Run:
        directory = self.path / f"{entry.label.replace('/', '-')}-seed{seed}"
        return Run(entry, seed, entry.config(self.setting, seed), RunDirectory(directory))

    def joined(self) -> Sweep:
        """Return the sweep with the entries and seeds that its directory holds already in front.

        Raises `InputError` if the directory holds anything else, or runs that do not share this setting.
        """
        try:
            if not self.path.exists() or (self.path.is_dir() and not visible(self.path)):
                return self
        except (OSError, ValueError) as error:
            raise InputError(f"--sweep-dir {str(self.path)!r} can't be used ({error}); name another") from None
        there = read_sweep(self.path)
        if different := in_words(differences(self.setting, there.setting)):
            raise InputError(f"{self.path} holds a sweep of other runs ({different}); name another --sweep-dir")
        if there.size != self.size:
            raise InputError(f"{self.path} holds runs on other images of the same name; name another --sweep-dir")
        sweep = replace(
            self,
            entries=tuple(dict.fromkeys(there.entries + self.entries)),
            seeds=tuple(dict.fromkeys(there.seeds + self.seeds)),
        )
        sweep.check()
        return sweep

    def check(self) -> None:
        """Raise `InputError` if a run's directory holds anything but that run."""
        for run in self.runs:
            run.check()

    def write(self) -> None:
        """Make the directory and write sweep.json."""
        setting = {name: value for name, value in self.setting.as_dict().items() if name not in ("algo", "seed")}
        content = {
            "setting": setting,
            "data": asdict(self.size),
            "entries": [entry.label for entry in self.entries],
            "seeds": list(self.seeds),
        }
        try:
            with new_directory(self.path), replacing(self.path / "sweep.json") as file:
                file.write((json.dumps(content, indent=2) + "\n").encode())
        except (OSError, ValueError, TrainingError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"--sweep-dir {str(self.path)!r} can't be used ({reason}); name another") from None

    def costs(self, entry: Entry) -> AlgorithmCosts:
        """Return what an entry's steps cost; raises `InputError` if its network does not fit the images or blocks."""
        config, size = entry.config(self.setting, seed=0), self.size
        network = architecture(config.model, config.width)
        return algorithm_costs(
            network, config.schedule, size.image_shape, size.classes, config.classifier, config.batch_size
        )

    def split(self, config: Config) -> tuple[int, int]:
        """Return how many images a run's training set has, and how many are held out for validation."""
        available = config.train_size or self.size.train
        held_out = round(available * config.validation)
        return available - held_out, held_out

    def images(self, entry: Entry) -> tuple[int, int]:
        """Return how many images an entry's runs see in an epoch of training, and how many in its evaluation."""
        config = entry.config(self.setting, seed=0)
        kept, held_out = self.split(config)
        return kept // config.batch_size * config.batch_size, held_out + self.size.test


def read_sweep(path: str | Path) -> Sweep:
    """Return the sweep in a directory; raises `InputError` if there is none."""
    path = Path(path)
    try:
        content = json.loads((path / "sweep.json").read_text(encoding="utf-8"))
        setting = Config.from_dict(content["setting"] | {"algo": "BP", "seed": 0})
        data = content["data"]
        sweep = Sweep(
            path,
            setting,
            DataSize(int(data["train"]), int(data["test"]), _shape(data["image_shape"]), int(data["classes"])),
            tuple(parse(label, setting) for label in content["entries"]),
            tuple(int(seed) for seed in content["seeds"]),
        )
        _ = sweep.runs  # checks the seeds
        return sweep
    except FileNotFoundError:
        raise InputError(f"{path} is not a sweep's directory ({_contents(path)}); name another") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path / 'sweep.json'} can't be read ({error}); name another directory") from None


def visible(path: Path) -> list[str]:
    """Return the names in a directory, but for hidden ones: half-written files of a process that was killed."""
    return sorted(place.name for place in path.iterdir() if not place.name.startswith("."))


def _shape(sides: Sequence[Any]) -> tuple[int, int, int]:
    height, width, channels = map(int, sides)
    return height, width, channels


def _contents(path: Path) -> str:
    """Return what a directory holds instead of a sweep, in words."""
    held = visible(path) if path.is_dir() else []
    more = f" and {len(held) - 1} more" if len(held) > 1 else ""
    return f"it holds {held[0]}{more}" if held else "it has no sweep.json"
