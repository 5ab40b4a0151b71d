import itertools

import numpy as np
import pytest

from minilocal.layers import BatchNorm, Conv2d, Linear
from minilocal.networks.auxiliary import a1, a2, own_classifier
from minilocal.networks.vgg import build_vgg


def cost(layer, shape):
    """Return MACs as the paper counts them, 3 × forward, and the weights without biases and BatchNorm."""
    weights = sum(p.size for name, p in layer.params.items() if name.endswith("weight"))
    return 3 * layer.macs(shape), weights


def layer_wise(classifier):
    """Return the shapes of the layers' outputs and the classifiers of VGG-16 for CIFAR-10 under G1."""
    network = build_vgg("vgg16", algo="G1", classifier=classifier)
    return network.shapes, network.auxiliary


def test_table_1_a1():
    shapes, auxiliary = layer_wise("a1")
    macs, params = zip(*(cost(auxiliary[i], shapes[i - 1]) for i in range(1, 16)), strict=True)
    assert (max(macs), sum(macs) / 15) == (61_440, 57_344)
    assert (max(params), round(sum(params) / 15)) == (20_480, 19_115)


def test_table_1_a2():
    shapes, auxiliary = layer_wise("a2")
    macs, params = zip(*(cost(auxiliary[i], shapes[i - 1]) for i in range(1, 14)), strict=True)
    assert (max(macs), round(sum(macs) / 13)) == (11_827_200, 6_097_447)  # the paper's average: 6,098,629
    assert (max(params), round(sum(params) / 13)) == (3_352_576, 1_663_842)  # the paper's: 1,664,236


def test_moving_boundaries_cost_0_75_percent_more_parameters():
    """G2S1 against G2, for VGG-16 on CIFAR-10 with A1, counting conv and linear weights."""
    g2, g2s1 = (
        sum(a.size for name, a in build_vgg("vgg16", algo=algo).arrays().items() if name.endswith("weight"))
        for algo in ("G2", "G2S1")
    )
    assert round(100 * (g2s1 / g2 - 1), 2) == 0.75


def test_a1_is_pool_linear_batchnorm(rng):
    layer = a1((8, 4, 6), 5, features=48, rng=rng, dtype=np.float64)  # 192 numbers; 2×2 windows leave 48
    x = rng.standard_normal((16, 8, 4, 6))
    y = layer.forward(x, training=True)
    pooled = x.reshape(16, 4, 2, 2, 2, 6).mean(axis=(2, 4)).reshape(16, 48)
    z = pooled @ layer.params["linear.weight"]
    np.testing.assert_allclose(y, (z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5), atol=1e-10)
    assert set(layer.params) == {"linear.weight", "bn.gamma", "bn.beta"}


@pytest.mark.parametrize("make", [a1, a2])
def test_a_vector_is_not_pooled(make):
    assert list(make((1024,), 10, 2048, rng=0).layers) == ["linear", "bn"]


@pytest.mark.parametrize(
    ("shape", "between", "d"),
    [((32, 32, 6), (8, 8), 24), ((8, 8, 6), (2, 2), 24), ((4, 4, 6), (1, 1), 6), ((2, 2, 6), (1, 1), 6)],
)
def test_a2_shapes(shape, between, d):
    layer = a2(shape, 10, 2048, rng=0)
    assert layer.layers["pool1"].output_shape(shape) == (*between, 6)
    assert layer.params["linear1.weight"].shape == (d, d)
    assert layer.params["linear4.weight"].shape == (d, 10)
    assert layer.output_shape(shape) == (10,)
    kinds = [type(inner) for inner in layer.layers.values()]
    assert (kinds.count(Conv2d), kinds.count(Linear), kinds.count(BatchNorm)) == (3, 4, 6)
    assert [name for name in layer.params if name.endswith("bias")] == ["linear4.bias"]


def test_initial_variances():
    weights = {name: p for name, p in a2((16, 16, 64), 100, 2048, rng=0).params.items() if "weight" in name}
    for name, weight in weights.items():
        fan_in = weight.shape[-2]
        assert abs(weight.var() * fan_in / (1 if name == "linear4.weight" else 2) - 1) < 0.15, name
    assert abs(own_classifier((1024,), 100, rng=0).params["linear.weight"].var() * 1024 - 1) < 0.05
    assert abs(a1((1024,), 100, 2048, rng=0).params["linear.weight"].var() * 1024 - 1) < 0.05


@pytest.mark.parametrize("side", [16, 32, 48, 64, 80, 96, 112, 224])
@pytest.mark.parametrize("classifier", ["a1", "a2"])
def test_networks_for_images_of_many_sizes_have_classifiers(side, classifier):
    """On each map that a VGG-8B has between its layers, whatever its number of pixels."""
    network = build_vgg("vgg8b", (side, side, 1), algo="G1", width=2**-5, classifier=classifier)
    for shape, layer in zip(network.shapes, network.auxiliary.values(), strict=True):
        assert layer.output_shape(shape) == (10,)
        if classifier == "a1":
            assert layer.params["linear.weight"].shape[0] <= 128 or layer is network.classifier()


def test_a_map_of_any_size_is_pooled_to_what_a_classifier_takes():
    for height, width, channels, features in itertools.product(range(1, 15), range(1, 15), (1, 6), (5, 40)):
        numbers = a1((height, width, channels), 3, features, rng=0).params["linear.weight"].shape[0]
        assert numbers <= max(features, channels)
        pool1, pool2 = (a2((height, width, channels), 3, features, rng=0).layers[name] for name in ("pool1", "pool2"))
        rows, columns, _ = pool2.output_shape(pool1.output_shape((height, width, channels)))
        assert max(*pool1.window, 2 * rows, 2 * columns) <= 4
