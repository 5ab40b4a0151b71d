"""The cost model on networks small enough to compute by hand."""

import pytest

from minilocal.costs.algorithm import algorithm_costs
from minilocal.costs.step import Macs, block_macs, off_chip_accesses
from minilocal.networks.configs import Architecture
from minilocal.schedule import Block, parse

# 8×8×2 images → conv 3 → max-pool → conv 5 → max-pool → FC 7 → 10 classes; A1 sees at most 24 numbers.
TINY = Architecture("3 M 5 M", (7,), 24)
M1, M2, M3 = 64 * 54, 16 * 135, 140  # MACs of a forward pass
P1, P2, P3 = 54, 135, 140  # weights
N1, N2, N3 = 24 * 10, 20 * 10, 7 * 10  # A_1 pools 8×8×3 = 192 numbers by 4×2 to 24, A_2 pools 4×4×5 by 2×2 to 20
S1, S2, S3 = 48, 20, 7  # stored for the next layer


def tiny(algo, batch_size=4):
    return algorithm_costs(TINY, algo, (8, 8, 2), 10, "a1", batch_size)


def test_bp():
    (step,) = tiny("BP").steps
    assert step.macs == Macs(M1 + M2 + M3, M1 + M2 + M3, M2 + M3, 3 * N3)
    assert step.costliest == step.macs.total
    assert (step.trained, step.frozen, step.classifiers) == (P1 + P2 + P3, 0, N3)
    assert step.stored == S1 + S2 + S3
    assert step.off_chip == 3 * (P1 + P2 + P3 + N3) + 2 * 4 * (S1 + S2 + S3)


def test_g1():
    (step,) = tiny("G1").steps
    assert step.macs == Macs(M1 + M2 + M3, M1 + M2 + M3, 0, 3 * (N1 + N2 + N3))
    assert step.costliest == 2 * M1 + 3 * N1
    assert step.stored == S1
    assert step.off_chip == 2 * (P1 + P2 + P3 + N1 + N2 + N3)


def test_g2s1():
    algorithm = tiny("g2s1")
    still, moved = algorithm.steps
    assert (still.shift, still.blocks) == (0, (Block(1, 2), Block(3, 3)))
    assert still.macs == Macs(M1 + M2 + M3, M1 + M2 + M3, M2, 3 * (N2 + N3))
    assert still.costliest == 2 * M1 + 3 * M2 + 3 * N2
    assert (moved.shift, moved.blocks) == (1, (Block(2, 3),))
    assert moved.macs == Macs(M1 + M2 + M3, M2 + M3, M3, 3 * N3)
    assert moved.costliest == moved.macs.total  # its worker runs the frozen layer too
    assert (moved.trained, moved.frozen, moved.classifiers, moved.stored) == (P2 + P3, P1, N3, S2 + S3)
    assert moved.off_chip == 2 * (P2 + P3 + N3) + P1

    assert algorithm.algo == "G2S1"
    assert algorithm.macs == (still.macs.total + moved.macs.total) / 2
    assert algorithm.mean.macs.input_gradient == (M2 + M3) / 2
    assert algorithm.off_chip == (still.off_chip + moved.off_chip) / 2
    assert algorithm.mean.costliest == (still.costliest + moved.costliest) / 2
    assert algorithm.mean.stored == (still.stored + moved.stored) / 2
    assert (algorithm.layer_weights, algorithm.classifier_weights) == (P1 + P2 + P3, N2 + N3)
    assert algorithm.weights == P1 + P2 + P3 + N2 + N3


def test_idle_classifiers_that_learn():
    """Moved by one layer: A_2 learns alone, in the block of layers 2 and 3, and passes no gradient to layer 2."""
    _, resting = tiny("G2S1").steps
    _, moved = tiny(parse("G2S1", idle="learn")).steps
    assert moved.idle == (2,)
    assert moved.macs.classifiers == 3 * N3 + 2 * N2
    assert moved.macs.total - resting.macs.total == moved.costliest - resting.costliest == 2 * N2
    assert moved.classifiers == N2 + N3
    assert moved.off_chip == resting.off_chip + 2 * N2
    assert (moved.stored, moved.trained, moved.frozen) == (resting.stored, resting.trained, resting.frozen)


def test_a_block_before_the_first_whole_one():
    _, moved = tiny(parse("G2S1", front="block")).steps
    assert moved.blocks == (Block(1, 1), Block(2, 3))
    assert moved.macs == Macs(M1 + M2 + M3, M1 + M2 + M3, M3, 3 * (N1 + N3))
    assert (moved.trained, moved.frozen, moved.classifiers) == (P1 + P2 + P3, 0, N1 + N3)
    assert moved.off_chip == 2 * (P1 + P2 + P3 + N1 + N3)


def test_blocks_add_up_to_the_step():
    layers, classifiers = [1, 10, 100, 1000, 10000], dict.fromkeys(range(1, 6), 7)
    for algo, epoch in (("BP", 0), ("G1", 0), ("G2S1", 1), ("G3S2", 1), ("G5", 0)):
        blocks = parse(algo).blocks_at(epoch, 5)
        by_block = block_macs(layers, classifiers, blocks)
        total = sum(by_block, Macs())
        assert len(by_block) == len(blocks)
        assert total.forward == 11111  # every layer, frozen or not, once
        assert total.weight_gradient == sum(layers[blocks[0].first - 1 :])
        assert total.weight_gradient - total.input_gradient == sum(layers[block.first - 1] for block in blocks)
        assert total.classifiers == 21 * len(blocks)


def test_a_residual_block_at_the_start_of_a_block():
    """Its second convolution has an input gradient, its first one and its projection have none."""
    residual = Architecture("3 P5/2 A", (), 24)  # 8×8×2 → 8×8×3 → 4×4×5 → 5 → 10 classes
    first, projection, second = 16 * 9 * 15, 16 * 15, 16 * 9 * 25
    (step,) = algorithm_costs(residual, "G1", (8, 8, 2), 10, "a1", 4).steps
    block = first + projection + second
    assert step.macs == Macs(M1 + block, M1 + block, second, 3 * (N1 + 5 * 10))
    (step,) = algorithm_costs(residual, "BP", (8, 8, 2), 10, "a1", 4).steps
    assert step.macs == Macs(M1 + block, M1 + block, block, 3 * 5 * 10)
    assert step.stored == 8 * 8 * 3 + (4 * 4 * 5 + 5)
    assert step.trained == P1 + block // 16


def test_gk_computes_what_bp_computes():
    assert tiny("G3").steps[0].macs == tiny("BP").steps[0].macs


@pytest.mark.parametrize("batch_size", [1, 128])
def test_only_the_accesses_of_bp_depend_on_the_batch(batch_size):
    assert off_chip_accesses(parse("BP"), 100, 0, 10, 1000, batch_size) == 330 + 2000 * batch_size
    assert off_chip_accesses(parse("G2S1"), 100, 5, 10, 1000, batch_size) == 225
