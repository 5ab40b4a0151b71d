import pytest

import minilocal as ml
from minilocal.bench.operations import describe, operations
from minilocal.bench.products import products
from minilocal.layers import Layer


def test_a_network_as_plain_lists():
    network = ml.build_network("3 5 M", [7], (4, 4, 2), 10, "G2", features=24, dropout=0.2)
    drop = [["relu"], ["dropout", 0.2]]
    assert describe(network) == {
        "layers": [
            [["conv", 2, 3, 3, 1, 1, False], ["batch_norm", 3, 3], *drop],
            [["conv", 3, 5, 3, 1, 1, False], ["batch_norm", 3, 5], *drop],
            [["max_pool", 2, 2], ["flatten"], ["linear", 20, 7, False], ["batch_norm", 1, 7], *drop],
        ],
        "auxiliary": {
            "2": [["avg_pool", 2, 2], ["flatten"], ["linear", 20, 10, False], ["batch_norm", 1, 10]],
            "3": [["linear", 7, 10, True]],
        },
    }


def test_a_layer_that_does_more_than_batchnorm():
    class Fused(ml.BatchNorm):
        rate = 0.1

    assert operations(Fused(3), (4, 4, 3)) == [["batch_norm", 3, 3], ["relu"], ["dropout", 0.1]]
    with pytest.raises(TypeError, match="no counterpart"):
        operations(Layer(), (3,))


def test_products_with_what_reaches_them():
    network = ml.build_network("3 5 M", [7], (4, 4, 2), 10, "BP")
    rows = [(p.layer, p.input_shape, p.output_shape, p.weight_shape, p.macs) for p, _ in products(network)]
    assert rows == [
        ("layer 1", (4, 4, 2), (4, 4, 3), (3, 3, 2, 3), 864),
        ("layer 2", (4, 4, 3), (4, 4, 5), (3, 3, 3, 5), 2160),
        ("layer 3", (20,), (7,), (20, 7), 140),
        ("A_3", (7,), (10,), (7, 10), 70),
    ]
