"""Numbers of the paper's tables, copied by hand a second time."""

import pytest

from minilocal.compare.published import TABLES, accuracies
from minilocal.costs.published import MODELS


@pytest.mark.parametrize(
    ("dataset", "model", "classifier", "algo", "percent"),
    [
        ("cifar10", "vgg16", "a1", "BP", 93.99),
        ("cifar10", "vgg16", "a2", "BP", 93.99),
        ("cifar10", "vgg16", "a1", "G1", 89.87),
        ("cifar10", "vgg19", "a2", "G2S1", 93.98),
        ("cifar10", "vgg11b", "a1", "G3", 94.59),
        ("cifar10", "vgg11bx2", "a1", "G3S2", 95.68),
        ("cifar10", "vgg11bx2", "a2", "G3S2", 95.75),
        ("cifar100", "vgg16", "a1", "BP", 72.15),
        ("cifar100", "vgg19", "a2", "G1", 64.0),
        ("cifar100", "vgg19", "a1", "G3", 72.3),
        ("cifar100", "vgg11b", "a1", "G2S1", 76.7),
        ("cifar100", "vgg11bx2", "a2", "G3S1", 80.76),
    ],
)
def test_cells(dataset, model, classifier, algo, percent):
    assert accuracies(dataset, model, classifier)[algo] == percent


def test_every_network_has_all_cells():
    for table in TABLES.values():
        assert set(table.rows) == set(MODELS)
        for row in table.rows.values():
            assert len(row) == 1 + len(table.local)


def test_what_the_paper_says_about_its_tables():
    """G3S1 beats BP in all cases on CIFAR-100; moving boundaries help G2 and G3 everywhere, with A1 and with A2."""
    for dataset, moving in (("cifar10", "G3S2"), ("cifar100", "G3S1")):
        for model in MODELS:
            for classifier in ("a1", "a2"):
                row = accuracies(dataset, model, classifier)
                assert row["G2S1"] > row["G2"]
                assert row[moving] > row["G3"]
                if dataset == "cifar100":
                    assert row[moving] > row["BP"]
