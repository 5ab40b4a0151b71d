"""Sizes from shapes alone, against cases computed by hand and against the arrays of real networks."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minilocal.costs.sizes import a1_size, a2_size, classifier_sizes, layer_sizes, own_size
from minilocal.errors import InputError
from minilocal.networks.vgg import build_network


def test_classifiers_by_hand():
    assert own_size((7,), 10) == (70, 70, 70)
    assert a1_size((32, 32, 64), 10, 2048) == (20480, 20480, 20480)  # pooled by 8×4 to 4×8×64
    assert a1_size((7,), 10, 2048) == (70, 70, 70)
    assert a2_size((7,), 10, 2048) == (70, 70, 70)
    # 16×16×3 → 4×4×3, three times 3×3; → 2×2×3 = 12, three times 12×12, and 12×10.
    assert a2_size((16, 16, 3), 10, 0) == (3 * 16 * 9 + 3 * 144 + 120, 3 * 9 + 3 * 144 + 120, 16 * 9)
    # 4×4 and 2×2 → 1×1.
    assert a2_size((4, 4, 3), 10, 0) == a2_size((2, 2, 3), 10, 0) == (3 * 9 + 3 * 9 + 30, 3 * 9 + 3 * 9 + 30, 9)


def test_the_last_layers_classifier_is_the_networks_own():
    layers = layer_sizes("3", [], (16, 16, 2))
    assert classifier_sizes(layers, [1], 10, "a2", 4) == {1: (16 * 16 * 3 * 10,) * 3}


def test_similarity_branches_by_hand():
    layers = layer_sizes("3 M 4", [5], (16, 16, 2))
    own, first, second = (25, 25, 25), (16 * 16 * 81, 81, 16 * 16 * 81), (8 * 8 * 144, 144, 8 * 8 * 144)
    assert classifier_sizes(layers, [1, 2, 3], 5, "a1", 256, "sim") == {1: first, 2: second, 3: own}
    ce, both = (classifier_sizes(layers, [1, 2, 3], 5, "a1", 256, loss) for loss in ("ce", "predsim"))
    for number, branch in ((1, first), (2, second), (3, own)):
        assert both[number] == tuple(a + b for a, b in zip(ce[number], branch, strict=True))


def test_unknown_classifiers_are_refused():
    with pytest.raises(InputError, match="classifier 'a3' is unknown; choose from a1, a2"):
        classifier_sizes([], [], 10, "a3", 4)


def weights(layer):
    return sum(p.size for name, p in layer.params.items() if name.endswith("weight"))


@st.composite
def tasks(draw):
    """Return stages with some max-pools and residual blocks, FC widths, and the other arguments.

    Many of them fit together, but not all.
    """
    stages = []
    for width in draw(st.lists(st.integers(1, 6), min_size=1, max_size=4)):
        kind, kernel, stride = (
            draw(st.sampled_from(some)) for some in (["", "", "R", "P"], ["", "k1", "k5"], ["", "/2", "/3"])
        )
        stages += [f"{kind}{width}{kernel}{stride}"] + ["M"] * draw(st.booleans())
    fc = draw(st.lists(st.integers(1, 6), min_size=stages[-1] == "M", max_size=2))
    stages += ["A"] * (not fc and draw(st.booleans()))
    side = st.sampled_from([1, 2, 4, 6, 7, 8, 12, 16, 20])
    image_shape = (draw(side), draw(side), draw(st.sampled_from([1, 3])))
    classes, classifier, features = draw(st.integers(2, 12)), draw(st.sampled_from(["a1", "a2"])), st.integers(1, 90)
    return stages, fc, image_shape, classes, classifier, draw(features)


@given(tasks())
def test_sizes_are_those_of_real_networks(task):
    stages, fc, image_shape, classes, classifier, features = task

    def outcome(make):
        try:
            return make(), None
        except InputError as error:
            return None, str(error)

    def compute():
        layers = layer_sizes(stages, fc, image_shape)
        return layers, classifier_sizes(layers, range(1, len(layers) + 1), classes, classifier, features)

    def build():
        return build_network(stages, fc, image_shape, classes, "G1", classifier=classifier, features=features)

    (computed, refusal), (network, refused) = outcome(compute), outcome(build)
    if network is None:
        assert refusal is not None
        assert refusal in refused  # which adds the shape of the images
        return
    layers, classifiers = computed
    inputs = [image_shape, *network.shapes]
    for size, layer, shape, output in zip(layers, network.layers, inputs, network.shapes, strict=False):
        assert (size.macs, size.weights, size.output) == (layer.macs(shape), weights(layer), output)
    for number, size in classifiers.items():
        built = network.classifier(number)
        assert size[:2] == (built.macs(network.shapes[number - 1]), weights(built))
    inner = [stored_inside(layer, shape) for layer, shape in zip(network.layers, inputs, strict=False)]
    for size, layer, shape, inside in zip(layers, network.layers[1:], network.shapes, inner, strict=False):
        passed = layer.layers["pool"].output_shape(shape) if "pool" in layer.layers else shape
        assert size.stored == math.prod(passed) + inside
    seen = network.classifier().params["linear.weight"].shape[0]
    assert layers[-1].stored == seen + inner[-1]


def stored_inside(layer, shape):
    """Return how many numbers the second convolution of a residual block takes; 0 for another layer."""
    return sum(math.prod(inputs) for name, _, inputs in layer.operations(shape) if name.endswith("body.conv2"))
