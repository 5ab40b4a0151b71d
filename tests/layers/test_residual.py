import numpy as np
import pytest

from minilocal.errors import InputError, ShapeError
from minilocal.layers import BatchNorm, Conv2d, PadShortcut, ReLU, Residual, Sequential
from minilocal.networks.vgg import residual


def body(c_in, c_out, stride=1):
    return Sequential(conv=Conv2d(c_in, c_out, stride=stride, rng=0), bn=BatchNorm(c_out))


def test_what_it_computes(rng):
    layer = Residual(body(3, 3))
    x, dy = (rng.standard_normal((2, 5, 4, 3)).astype(np.float32) for _ in "xy")
    alone = body(3, 3)
    total = alone.forward(x, training=True) + x
    np.testing.assert_array_equal(layer.forward(x, training=True), np.maximum(total, 0))
    g = dy * (total > 0)
    np.testing.assert_allclose(layer.backward(dy), alone.backward(g) + g, rtol=1e-6)


def test_its_arrays_are_those_of_body_and_shortcut():
    layer = residual(3, 5, stride=2, projection=True, rng=0)
    assert list(layer.params) == [
        *(
            f"body.{name}"
            for name in ("conv1.weight", "bn1.gamma", "bn1.beta", "conv2.weight", "bn2.gamma", "bn2.beta")
        ),
        *(f"shortcut.{name}" for name in ("conv.weight", "bn.gamma", "bn.beta")),
    ]
    assert layer.params["body.conv1.weight"] is layer.layers["body"].layers["conv1"].params["weight"]
    assert set(layer.grads) == set(layer.params)
    assert {"body.bn2.mean", "shortcut.bn.variance"} <= set(layer.state)


def test_operations_and_their_macs():
    layer = residual(3, 5, stride=2, projection=True, rng=0)
    assert [(name, shape) for name, _, shape in layer.operations((7, 6, 3))] == [
        ("body.conv1", (7, 6, 3)), ("body.bn1", (4, 3, 5)), ("body.conv2", (4, 3, 5)), ("body.bn2", (4, 3, 5)),
        ("shortcut.conv", (7, 6, 3)), ("shortcut.bn", (4, 3, 5)), ("relu", (4, 3, 5)),
    ]  # fmt: skip
    assert layer.macs((7, 6, 3)) == 12 * (9 * 3 * 5 + 9 * 5 * 5 + 3 * 5)


def test_a_shortcut_without_parameters_takes_every_second_pixel_and_adds_zeros(rng):
    layer, x = PadShortcut(3, 5, 2), rng.standard_normal((2, 5, 4, 3))
    y = layer.forward(x, training=True)
    assert y.shape == (2, *layer.output_shape((5, 4, 3))) == (2, 3, 2, 5)
    np.testing.assert_array_equal(y[..., :3], x[:, ::2, ::2])
    assert not y[..., 3:].any()
    dy, expected = rng.standard_normal(y.shape), np.zeros(x.shape)
    expected[:, ::2, ::2] = dy[..., :3]
    np.testing.assert_array_equal(layer.backward(dy), expected)


@pytest.mark.parametrize("projection", [False, True])
def test_fused_and_plain_give_the_same_bits(projection, rng):
    x, results = rng.standard_normal((4, 8, 8, 8)).astype(np.float32), []
    for fused in (True, False):
        layer = residual(8, 16, 0.3, 2, projection, rng=0, fused=fused)
        layer.set_dropout_key(77)
        y = layer.forward(x, training=True)
        results.append([y, layer.backward(y + 1), *layer.grads.values(), *layer.state.values(), layer.forward(x)])
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda: Residual(body(3, 5)),
            r"body gives shape \(8, 8, 5\), but the shortcut \(8, 8, 3\); they must be equal",
        ),
        (lambda: Residual(body(3, 5, stride=2), PadShortcut(3, 5)), r"\(4, 4, 5\), but the shortcut \(8, 8, 5\)"),
        (lambda: Residual(body(3, 5), PadShortcut(4, 5)), "^shortcut: PadShortcut takes maps .height, width, 4."),
        (lambda: Residual(body(4, 5), PadShortcut(3, 5)), "^body: conv: Conv2d takes maps .height, width, 4."),
    ],
)
def test_ways_that_do_not_fit_together_are_refused(make, says):
    layer = make()
    with pytest.raises(ShapeError, match=says):
        layer.output_shape((8, 8, 3))
    with pytest.raises(ShapeError, match=says):
        layer.forward(np.zeros((2, 8, 8, 3), np.float32), training=True)


def test_arguments_out_of_range_are_refused():
    for c_in, c_out, stride in ((4, 3, 1), (0, 3, 1), (3, 3, 0)):
        with pytest.raises(InputError, match="1 ≤ c_in ≤ c_out and 1 ≤ stride must hold"):
            PadShortcut(c_in, c_out, stride)
    relu = ReLU()
    with pytest.raises(InputError, match="stands in two places"):
        Residual(Sequential(relu=relu), Sequential(relu=relu))
