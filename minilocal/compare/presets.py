"""Presets: settings that somebody has thought about. What else is on the command line goes before them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Preset:
    """Options of `Config`, seeds, and entries: the paper's algorithms, and those of them that have A2 besides."""

    about: str
    options: dict[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0, 1, 2)
    with_a2: tuple[str, ...] = ()  # "moving" for the data set's GXSY

    def entries(self, dataset: str) -> list[str]:
        """Return the entries to compare on a data set."""
        moving = moving_algorithm(dataset)
        return [*algorithms(dataset), *(f"{moving if algo == 'moving' else algo}/a2" for algo in self.with_a2)]


def algorithms(dataset: str) -> list[str]:
    """Return the six algorithms that the paper compares: those of its Table III for CIFAR-100, or else of Table II."""
    return ["BP", "G1", "G2", "G2S1", "G3", moving_algorithm(dataset)]


def moving_algorithm(dataset: str) -> str:
    """Return the GXSY that the paper found best for a data set."""
    return "G3S1" if dataset == "cifar100" else "G3S2"


LAPTOP = Preset(
    "the six algorithms on the images that ship: about 20 minutes on two cores",
    {"dataset": "fashion-mnist-mini", "model": "vgg8b", "width": 0.125, "epochs": 10},
)
COURSE = Preset(
    "CIFAR-10, 20,000 images, vgg11b × 0.125, A2 for two of the algorithms: an afternoon",
    # A net of an eighth of the width has nothing to spare for dropout, least of all the paper's.
    {"dataset": "cifar10", "model": "vgg11b", "width": 0.125, "train_size": 20_000, "epochs": 20, "dropout": 0.0},
    with_a2=("G1", "moving"),
)
PAPER = Preset(
    "the paper's recipe, CIFAR-10 or CIFAR-100, any of its networks, one seed, A1 and A2: weeks, so do it in pieces",
    {"dataset": "cifar10", "model": "vgg11b", "width": 1.0, "epochs": 400},
    seeds=(0,),
    with_a2=("G1", "G2", "G2S1", "G3", "moving"),
)
PRESETS = {"laptop": LAPTOP, "course": COURSE, "paper": PAPER}
