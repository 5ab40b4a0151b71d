from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minilocal.pipeline.plan import make_plan, partition
from minilocal.pipeline.transport import ROOT
from minilocal.schedule import Block, parse


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8), st.integers(1, 9))
def test_no_partition_is_better(costs, count):
    slices = partition(costs, count)
    count = min(count, len(costs))
    assert len(slices) == count
    assert [i for s in slices for i in range(len(costs))[s]] == list(range(len(costs)))
    assert all(s.stop > s.start for s in slices)
    every = (
        max(sum(costs[a:b]) for a, b in pairwise((0, *cuts, len(costs))))
        for cuts in combinations(range(1, len(costs)), count - 1)
    )
    assert max(sum(costs[s]) for s in slices) == min(every)


def test_shares_of_moving_blocks():
    plan = make_plan(parse("G3S2"), 8, {0: [6, 3, 3], 2: [5, 5]}, workers=2)
    first, second = plan.shares[0]
    assert (first.blocks, first.times, first.first, first.last) == ((Block(1, 3),), (6,), 1, 3)
    assert (second.blocks, second.times, second.first, second.last) == ((Block(4, 6), Block(7, 8)), (3, 3), 4, 8)
    assert [str(share) for share in plan.shares[2]] == ["frozen 1-2 [3-5]", "[6-8]"]
    assert plan.owners(2) == {1: 0, 2: 0, 3: 0, 4: 0, 5: 0, 6: 1, 7: 1, 8: 1}
    assert plan.owners(None) == dict.fromkeys(range(1, 9), ROOT)
    assert plan.bound(0) == plan.bound() == 2
    other = plan.timed({0: [6, 3, 3], 2: [8, 2]})
    assert other == make_plan(parse("G3S2"), 8, {0: [6, 3, 3], 2: [8, 2]}, 2)
    assert (other.bound(), other.bound(2)) == pytest.approx((22 / 14, 10 / 8))


def test_more_workers_than_blocks():
    plan = make_plan(parse("G3S2"), 7, {0: [1, 1, 1], 2: [1, 1]}, workers=5)
    assert plan.workers == 3
    assert [len(shares) for shares in plan.shares.values()] == [3, 2]


def test_one_worker_holds_all_layers():
    plan = make_plan(parse("G2S1"), 4, {0: [1, 2], 1: [3, 4]}, workers=1)
    assert plan.bound() == 1
    assert {*plan.owners(0), *plan.owners(1)} == {1, 2, 3, 4}


def test_a_plan_in_words():
    plan = make_plan(parse("G3S2"), 7, {0: [0.3, 0.2, 0.1], 2: [0.2, 0.1]}, workers=2)
    _, *lines = plan.describe(2)
    assert lines == [
        "  shift 0 | 1: [1-3] 300.0 | 2: [4-6] [7] 300.0 | at most 2.00×",
        "  shift 2 | 1: frozen 1-2 [3-5] 200.0 | 2: [6-7] 100.0 | at most 1.50×",
        "  all shifts: at most 1.80×",
    ]
    for workers, names in (3, "worker 3 has"), (5, "workers 3 to 5 have"):
        assert list(plan.describe(workers))[-1] == f"there are at most 2 blocks at a time, so {names} nothing to do"
