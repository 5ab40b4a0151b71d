"""The paper's Table I and the reductions of its Figs. 6 and 8, and the same computed here.

Source: Lee, Lee & Jeon 2021, sections III-A (Table I), III-B (Fig. 6) and III-C (Fig. 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from minilocal.costs.algorithm import algorithm_costs, reduction
from minilocal.costs.sizes import ClassifierSize, LayerSize, classifier_sizes, layer_sizes
from minilocal.networks.configs import CONFIGS

MODELS = {"vgg16": "VGG16", "vgg19": "VGG19", "vgg11b": "VGG11B", "vgg11bx2": "VGG11B (×2)"}  # with the paper's names


class Row(NamedTuple):
    """A row of Table I: the largest and the mean number of MACs, and of weights."""

    macs_max: float
    macs_mean: float
    weights_max: float
    weights_mean: float


# VGG-16, CIFAR-10, layer-wise.
TABLE1 = {
    "A1": Row(61_440, 57_344, 20_480, 19_115),
    "A2": Row(11_827_200, 6_098_629, 3_352_576, 1_664_236),
    "layers": Row(75_497_472, 41_969_254, 2_359_296, 1_085_555),
}


def table1() -> dict[str, Row]:
    """Return Table I as computed here.

    A classifier costs 3 × its forward MACs, a layer 2 ×, because layer-wise learning needs only a layer's
    forward pass and its weight gradient. A1 is on all 15 layers (the last one's is A_K), A2 on the 13 conv layers.
    """
    config = CONFIGS["vgg16"]
    layers = layer_sizes(config.stages, config.fc, (32, 32, 3))
    rows = {"layers": _row(2, layers)}
    for kind, last in (("a1", len(layers)), ("a2", len(layers) - len(config.fc))):
        sizes = classifier_sizes(layers, range(1, last + 1), 10, kind, config.features)
        rows[kind.upper()] = _row(3, list(sizes.values()))
    return {name: rows[name] for name in TABLE1}


def _row(products: int, sizes: Sequence[LayerSize] | Sequence[ClassifierSize]) -> Row:
    macs, weights = [products * size.macs for size in sizes], [size.weights for size in sizes]
    return Row(max(macs), sum(macs) / len(sizes), max(weights), sum(weights) / len(sizes))


@dataclass(frozen=True)
class Figure:
    """Published reductions against BP, with A1, in whole percent.

    Attributes:
        number: the number of the figure in the paper.
        dataset: the data set that the networks were trained on.
        classes: the number of classes in the data set.
        macs: reductions of MACs by algorithm, "regardless of the neural network structure".
        off_chip: reductions of off-chip accesses by network, for the last algorithm in `macs`.
    """

    number: int
    dataset: str
    classes: int
    macs: dict[str, int]
    off_chip: dict[str, int]

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The local algorithms that are shown."""
        return tuple(self.macs)

    @property
    def file(self) -> str:
        """The name of the file that it is drawn in."""
        return f"figure{self.number}.png"


FIGURES = {
    6: Figure(
        6, "CIFAR-10", 10,
        {"G1": 33, "G2": 12, "G2S1": 17, "G3": 11, "G3S2": 15},
        {"vgg16": 66, "vgg19": 64, "vgg11b": 88, "vgg11bx2": 81},
    ),
    8: Figure(
        8, "CIFAR-100", 100,
        {"G1": 32, "G2": 12, "G2S1": 16, "G3": 11, "G3S1": 14},
        {"vgg16": 64, "vgg19": 61, "vgg11b": 86, "vgg11bx2": 80},
    ),
}  # fmt: skip

Reductions = dict[str, dict[str, float]]


def reductions(figure: Figure) -> tuple[Reductions, Reductions]:
    """Return the reductions of off-chip accesses and of MACs as computed here, in %, by algorithm and network."""
    off_chip: Reductions = {algo: {} for algo in figure.algorithms}
    macs: Reductions = {algo: {} for algo in figure.algorithms}
    for model in MODELS:
        backprop = algorithm_costs(CONFIGS[model], "BP", classes=figure.classes)
        for algo in figure.algorithms:
            local = algorithm_costs(CONFIGS[model], algo, classes=figure.classes)
            off_chip[algo][model] = 100 * reduction(local.off_chip, backprop.off_chip)
            macs[algo][model] = 100 * reduction(local.macs, backprop.macs)
    return off_chip, macs
