"""A sweep: runs of several entries and seeds that share all other options, each in its own run directory.

sweeps/vgg8b-0.125-fashion-mnist-mini-10-epochs/
    sweep.json          the shared options, the size of the data, the entries and the seeds
    G1-a2-seed0/        a run directory, as `python -m minilocal.train` writes it
    ...
    results.csv, results.md, fig7_accuracy.png, fig9_loss.png, cost.png
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

from minilocal.compare.entries import Entry, parse
from minilocal.console.text import shown
from minilocal.costs import AlgorithmCosts, algorithm_costs
from minilocal.datasets.prepare import Data
from minilocal.errors import InputError, TrainingError
from minilocal.files import expanded, new_directory, replacing
from minilocal.networks.configs import architecture
from minilocal.runs.config import Config, differences, in_words
from minilocal.runs.directory import UNCHECKED, RunDirectory, read_text


@dataclass(frozen=True)
class DataSize:
    """The numbers of images and classes, and the images' shape (height, width, channels), for costs and the report.

    `validation` counts the validation images that the data set itself has; others are among the training images. Older
    sweeps have no checksum of their images and labels.
    """

    train: int
    test: int
    image_shape: tuple[int, int, int]
    classes: int
    validation: int = 0
    checksum: str | None = None

    @classmethod
    def of(cls, data: Data) -> DataSize:
        """Return the sizes of prepared data."""
        held_out = len(data.validation) if data.validation else 0
        train, own = (len(data.train), held_out) if data.own_validation else (len(data.train) + held_out, 0)
        return cls(train, len(data.test), data.image_shape, len(data.classes), own, data.checksum)


@dataclass(frozen=True)
class Run:
    """An entry with a seed, its configuration, and its directory, which may not exist yet."""

    entry: Entry
    seed: int
    config: Config
    directory: RunDirectory

    @property
    def title(self) -> str:
        """The name of the run within its sweep: "G1/a2, seed 0"."""
        return f"{self.entry.label}, seed {self.seed}"

    @cached_property
    def curve(self) -> list[dict[str, float]]:
        """The rows of metrics.csv for the network's own classifier, one per finished epoch, read once."""
        if not (self.directory.path / "metrics.csv").exists():
            return []
        rows = self.directory.read_rows("metrics.csv")
        own = max((row["last_layer"] for row in rows), default=0)
        return [row for row in rows if row["last_layer"] == own]

    @property
    def finished(self) -> bool:
        """Whether all epochs are finished."""
        return len(self.curve) >= self.config.epochs

    @property
    def seconds(self) -> float:
        """How long training took, without evaluation."""
        return sum(row["train_seconds"] for row in self.directory.read_rows("timing.csv"))


@dataclass(frozen=True)
class Sweep:
    """Entries and seeds, the setting that their runs share, and the directory for everything."""

    path: Path
    setting: Config
    size: DataSize
    entries: tuple[Entry, ...]
    seeds: tuple[int, ...]

    @property
    def runs(self) -> list[Run]:
        """All runs, with their curves not yet read: every entry with the first seed, then with the second, …"""
        return [
            Run(entry, seed, entry.config(self.setting, seed), RunDirectory(self.path / entry.directory(seed)))
            for seed in self.seeds
            for entry in self.entries
        ]

    def joined(self) -> Sweep:
        """Return the sweep with the entries and seeds that its directory already contains, followed by its own.

        Raises `InputError` if the directory contains anything else, or runs with another setting.
        """
        try:
            if not in_use(self.path):
                return self
        except (OSError, ValueError) as error:
            raise InputError(f"--sweep-dir {str(self.path)!r} can't be used ({error}); name another") from None
        there = read_sweep(self.path)
        if different := in_words(differences(self.setting, there.setting)):
            raise InputError(f"{self.path} contains a sweep of other runs ({different}); name another --sweep-dir")
        if replace(there.size, checksum=there.size.checksum or self.size.checksum) != self.size:
            raise InputError(f"{self.path} contains runs on other images or labels; name another --sweep-dir")
        sweep = replace(
            self,
            size=there.size,
            entries=tuple(dict.fromkeys(there.entries + self.entries)),
            seeds=tuple(dict.fromkeys(there.seeds + self.seeds)),
        )
        sweep.check()
        return replace(sweep, size=self.size)

    def check(self) -> None:
        """Raise `InputError` if a run's directory contains anything but that run, on the images of the others.

        If that can't be known, because sweep or run are older than checksums, a sentence on stderr says so.
        """
        known = {self.setting.train_size: self.size.checksum}  # of the images, by how many there are to train on
        unchecked = self.size.checksum is None
        for run in self.runs:
            path = run.directory.path
            if in_use(path):
                config, preprocessing = run.directory.read_config()
                if different := in_words(differences(run.config, config)):
                    raise InputError(f"{path} contains another run ({different}); name another --sweep-dir")
                size, checksum = run.config.train_size, preprocessing.checksum
                known[size] = known.get(size) or checksum
                if checksum is not None and checksum != known[size]:
                    raise InputError(f"{path} contains a run on other images or labels; name another --sweep-dir")
                unchecked |= checksum is None
        if unchecked:
            print(f"{shown(self.path)} has older runs without checksums; {UNCHECKED}", file=sys.stderr)

    def check_data(self, entry: Entry, data: Data) -> None:
        """Raise `InputError` if an entry's data are not those of its runs that are there."""
        for run in self.runs:
            if run.entry == entry and in_use(run.directory.path):
                _, preprocessing = run.directory.read_config()
                if preprocessing.checksum not in (None, data.checksum):
                    raise InputError(
                        f"{run.directory.path} was trained on other images or labels than there are now; name the "
                        "original ones with --data-dir, or another --sweep-dir"
                    )

    def write(self) -> None:
        """Make the directory and write sweep.json."""
        content = {
            "setting": {n: value for n, value in self.setting.as_dict().items() if n not in ("algo", "seed")},
            "data": asdict(self.size),
            "entries": [entry.label for entry in self.entries],
            "seeds": self.seeds,
        }
        try:
            with new_directory(self.path), replacing(self.path / "sweep.json") as file:
                file.write((json.dumps(content, indent=2) + "\n").encode())
        except (OSError, ValueError, TrainingError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"--sweep-dir {str(self.path)!r} can't be used ({reason}); name another") from None

    def costs(self, entry: Entry) -> AlgorithmCosts:
        """Return what an entry's steps cost; raises `InputError` if its network does not fit the images or blocks."""
        config, size = entry.config(self.setting), self.size
        network = architecture(config.model, config.width, config.whiten)
        images, schedule = (size.image_shape, size.classes), config.schedule
        return algorithm_costs(network, schedule, *images, config.classifier, config.batch_size, config.local_loss)

    def split(self, config: Config) -> tuple[int, int]:
        """Return how many images a run trains on, and how many are held out for validation."""
        available = config.train_size or self.size.train
        held_out = round(available * config.validation)
        return available - held_out, held_out or self.size.validation

    def images(self, entry: Entry) -> tuple[int, int]:
        """Return how many images an entry's runs see per epoch in training, and how many in evaluation."""
        config = entry.config(self.setting)
        train, held_out = self.split(config)
        return train // config.batch_size * config.batch_size, held_out + self.size.test


def read_sweep(path: str | Path) -> Sweep:
    """Return the sweep in a directory; raises `InputError` if it contains none."""
    path = expanded(path)
    try:
        content = json.loads(read_text(path / "sweep.json"))
        data = content["data"]
        height, width, channels = map(int, data["image_shape"])
        setting = Config.from_dict(content["setting"] | {"algo": "BP", "seed": 0}, (height, width))
        train, test, classes = (int(data[name]) for name in ("train", "test", "classes"))
        size = DataSize(train, test, (height, width, channels), classes, int(data.get("validation", 0)))
        size = replace(size, checksum=data.get("checksum"))
        entries = tuple(replace(parse(label, setting), written=label) for label in content["entries"])
        sweep = Sweep(path, setting, size, entries, tuple(map(int, content["seeds"])))
        _ = sweep.runs  # checks the seeds
        return sweep
    except FileNotFoundError:
        raise InputError(f"{path} is not a sweep's directory, because it has no sweep.json; name another") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path / 'sweep.json'} can't be read ({error}); name another directory") from None


def in_use(path: Path) -> bool:
    """Return whether there is anything at a path except an empty directory.

    Hidden files do not count: a killed process may have left them half-written.
    """
    return path.exists() and not (path.is_dir() and all(place.name.startswith(".") for place in path.iterdir()))
