"""The comparison page: its table is what the cost model says, and its lines are those of the step."""

import importlib.util
from pathlib import Path

from minilocal import steps
from minilocal.costs import algorithm_costs
from minilocal.networks.configs import CONFIGS

TUTORIALS = Path(__file__).parents[1] / "tutorials"
PAGE = (TUTORIALS / "comparison.md").read_text(encoding="utf-8")

spec = importlib.util.spec_from_file_location("comparison", TUTORIALS / "comparison.py")
comparison = importlib.util.module_from_spec(spec)
spec.loader.exec_module(comparison)


def test_the_table_is_up_to_date():
    assert "\n".join(comparison.table()) in PAGE


def test_what_the_library_trains_costs_what_the_library_says():
    """The rows of pred and DGL are G1 and G3 with A1 and A2."""
    for row, classifier in ((comparison.pred, "a1"), (comparison.dgl, "a2")):
        for algo in ("G1", "G3"):
            costs = algorithm_costs(CONFIGS["vgg16"], algo, classifier=classifier)
            extra = comparison.Extra(costs.classifier_weights - 10_240, costs.mean.macs.classifiers - 3 * 10_240)
            assert comparison.extras(algo, row) == comparison.cells(extra, costs.macs)


def test_the_lines_of_the_step_are_quoted_as_they_are():
    source = Path(steps.__file__).read_text(encoding="utf-8")
    quoted = [row.split("`")[1] for row in PAGE.splitlines() if row.startswith("| **")]
    assert len(quoted) == 6
    for line in quoted:
        assert line in source
