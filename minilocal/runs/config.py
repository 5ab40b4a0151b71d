"""A run's configuration: what must be the same for two runs to give the same numbers."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from minilocal.networks.configs import architecture
from minilocal.datasets.prepare import Data, prepare
from minilocal.errors import InputError
from minilocal.networks.network import Network
from minilocal.optim import LR_SCHEDULES
from minilocal.schedule import OPTIONS, Schedule, parse
from minilocal.console.text import plural
from minilocal.training.trainer import Trainer
from minilocal.networks.vgg import DROPOUT, build_vgg


@dataclass(frozen=True)
class Config:
    """The options of `python -m minilocal.train` that its numbers depend on, with its defaults.

    None means "as the data set (crop, flip, sizes) or the model and data set (dropout) suggest", and for lr_epochs "as
    many as epochs".
    """

    algo: str = "G3S2"
    front: str = "rest"
    idle: str = "rest"
    shift_every: int | None = None
    shift_order: str = "cycle"
    model: str = "vgg8b"
    width: float = 0.125
    classifier: str = "a1"
    conv: str = "auto"
    dataset: str = "fashion-mnist-mini"
    data_dir: str | None = None
    train_size: int | None = None
    test_size: int | None = None
    validation: float = 0.0
    epochs: int = 10
    batch_size: int = 128
    lr: float = 0.1
    lr_schedule: str = "cosine"
    lr_epochs: int | None = None
    momentum: float = 0.9
    weight_decay: float = 5e-4
    dropout: float | None = None
    crop: bool = True
    flip: bool | None = None
    seed: int = 0

    def check(self) -> None:
        """Raise `InputError` naming the first option whose value is out of range."""
        for field in fields(self):
            _check_type(field.name, getattr(self, field.name), str(field.type))
        for name, choices in OPTIONS.items():
            if (value := getattr(self, name)) not in choices:
                raise InputError(f"{flag(name)} is {value!r}; choose from {', '.join(choices)}")
        if self.shift_every is not None and self.shift_every < 1:
            raise InputError(f"--shift-every is {self.shift_every}; it must be at least 1")
        _ = self.schedule
        architecture(self.model)
        if self.lr_schedule not in LR_SCHEDULES:
            raise InputError(f"--lr-schedule is {self.lr_schedule!r}; choose from {', '.join(LR_SCHEDULES)}")
        for name, least, below in (
            ("epochs", 1, 100_001),
            ("lr_epochs", 1, 100_001),
            ("batch_size", 2, 100_001),
            ("train_size", 1, math.inf),
            ("test_size", 1, math.inf),
            ("validation", 0, 1),
            ("momentum", 0, 1),
            ("weight_decay", 0, 1),
            ("dropout", 0, 1),
            ("seed", 0, 2**63),
        ):
            value = getattr(self, name)
            if value is not None and not least <= value < below:
                bound = f" and below {below}" if below < math.inf else ""
                raise InputError(f"{flag(name)} is {value}; it must be at least {least}{bound}")
        if self.lr_epochs is not None and self.lr_epochs < self.epochs:
            raise InputError(
                f"--lr-epochs is {self.lr_epochs}, but the learning rate must last for --epochs {self.epochs} at least"
            )
        if not 0 < self.lr <= 1000:
            raise InputError(f"--lr is {self.lr}; it must be above 0 and at most 1000")

    @property
    def schedule(self) -> Schedule:
        """Return the algorithm's schedule."""
        options = {name: getattr(self, name) for name in ("front", "idle", "shift_every", "shift_order")}
        return parse(self.algo, **options)

    @property
    def dropout_rate(self) -> float:
        """Return the dropout rate: the one given, or the paper's for the model and data set, or 0.05."""
        return self.dropout if self.dropout is not None else DROPOUT.get((self.model, self.dataset), 0.05)

    def data(self) -> Data:
        """Read and prepare the images."""
        return prepare(self.dataset, self.data_dir, self.train_size, self.test_size, self.validation, self.seed)

    def network(self, image_shape: tuple[int, int, int], classes: int) -> Network:
        """Build the network, with its initial weights, for such images and so many classes."""
        return build_vgg(
            self.model,
            image_shape,
            classes,
            self.schedule,
            self.width,
            classifier=self.classifier,
            conv=self.conv,
            dropout=self.dropout_rate,
            seed=self.seed,
        )

    def build(self) -> Trainer:
        """Read the images, build the network and return the trainer of both."""
        data = self.data()
        return self.trainer(self.network(data.image_shape, len(data.classes)), data)

    def trainer(self, network: Network, data: Data) -> Trainer:
        """Return the trainer of that network on that data."""
        return Trainer(
            network,
            self.schedule,
            data,
            epochs=self.epochs,
            batch_size=self.batch_size,
            lr=self.lr,
            lr_schedule=self.lr_schedule,
            lr_epochs=self.lr_epochs,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            crop=self.crop,
            flip=self.flip,
            seed=self.seed,
        )

    @property
    def npz(self) -> Path | None:
        """Return the file of a data set `npz:FILE`, None for the others."""
        return Path(self.dataset[4:]) if self.dataset.startswith("npz:") else None

    def absolute(self) -> Config:
        """Return the configuration with absolute paths, so that it can be used from another directory."""
        data_dir = None if self.data_dir is None else str(Path(self.data_dir).absolute())
        dataset = f"npz:{self.npz.absolute()}" if self.npz else self.dataset
        return replace(self, data_dir=data_dir, dataset=dataset)

    def moved_to(self, data_dir: str | None) -> Config:
        """Return the configuration with the data set's files, an npz file too, looked for in another directory."""
        if data_dir is None:
            return self
        dataset = f"npz:{Path(data_dir) / self.npz.name}" if self.npz else self.dataset
        return replace(self, data_dir=data_dir, dataset=dataset)

    def as_dict(self) -> dict[str, Any]:
        """Return the options by name, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, options: dict[str, Any]) -> Config:
        """Return the configuration that `as_dict` gave; `InputError` names what is unknown or missing."""
        names = {field.name for field in fields(cls)}
        if different := names ^ set(options):
            raise InputError(f"the configuration lacks or does not know {', '.join(sorted(different))}")
        return cls(**options)

    @property
    def title(self) -> str:
        """Return what a person calls the run: "G3S2, vgg8b × 0.125, fashion-mnist-mini, 10 epochs, seed 0"."""
        return f"{self.schedule.title}, {self.task}, seed {self.seed}"

    @property
    def task(self) -> str:
        """Return what runs to be compared have in common: "vgg8b × 0.125, fashion-mnist-mini, 10 epochs"."""
        dataset = self.npz.name if self.npz else self.dataset
        return f"{self.network_title}, {dataset}, {plural(self.epochs, 'epoch')}"

    @property
    def network_title(self) -> str:
        """Return the network's name with its width: "vgg8b × 0.125"."""
        return self.model + (f" × {self.width:g}" if self.width != 1 else "")


def _check_type(name: str, value: object, annotation: str) -> None:
    """Raise `InputError` unless a value, perhaps read from a file, is of an annotated type such as "int | None"."""
    words = {"int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false", "None": "null"}
    kinds = annotation.split(" | ")
    found = type(value).__name__.replace("NoneType", "None")
    if found not in kinds and not (found == "int" and "float" in kinds):
        raise InputError(f"{flag(name)} is {value!r:.80}; it must be {' or '.join(words[kind] for kind in kinds)}")


def flag(name: str) -> str:
    """Return the command-line flag of an option: "batch_size" → "--batch-size"."""
    return "--" + name.replace("_", "-")
