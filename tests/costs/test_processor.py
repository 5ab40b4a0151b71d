"""Step times on made-up processors, computed by hand."""

import pytest

from minilocal.costs.algorithm import algorithm_costs, reduction
from minilocal.costs.processor import PROCESSORS, Processor
from minilocal.networks.configs import CONFIGS, Architecture

# 8×8×2 images → conv 3 → max-pool → conv 5 → max-pool → FC 7 → 10 classes; weights and stored activations by layer.
TINY = Architecture("3 M 5 M", (7,), 24)
P1, P2, P3 = 54, 135, 140
N1, N2, N3 = 240, 200, 70  # the classifiers' weights
S1, S2, S3 = 48, 20, 7
BATCH = 4


def tiny(algo):
    return algorithm_costs(TINY, algo, (8, 8, 2), 10, "a1", BATCH)


def processor(**numbers):
    return Processor(**({"what": "", "macs": 1.0, "memory": 0.0, "bandwidth": 1.0, "word": 2} | numbers))


def test_computing_alone_takes_as_long_as_the_macs():
    fast_memory = processor(macs=1000.0, bandwidth=1e18)
    for algo in ("BP", "G1", "G2S1"):
        assert fast_memory.seconds(tiny(algo), BATCH) == pytest.approx(tiny(algo).macs * BATCH / 1000)


def test_memory_alone_takes_as_long_as_the_traffic():
    def seconds(algo, memory):
        return processor(macs=1e18, memory=memory, bandwidth=10.0).seconds(tiny(algo), BATCH) * 10 / 2  # in words

    weights, stored = P1 + P2 + P3 + N3, S1 + S2 + S3
    assert seconds("BP", memory=0) == pytest.approx(3 * weights + 2 * BATCH * stored)
    assert seconds("BP", memory=1e9) == pytest.approx(2 * weights)
    # G2S1: blocks 1-2 and 3, then layer 1 frozen and block 2-3.
    still, moved = 2 * (P1 + P2 + N2 + P3 + N3), 2 * (P2 + P3 + N3) + P1
    assert seconds("G2S1", memory=1e9) == pytest.approx((still + moved) / 2)
    # Room for block 3 alone: 140 + 70 weights and 4 images' 7 activations, of two bytes each.
    room = 2 * (P3 + N3 + BATCH * S3)
    still = 3 * (P1 + P2 + N2) + 2 * BATCH * (S1 + S2) + 2 * (P3 + N3)
    moved = 3 * (P2 + P3 + N3) + P1 + 2 * BATCH * (S2 + S3)
    assert seconds("G2S1", memory=room) == pytest.approx((still + moved) / 2)
    assert seconds("G2S1", memory=room - 1) > seconds("G2S1", memory=room)


def test_the_slower_of_both_counts():
    fast, slow = (processor(macs=macs, bandwidth=10.0).seconds(tiny("G1")) for macs in (1e18, 1e6))
    assert fast == slow


def test_with_little_memory_time_follows_the_macs_as_in_the_paper():
    """Section III-D: on an edge processor the gain is that of the MACs, up to 20 % faster."""
    for model in ("vgg16", "vgg19", "vgg11b", "vgg11bx2"):
        bp, g3s2 = (algorithm_costs(CONFIGS[model], algo) for algo in ("BP", "G3S2"))
        edge = PROCESSORS["edge"]
        assert reduction(edge.seconds(g3s2), edge.seconds(bp)) == pytest.approx(reduction(g3s2.macs, bp.macs))
        assert 1.1 < edge.seconds(bp) / edge.seconds(g3s2) < 1.2


def test_with_enough_memory_for_a_block_it_saves_more():
    bp, g3s2 = (algorithm_costs(CONFIGS["vgg16"], algo) for algo in ("BP", "G3S2"))
    npu = PROCESSORS["npu"]
    assert npu.seconds(bp) / npu.seconds(g3s2) > 1.5
