"""The paper's Tables II and III: test accuracy in %, after 400 epochs at full width, one number each.

Source: Lee, Lee & Jeon 2021, sections III-B and III-C.
"""

from __future__ import annotations

from typing import NamedTuple


class Table(NamedTuple):
    """One of the two tables: BP's column has one number, the others have one for A1 and one for A2."""

    number: str
    dataset: str
    local: tuple[str, ...]
    trend: str
    rows: dict[str, tuple[float | tuple[float, float], ...]]


TABLES = {
    "cifar10": Table(
        "II", "CIFAR-10", ("G1", "G2", "G2S1", "G3", "G3S2"),
        "G1 < G2 < G2S1 < G3 < G3S2 ≈ BP",
        {
            "vgg16": (93.99, (89.87, 92.36), (91.44, 93.81), (92.26, 94.25), (92.84, 93.91), (93.68, 94.23)),
            "vgg19": (93.85, (89.71, 92.26), (91.57, 93.74), (92.26, 93.98), (93.15, 93.99), (93.66, 94.15)),
            "vgg11b": (95.08, (92.41, 92.06), (93.60, 94.40), (93.95, 94.97), (94.59, 95.07), (95.11, 95.58)),
            "vgg11bx2": (95.46, (93.00, 92.72), (94.36, 94.61), (94.68, 95.39), (94.97, 95.40), (95.68, 95.75)),
        },
    ),
    "cifar100": Table(
        "III", "CIFAR-100", ("G1", "G2", "G2S1", "G3", "G3S1"),
        "G1 < G2 < G2S1 < G3 < BP < G3S1",
        {
            "vgg16": (72.15, (67.57, 65.22), (69.95, 69.18), (72.32, 71.23), (72.67, 69.38), (74.99, 74.81)),
            "vgg19": (73.36, (68.66, 64.00), (70.09, 67.36), (71.69, 69.86), (72.30, 69.13), (74.82, 74.46)),
            "vgg11b": (77.40, (72.88, 69.39), (75.46, 73.35), (76.70, 76.12), (76.81, 76.25), (79.03, 79.52)),
            "vgg11bx2": (79.32, (74.44, 72.34), (77.25, 75.81), (77.45, 78.59), (78.80, 77.89), (79.42, 80.76)),
        },
    ),
}  # fmt: skip
TRAINING_IMAGES = 50_000  # in either data set
EPOCHS = 400
NEAREST = {"vgg8b": "vgg11b"}  # our networks that the paper does not have, and the paper's network nearest to each


def table_of(dataset: str) -> Table:
    """Return the paper's table for a data set, or Table II if it has none."""
    return TABLES.get(dataset, TABLES["cifar10"])


def nearest(dataset: str, model: str) -> str | None:
    """Return the paper's network to compare a model with on a data set, or None if it has no results to compare with.

    >>> nearest("cifar10", "vgg8b"), nearest("cifar10", "resnet20"), nearest("mnist", "vgg16")
    ('vgg11b', None, None)
    """
    model = NEAREST.get(model, model)
    return model if dataset in TABLES and model in TABLES[dataset].rows else None


def accuracies(dataset: str, model: str, classifier: str) -> dict[str, float]:
    """Return a network's published test accuracies in %, by algorithm, for classifiers "a1" or "a2".

    >>> accuracies("cifar10", "vgg11b", "a2")["G3S2"]
    95.58

    Raises `KeyError` if the paper does not have the data set or the network.
    """
    table = TABLES[dataset]
    return {
        algo: cell[("a1", "a2").index(classifier)] if isinstance(cell, tuple) else cell
        for algo, cell in zip(("BP", *table.local), table.rows[model], strict=True)
    }
