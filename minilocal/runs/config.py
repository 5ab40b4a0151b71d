"""A run's configuration: a recipe, the network that it trains, and the data."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from minilocal.console.options import flag, option
from minilocal.console.text import plural, shown
from minilocal.datasets.loading import NAMES
from minilocal.datasets.prepare import Data, prepare
from minilocal.errors import InputError
from minilocal.files import expanded
from minilocal.layers.conv import METHODS
from minilocal.networks.auxiliary import CLASSIFIERS
from minilocal.networks.configs import CONFIGS, LOCAL_LOSSES, architecture, check_local_loss
from minilocal.networks.network import Network
from minilocal.networks.vgg import DROPOUT, build_vgg
from minilocal.training.recipe import Recipe
from minilocal.training.trainer import Trainer

PRESETS: dict[str, dict[str, Any]] = {  # options by name
    "hour": {
        "dataset": "cifar10", "model": "vgg6", "width": 1.5, "whiten": True, "dirac": True, "dropout": 0.0,
        "epochs": 16, "lr": 0.1, "lr_schedule": "triangle", "weight_decay": 0.00125, "beta_lr": 8.0,
        "label_smoothing": 0.2, "crop_margin": 2, "crop_border": "mirror", "flips": "alternate",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Config(Recipe):
    """A recipe with the options that choose network and data: everything that a run's numbers depend on.

    None means all images (sizes), the cache directory (`data_dir`), or the default in the option's help (dropout).
    """

    model: str = option("vgg8b", ", ".join(CONFIGS), group="network", choices=tuple(CONFIGS), metavar="MODEL")
    width: float = option(0.125, "factor for all widths, such as 0.125 or 1.5", group="network", above=0, most=8)
    classifier: str = option("a1", "auxiliary classifiers", group="network", choices=tuple(CLASSIFIERS))
    local_loss: str = option(
        "ce",
        "what blocks learn from: cross-entropy, similarity matching (the last layer keeps cross-entropy), or 0.01 of "
        "the one and 0.99 of the other",
        group="network",
        choices=LOCAL_LOSSES,
    )
    whiten: bool = option(
        False, "whiten 2×2 patches of the images, by a frozen convolution in front of the first layer", group="network"
    )
    dirac: bool = option(False, "start each convolution as the identity, as far as its channels go", group="network")
    dropout: float | None = option(
        None, "dropout rate (default: the paper's for the model and data set, else 0.05; vgg6 and resnets 0)",
        group="network", least=0, below=1,
    )  # fmt: skip
    conv: str = option(
        "auto",
        "how to compute convolutions, where that method is possible (default: the fastest for each layer's shape)",
        group="network",
        choices=("auto", *METHODS),
    )
    plain: bool = option(
        False,
        "compute every layer in the plain way that the course explains, im2col and BatchNorm, ReLU and dropout one by "
        "one; the numbers are the same up to rounding",
        group="network",
    )
    dataset: str = option(
        "fashion-mnist-mini",
        f"{', '.join(NAMES)}, or npz:FILE with arrays x_train, y_train, x_test, y_test",
        group="data",
    )
    data_dir: str | None = option(
        None, "folder of the data set's files, or its parent (default: the cache directory)", group="data",
        metavar="DIR",
    )  # fmt: skip
    train_size: int | None = option(
        None,
        "train on N images only: the first or, where images are ordered by class, the first of each class (default: "
        "all)",
        group="data",
        least=1,
        metavar="N",
    )
    test_size: int | None = option(
        None, "test on N images only, chosen likewise (default: all)", group="data", least=1, metavar="N"
    )
    validation: float = option(
        0.0, "share of the training images to hold out for validation", group="data", least=0, below=1,
        metavar="SHARE",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        architecture(self.model, self.width)
        check_local_loss(self.local_loss, self.schedule)
        if self.plain and self.conv not in ("auto", "im2col"):
            raise InputError(f"conv is {self.conv}, but plain uses im2col; leave one of the two out")

    @property
    def dropout_rate(self) -> float:
        """The dropout rate: the one given, or the paper's for the model and data set, or the model's."""
        if self.dropout is not None:
            return self.dropout
        return DROPOUT.get((self.model, self.dataset), CONFIGS[self.model].dropout)

    def data(self) -> Data:
        """Read and prepare the images."""
        return prepare(self.dataset, self.data_dir, self.train_size, self.test_size, self.validation, self.seed)

    def network(self, image_shape: tuple[int, int, int], classes: int) -> Network:
        """Build the network, with its initial weights, for images of that shape and that many classes."""
        return build_vgg(
            self.model,
            image_shape,
            classes,
            self.schedule,
            self.width,
            self.whiten,
            classifier=self.classifier,
            local_loss=self.local_loss,
            conv="im2col" if self.plain else self.conv,
            fused=not self.plain,
            dropout=self.dropout_rate,
            seed=self.seed,
            dirac=self.dirac,
        )

    def build(self) -> Trainer:
        """Read the images, build the network and return the trainer of both."""
        data = self.data()
        return Trainer(self.network(data.image_shape, len(data.classes)), data, self)

    @property
    def npz(self) -> Path | None:
        """The file of a data set that an npz file holds; None for the others."""
        return expanded(self.dataset[4:]) if self.dataset.startswith("npz:") else None

    def absolute(self) -> Config:
        """Return the configuration with absolute paths, so that it can be used from another directory."""
        data_dir = None if self.data_dir is None else str(expanded(self.data_dir).absolute())
        dataset = f"npz:{self.npz.absolute()}" if self.npz else self.dataset
        return replace(self, data_dir=data_dir, dataset=dataset)

    def moved_to(self, data_dir: str | None) -> Config:
        """Return the configuration with another directory for the data set's files, including an npz file."""
        if data_dir is None:
            return self
        dataset = f"npz:{expanded(data_dir) / self.npz.name}" if self.npz else self.dataset
        return replace(self, data_dir=data_dir, dataset=dataset)

    @property
    def title(self) -> str:
        """The run's title: "G3S2, vgg8b × 0.125, fashion-mnist-mini, 10 epochs, seed 0"."""
        loss = f" with {self.local_loss}" if self.local_loss != "ce" else ""
        return f"{self.schedule.title}{loss}, {self.task}, seed {self.seed}"

    @property
    def task(self) -> str:
        """What the runs of a comparison have in common: "vgg8b × 0.125, fashion-mnist-mini, 10 epochs"."""
        dataset = shown(self.npz.name) if self.npz else self.dataset
        return f"{self.network_title}, {dataset}, {plural(self.epochs, 'epoch')}"

    @property
    def network_title(self) -> str:
        """The network's name with its width: "vgg8b × 0.125"."""
        return self.model + (f" × {self.width:g}" if self.width != 1 else "")


def differences(mine: Recipe, theirs: Recipe, leave_out: Collection[str] = ()) -> dict[str, tuple[Any, Any]]:
    """Return the options in which two recipes or configurations differ, with the value in each.

    The folder of the data never counts. An `lr_epochs` of None counts as `epochs`.

    >>> differences(Config(lr=0.05, seed=1), Config(seed=2))
    {'seed': (1, 2), 'lr': (0.05, 0.1)}
    """
    ours, others = (r.as_dict() | {"lr_epochs": r.lr_epochs or r.epochs} for r in (mine, theirs))
    names = [name for name in ours if name not in ("data_dir", *leave_out)]
    return {name: (ours[name], others.get(name)) for name in names if ours[name] != others.get(name)}


def in_words(differing: dict[str, tuple[Any, Any]]) -> str:
    """Return `differences` as a sentence; "" if there are none.

    >>> in_words(differences(Config(lr=0.05), Config()))
    '--lr is 0.05, but the run has 0.1'
    """

    def shown(value: Any) -> str:
        return "the default" if value is None else " ".join(str(value).split())[:80]

    return "; ".join(
        f"{flag(n)} is {shown(mine)}, but the run has {shown(its)}" for n, (mine, its) in differing.items()
    )
