"""What holds for every layer: NaNs stay visible, threads change nothing, gradients and memory are handled alike.

Also the arguments and inputs that layers refuse.
"""

from functools import partial

import numpy as np
import pytest

from minilocal.compute import parallel
from minilocal.errors import InputError
from minilocal.layers import (
    AvgPool2d,
    BatchNorm,
    BatchNormReLUDropout,
    Conv2d,
    Deviation,
    Dropout,
    Flatten,
    Linear,
    MaxPool2d,
    ReLU,
    winograd,
)
from minilocal.layers.sequential import leaves
from minilocal.networks.auxiliary import a1, a2, similarity_branch
from minilocal.networks.vgg import cbrd, fbrd, residual

POOLS = (MaxPool2d, AvgPool2d)
MAP, VECTOR = (4, 4, 4, 3), (4, 6)
LAYERS = {
    "im2col": (lambda: Conv2d(3, 5, method="im2col", rng=0), MAP),
    "im2col 1×1": (lambda: Conv2d(3, 5, 1, padding=0, bias=True, rng=0), MAP),
    "Winograd": (lambda: Conv2d(8, 16, method="winograd", rng=0), (4, 8, 4, 8)),
    "direct": (lambda: Conv2d(3, 8, method="direct", rng=0), (4, 8, 9, 3)),
    "dense": (lambda: Conv2d(3, 5, method="dense", rng=0), (4, 2, 2, 3)),
    "BatchNorm": (lambda: BatchNorm(3), MAP),
    "BatchNorm of vectors": (lambda: BatchNorm(6), VECTOR),
    "ReLU": (ReLU, MAP),
    "Dropout": (lambda: Dropout(1e-6, key=3), MAP),
    "fused": (lambda: BatchNormReLUDropout(3, 1e-6, key=3), MAP),
    "max-pool": (lambda: MaxPool2d(2), MAP),
    "average pool": (lambda: AvgPool2d((4, 2)), MAP),
    "Deviation": (Deviation, MAP),
    "Flatten": (Flatten, MAP),
    "Linear": (lambda: Linear(6, 5, rng=0), VECTOR),
    "CBRD": (lambda: cbrd(3, 5, 0.1, pool=True, rng=0), MAP),
    "FBRD": (lambda: fbrd(6, 5, 0.1, rng=0), VECTOR),
    "residual block": (lambda: residual(3, 3, 1e-6, rng=0), MAP),
    "residual block, padded": (lambda: residual(3, 5, 1e-6, stride=2, rng=0), (4, 5, 4, 3)),
    "residual block, projected": (lambda: residual(3, 5, 1e-6, stride=2, projection=True, rng=0), (4, 5, 4, 3)),
    "similarity branch": (lambda: similarity_branch((4, 4, 3), rng=0), MAP),
    "A1": (lambda: a1((4, 4, 3), 5, 12, rng=0), MAP),
    "A2": (lambda: a2((8, 8, 3), 5, 12, rng=0), (4, 8, 8, 3)),
}
each_layer = pytest.mark.parametrize(("make", "shape"), LAYERS.values(), ids=LAYERS)
quiet = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def normal(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


@quiet
@each_layer
@pytest.mark.parametrize("training", [False, True])
def test_a_nan_in_an_image_shows_in_its_output(make, shape, training, rng):
    for place in (0, 3, 12, 15, 17, -1):  # also each place of a pooling window
        x = normal(rng, *shape)
        x.flat[place] = np.nan
        image = int(np.flatnonzero(np.isnan(x.reshape(len(x), -1)).any(axis=1))[0])
        assert np.isnan(make().forward(x, training)[image]).any()


@quiet
@each_layer
def test_a_nan_in_dy_shows_in_all_gradients(make, shape, rng):
    for place in (0, -1, 7):
        layer, x = make(), normal(rng, *shape)
        y = layer.forward(x, training=True)
        dy = normal(rng, *y.shape)
        alive = np.flatnonzero(y)  # no gradient passes where ReLU or dropout has left a zero
        dy.flat[alive[place % len(alive)]] = np.nan
        assert np.isnan(layer.backward(dy)).any()
        for name, gradient in layer.grads.items():
            assert np.isnan(gradient).any(), name


@each_layer
def test_without_need_dx_only_the_parameters_gradients_are_computed(make, shape, rng):
    layer = make()
    dy = normal(rng, *layer.forward(normal(rng, *shape), training=True).shape)
    layer.backward(dy)
    expected = {name: gradient.copy() for name, gradient in layer.grads.items()}
    for gradient in layer.grads.values():
        gradient[...] = np.nan
    assert layer.backward(dy, need_dx=False) is None
    for name, gradient in layer.grads.items():
        np.testing.assert_array_equal(gradient, expected[name], err_msg=name)


@each_layer
def test_a_released_layer_keeps_nothing_and_says_what_backward_needs(make, shape, rng):
    layer = make()
    y = layer.forward(normal(rng, *shape), training=True)
    layer.release()
    for leaf in leaves(layer):
        assert all(getattr(leaf, name) is None for name in leaf.kept)
    with pytest.raises(RuntimeError, match=r"backward needs forward\(x, training=True\) first"):
        layer.backward(y)


@pytest.mark.parametrize(
    ("make", "shape", "says"),
    [
        (lambda: Conv2d(2, 3, rng=0), (4, 4, 2), r"takes maps \(height, width, 2\), not of shape \(4, 2\)"),
        (lambda: Conv2d(2, 3, rng=0), (1, 4, 4, 3), r"takes maps \(height, width, 2\)"),
        (lambda: Conv2d(3, 2, rng=0), MAP, r"Conv2d takes float32 and got uint8; use x.astype\(np.float32\)"),
        (lambda: Conv2d(2, 3, stride=0, rng=0), MAP, "must be at least 1"),
        (lambda: Linear(3, 2, rng=0), (1, 4), "vectors of 3 numbers"),
        (lambda: Linear(3, 2, rng=0), (1, 1, 3), "vectors of 3 numbers"),
        (lambda: Linear(0, 2, rng=0), VECTOR, "at least 1"),
        (lambda: BatchNorm(3), (2, 4), "takes 3 channels"),
        (lambda: BatchNorm(3), (1, 3), "at least 2 values per channel"),
        (lambda: BatchNorm(0), VECTOR, "at least 1"),
        *((partial(Dropout, rate), MAP, "at least 0 and below 1") for rate in (-0.1, 1, 1.5, float("nan"))),
        (lambda: BatchNormReLUDropout(3, 1), MAP, "dropout rate is 1"),
        *((partial(pool, 2), (1, 5, 4, 1), "2×2 pooling window does not divide a 5×4 map") for pool in POOLS),
        *((partial(pool, 2), (1, 4), "takes maps") for pool in POOLS),
        *((partial(pool, 0), MAP, "at least 1") for pool in POOLS),
    ],
)
def test_bad_inputs_are_refused(make, shape, says):
    dtype = np.uint8 if "uint8" in says else np.float32
    with pytest.raises(InputError, match=says):
        make().forward(np.zeros(shape, dtype), training=True)


def unaligned(a):
    return np.frombuffer(b"\0" + a.tobytes(), np.uint8)[1:].view(a.dtype).reshape(a.shape)


ODD_BUT_EQUAL = {
    "Fortran order": np.asfortranarray,
    "every second number": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "every second sample": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "backwards in every axis": lambda a: np.ascontiguousarray(np.flip(a))[(slice(None, None, -1),) * a.ndim],
    "part of a larger array": lambda a: np.pad(a, 1)[(slice(1, -1),) * a.ndim],
    "channels first in memory": lambda a: np.moveaxis(np.ascontiguousarray(np.moveaxis(a, -1, 1)), 1, -1),
    "read-only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
    "unaligned": unaligned,
}
OTHER_TYPES = {
    **{f"{dtype}": lambda a, dtype=dtype: (100 * a).astype(dtype) for dtype in ("?", *"BbilegFDO", ">f4")},
    "the other type": lambda a: a.astype(np.float64),
    "list": lambda a: a.tolist(),
    "None": lambda a: None,
    "number": lambda a: 1.0,
    "masked": lambda a: np.ma.masked_less(a, 0),
    "record": lambda a: a.view(np.recarray),
}
OTHER_SHAPES = {
    **{f"axis {n} longer": lambda a, n=n: np.concatenate([a, a.take([0], n)], n) for n in (0, 1, 2, 3)},
    **{f"axis {n} shorter": lambda a, n=n: a.take(range(a.shape[n] - 1), n) for n in (0, 1, 2, 3)},
    **{f"axis {n} empty": lambda a, n=n: a.take([], n) for n in (0, 1, 2, 3)},
    "one sample": lambda a: a[:1],
    "no samples' axis": lambda a: a[0],
    "an axis more": lambda a: a[None],
    "an axis more at the end": lambda a: a[..., None],
    "flat": lambda a: a.reshape(-1),
    "rows": lambda a: a.reshape(len(a), -1),
    "one number": lambda a: a.reshape(-1)[0:1].reshape(()),
    "transposed": lambda a: a.T,
    "19 channels": lambda a: np.ones((*a.shape[:-1], 19), a.dtype),
}


def both_ways(layer, x, dy):
    """Return y, dx and the gradients as bytes."""
    layer.set_dropout_key(7)
    results = [layer.forward(x, training=True), layer.backward(dy), *layer.grads.values(), layer.forward(x)]
    return [(result.shape, result.tobytes()) for result in results]


@each_layer
def test_arrays_in_any_order_in_memory_give_the_same_bits(make, shape, rng):
    x = normal(rng, *shape)
    dy = normal(rng, *make().forward(x).shape)
    expected = both_ways(make(), x, dy)
    for name, odd in ODD_BUT_EQUAL.items():
        assert np.array_equal(odd(x), x)
        assert both_ways(make(), odd(x), odd(dy)) == expected, name


@each_layer
def test_other_types_and_shapes_of_x_are_refused_or_computed(make, shape, rng):
    x, computed = normal(rng, *shape), 0
    for name, odd in (OTHER_TYPES | OTHER_SHAPES).items():
        try:
            other = odd(x)
        except (IndexError, ValueError):  # x has no such axis
            continue
        layer = make()
        try:
            y = layer.forward(other)
        except InputError:
            continue
        assert name in OTHER_SHAPES or (name == "the other type" and not layer.params), name
        assert y.shape == (len(other), *layer.output_shape(other.shape[1:])), name
        assert np.isfinite(y).all()
        computed += 1
    assert computed  # other numbers of samples at least


@each_layer
def test_a_dy_unlike_y_is_refused_before_anything_is_written(make, shape, rng):
    layer, x = make(), normal(rng, *shape)
    dy = normal(rng, *layer.forward(x, training=True).shape)
    for gradient in layer.grads.values():
        gradient[...] = 5
    for odd in (OTHER_TYPES | OTHER_SHAPES).values():
        try:
            other = odd(dy)
        except (IndexError, ValueError):
            continue
        if np.shape(other) == dy.shape and getattr(other, "dtype", None) == dy.dtype and type(other) is np.ndarray:
            continue  # rows of rows, say
        with pytest.raises(InputError, match=r"\.backward takes "):
            layer.backward(other)
    assert all((gradient == 5).all() for gradient in layer.grads.values())
    layer.backward(dy)


def test_the_sentences_name_what_a_layer_takes():
    layer = Conv2d(16, 16, rng=0)
    layer.forward(np.ones((2, 8, 8, 16), np.float32), training=True)
    wanted = r"Conv2d.backward takes float32 of shape \(2, 8, 8, 16\), like its y, not float32 of shape \(2, 8, 8, 19\)"
    with pytest.raises(InputError, match=wanted):
        layer.backward(np.ones((2, 8, 8, 19), np.float32))
    with pytest.raises(InputError, match=r"AvgPool2d takes float32 and got uint8; use x.astype\(np.float32\)"):
        AvgPool2d(2).forward(np.full((1, 2, 2, 1), 200, np.uint8))
    with pytest.raises(InputError, match=r"ReLU takes a NumPy array, not a list; use np.asarray"):
        ReLU().forward([1.0, -1.0])
    with pytest.raises(InputError, match=r"ReLU got x of shape \(0, 3\), in which there is nothing to compute with"):
        ReLU().forward(np.ones((0, 3), np.float32), training=True)


class Padded(Linear):
    """A layer of a user's own, on top of another, for x with a column less and y with a column more."""

    def forward(self, x, training=False):
        y = super().forward(np.pad(x, ((0, 0), (0, 1))), training)
        return np.pad(y, ((0, 0), (0, 1)))

    def backward(self, dy, need_dx=True):
        dx = super().backward(dy[:, :-1].copy(), need_dx)
        return dx[:, :-1] if need_dx else None

    def output_shape(self, shape):
        return (super().output_shape((shape[0] + 1,))[0] + 1,)


def test_a_layer_of_ones_own_is_checked_by_its_own_shapes(rng):
    x, dy = rng.standard_normal((5, 3)), rng.standard_normal((5, 3))
    layer, inner = Padded(4, 2, rng=0, dtype=np.float64), Linear(4, 2, rng=0, dtype=np.float64)
    assert layer.forward(x, training=True).shape == (5, 3)
    inner.forward(np.pad(x, ((0, 0), (0, 1))), training=True)
    np.testing.assert_array_equal(layer.backward(dy), inner.backward(dy[:, :2].copy())[:, :3])
    for wrong in (dy[:, :2], dy.astype(np.float32)):
        with pytest.raises(InputError, match=r"Padded.backward takes float64 of shape \(5, 3\), like its y"):
            layer.backward(wrong)
    with pytest.raises(InputError, match="Linear takes vectors of 4"):
        layer.forward(np.zeros((5, 4)))


THREADED = {
    "im2col": (lambda: Conv2d(16, 24, method="im2col", rng=0), (37, 8, 8, 16)),
    "Winograd": (lambda: Conv2d(16, 24, method="winograd", rng=0), (37, 8, 8, 16)),
    "Winograd by BLAS": (lambda: Conv2d(16, 24, method="winograd", rng=0), (37, 8, 8, 16)),
    "direct": (lambda: Conv2d(3, 24, method="direct", rng=0), (37, 8, 8, 3)),
    "dense": (lambda: Conv2d(16, 24, method="dense", rng=0), (37, 2, 2, 16)),
    "BatchNorm": (lambda: BatchNorm(24), (64, 16, 16, 24)),
    "fused": (lambda: BatchNormReLUDropout(24, 0.2, key=5), (64, 16, 16, 24)),
    "ReLU": (ReLU, (64, 16, 16, 24)),
    "Dropout": (lambda: Dropout(0.1, key=99), (64, 16, 16, 24)),
    "max-pool": (lambda: MaxPool2d(2), (37, 8, 8, 16)),
    "average pool": (lambda: AvgPool2d(2), (37, 8, 8, 16)),
    "Linear": (lambda: Linear(300, 200, rng=0), (1100, 300)),
    "residual": (lambda: residual(16, 24, 0.1, stride=2, rng=0), (64, 16, 16, 16)),
}


@pytest.mark.parametrize("name", THREADED)
def test_no_bit_depends_on_the_number_of_threads(name, rng, monkeypatch):
    if name == "Winograd by BLAS":
        monkeypatch.setattr(winograd, "WIDE", 1)
        monkeypatch.setattr(winograd, "BATCH_TILES", 64)
    make, shape = THREADED[name]
    x, results = normal(rng, *shape), []
    for threads in (1, 2, 4):
        parallel.set_threads(threads)
        layer = make()
        y = layer.forward(x, training=True)
        results.append([y, layer.backward(y + 1), *layer.grads.values(), *layer.state.values()])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
