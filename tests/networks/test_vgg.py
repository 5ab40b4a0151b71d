import numpy as np
import pytest

from minilocal.errors import InputError
from minilocal.layers import MaxPool2d
from minilocal.networks.configs import CONFIGS
from minilocal.networks.vgg import build_network, build_vgg

BOTH = {"sim": [3, 5, 6, 7]}


def weights(layer):
    return sum(p.size for name, p in layer.params.items() if name.endswith("weight"))


def test_table_1_layers_of_vgg16():
    network = build_vgg("vgg16")
    shapes = [(32, 32, 3), *network.shapes]
    macs = [2 * layer.macs(shape) for layer, shape in zip(network.layers, shapes, strict=False)]
    params = [weights(layer) for layer in network.layers]
    assert (max(macs), sum(macs) / 15) == (75_497_472, 41_969_254.4)
    assert (max(params), round(sum(params) / 15)) == (2_359_296, 1_085_555)


@pytest.mark.parametrize(
    ("model", "depth", "last_map"),
    [
        ("vgg8b", 7, (4, 4, 512)),
        ("vgg11b", 10, (4, 4, 512)),
        ("vgg11bx2", 10, (4, 4, 1024)),
        ("vgg16", 15, (2, 2, 512)),
        ("vgg19", 18, (2, 2, 512)),
        ("resnet20", 10, (8, 8, 64)),
        ("resnet32", 16, (8, 8, 64)),
    ],
)
def test_depths_and_shapes(model, depth, last_map):
    network = build_vgg(model, width=0.125)
    assert len(network) == depth
    maps = [shape for shape in network.shapes if len(shape) == 3]
    assert maps[-1] == (*last_map[:2], last_map[2] // 8)
    features = 128 if model.startswith("vgg") else last_map[2] // 8
    assert network.shapes[-1] == (128,) if model.startswith("vgg") else maps[-1]
    assert network.classifier().params["linear.weight"].shape == (features, 10)
    assert network.classifier().params["linear.bias"].shape == (10,)
    pools = sum("pool" in layer.layers for layer in network.layers)  # A_K's mean is not one
    assert pools == CONFIGS[model].stages.count("M")


def test_auxiliary_classifiers_see_the_map_before_the_pool():
    network = build_vgg("vgg16", algo="G1", width=0.125)
    assert network.shapes[1] == (32, 32, 8)  # layer 2's output; layer 3 begins with the pool
    assert isinstance(network.layer(3).layers["pool"], MaxPool2d)
    assert network.auxiliary[2].output_shape(network.shapes[1]) == (10,)


def test_only_the_classifiers_that_the_schedule_uses_exist():
    assert sorted(build_vgg("vgg11b", algo="G3S2", width=0.125).auxiliary) == [3, 5, 6, 8, 9, 10]
    assert sorted(build_vgg("vgg11b", algo="BP", width=0.125).auxiliary) == [10]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("classes", [2, 10, 100])
@pytest.mark.parametrize("classifier", ["a1", "a2"])
def test_any_class_count_and_channels(channels, classes, classifier):
    network = build_vgg("vgg8b", (32, 32, channels), classes, "G1", 0.125, classifier=classifier)
    x = np.zeros((2, 32, 32, channels), np.float32)
    for layer, aux in zip(network.layers, network.auxiliary.values(), strict=True):
        x = layer.forward(x)
        assert aux.forward(x).shape == (2, classes)


def test_initial_weights_depend_on_layer_and_seed_alone():
    """All algorithms, classifiers and numbers of classes start from the same layers."""
    a = build_vgg("vgg8b", algo="G1", width=0.125, seed=3)
    b = build_vgg("vgg8b", algo="BP", width=0.125, classes=7, seed=3)
    c = build_vgg("vgg8b", algo="BP", width=0.125, seed=4)
    for i in range(1, 8):
        for name, param in a.layer(i).params.items():
            assert np.array_equal(param, b.layer(i).params[name])
            if name.endswith("weight"):
                assert not np.array_equal(param, c.layer(i).params[name])


def test_float32_weights_are_rounded_float64_weights():
    a, b = (build_vgg("vgg8b", width=0.125, algo="G2", dtype=t).arrays() for t in (np.float32, np.float64))
    assert all(np.array_equal(a[name], b[name].astype(np.float32)) for name in b)


def test_saved_names():
    names = build_vgg("vgg16", algo="G3", width=0.125).arrays()
    for name in ("layers.3.conv.weight", "layers.3.bn.gamma", "layers.3.bn.mean", "layers.14.linear.weight",
                 "aux.3.linear.weight", "aux.3.bn.beta", "aux.15.linear.bias"):  # fmt: skip
        assert name in names


@pytest.mark.parametrize(
    ("local_loss", "layers"),
    [("ce", {"aux": [3, 5, 6, 7]}), ("sim", {"sim": [3, 5, 6], "aux": [7]}), ("predsim", {"aux": [3, 5, 6, 7]} | BOTH)],
)
def test_layers_of_local_losses_and_their_saved_names(local_loss, layers):
    options = {"width": 0.125, "algo": "G3S2"}
    network = build_vgg("vgg8b", local_loss=local_loss, **options)
    found = [name for name, _ in network.named_layers() if not name.startswith("layers.")]
    assert sorted(found) == sorted(f"{name}.{number}" for name, numbers in layers.items() for number in numbers)
    arrays = network.arrays()
    for name, array in build_vgg("vgg8b", **options).arrays().items():  # what both have, begins equal
        assert name not in arrays or np.array_equal(arrays[name], array)
    if local_loss != "ce":
        assert arrays["sim.3.conv.weight"].shape == (3, 3, 32, 32)
    if local_loss == "predsim":
        assert arrays["sim.7.linear.weight"].shape == (128, 128)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model": "vgg13"}, "'vgg13' is unknown; choose from vgg8b"),
        ({"width": 0.3}, "width is 0.3, which leaves 38.4 channels of vgg8b's 128; choose one that leaves whole"),
        ({"width": 65536}, "width is 65536; it must be above 0 and at most 8"),
        ({"width": 0}, "width is 0; it must be above 0 and at most 8"),
        ({"width": float("inf")}, "width is inf; it must be above 0 and at most 8"),
        ({"width": 2**-10}, "leaves 0.125 channels"),
        ({"width": float("nan")}, "width is nan; it must be above 0"),
        (
            {"image_shape": (20, 20, 3)},
            "20×20×3 images do not fit the network: layer 6: pool: a 2×2 pooling .* 5×5 map; resize or pad them",
        ),
        ({"image_shape": (4, 4, 3)}, "does not divide"),
        ({"image_shape": (32, 32)}, "must be .height, width, channels."),
        ({"seed": -1}, "seed is -1"),
        ({"classes": 1}, "at least 2"),
        ({"classifier": "a3"}, "'a3' is unknown"),
        ({"algo": "G8"}, "the network has 7"),
        ({"dropout": 1.0}, "dropout rate is 1.0"),
        ({"algo": "G1", "local_loss": "mse"}, "local_loss is 'mse'; choose from ce, sim, predsim"),
        ({"local_loss": "sim"}, "local_loss is sim, but BP has only the network's own loss; leave it out, or use an"),
        ({"algo": "G1", "local_loss": "sim", "width": 2**-7}, "layer 1: similarity matching needs at least 3 features"),
    ],
)
def test_bad_options_are_refused(options, says):
    with pytest.raises(InputError, match=says):
        build_vgg(**({"model": "vgg8b", "width": 0.125} | options))


@pytest.mark.parametrize(
    ("stages", "fc"),
    [
        ("M 8", [4]),
        ("8 M M 8", [4]),
        ("8 M", []),
        ("", []),
        ("8 x", [4]),
        ("8 0", [4]),
        ("8 -3", []),
        ([8.5], []),
        ("8k4", []),
        ("8k0", []),
        ("8/0", []),
        ("8k", []),
        ("8 Q8", []),
        ("8 R0", []),
        ("8 A", [4]),
        ("8 A 8", []),
        ("A", []),
        ("R8", []),
    ],
)
def test_bad_stages_are_refused(stages, fc):
    with pytest.raises(InputError, match="stages"):
        build_network(stages, fc, (8, 8, 1), 3)


def test_a_block_that_a_padded_shortcut_can_not_carry_is_refused():
    with pytest.raises(InputError, match="stages '16 R8/2': R8/2 must follow a layer that is not wider; use P8/2"):
        build_network("16 R8/2", [], (8, 8, 1), 3)


def test_parameters_of_resnets():
    """He et al. 2016, Table 6: 0.27 and 0.46 million."""
    for model, millions in (("resnet20", 0.27), ("resnet32", 0.46)):
        assert (
            round(sum(p.size for _, layer in build_vgg(model).named_layers() for p in layer.params.values()) / 1e6, 2)
            == millions
        )


@pytest.mark.parametrize("side", [24, 28, 33])
def test_residual_networks_take_images_of_any_size(side):
    network = build_network("4 R4 R8/2 P8k5 R16/2 A", [], (side, side, 3), 5, "G1", features=64)
    x = np.zeros((2, side, side, 3), np.float32)
    for layer, shape, aux in zip(network.layers, network.shapes, network.auxiliary.values(), strict=True):
        x = layer.forward(x)
        assert x.shape[1:] == shape
        assert aux.forward(x).shape == (2, 5)


def test_a_network_without_fc_layers():
    network = build_network("4 M 6", [], (8, 8, 1), 3, "G1")
    assert network.classifier().params["linear.weight"].shape == (4 * 4 * 6, 3)
    assert network.predict(np.zeros((2, 8, 8, 1), np.float32)).shape == (2, 3)
