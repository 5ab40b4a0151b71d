"""The comparison page: its table is what the cost model says, and its lines are those of the step."""

import importlib.util
from pathlib import Path

from minilocal import steps

TUTORIALS = Path(__file__).parents[1] / "tutorials"
PAGE = (TUTORIALS / "comparison.md").read_text(encoding="utf-8")

spec = importlib.util.spec_from_file_location("comparison", TUTORIALS / "comparison.py")
comparison = importlib.util.module_from_spec(spec)
spec.loader.exec_module(comparison)


def test_the_table_is_up_to_date():
    assert "\n".join(comparison.table()) in PAGE


def test_its_sums_over_blocks_are_the_cost_models():
    """A1 and A2 on the blocks of G1 and G3, added up here and by the library."""
    for method, classifier in ((comparison.pred, "a1"), (comparison.dgl, "a2")):
        for algo in ("G1", "G3"):
            assert comparison.extras(algo, method) == comparison.ours(algo, classifier=classifier)


def test_the_lines_of_the_step_are_quoted_as_they_are():
    source = Path(steps.__file__).read_text(encoding="utf-8")
    quoted = [row.split("`")[1] for row in PAGE.splitlines() if row.startswith("| **")]
    assert len(quoted) == 6
    for line in quoted:
        assert line in source
