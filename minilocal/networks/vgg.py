"""The networks, built from config lists in the field's notation: widths of conv layers, 'M' for a 2×2 max-pool.

A layer is CBRD (Conv, BatchNorm, ReLU, Dropout) or FBRD (fully connected, then the same). A max-pool belongs to
the way to the next layer, so it stands at that layer's front, and an auxiliary classifier sees the map before it.
Source: Lee, Lee & Jeon 2021, section III; tutorials/reference.md, "Networks".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minilocal.errors import InputError, ShapeError
from minilocal.layers import (
    BatchNorm,
    BatchNormReLUDropout,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
)
from minilocal.networks.auxiliary import CLASSIFIERS, own_classifier
from minilocal.networks.configs import architecture, check_task, fitting, parse_stages
from minilocal.networks.network import Network, output_shape, output_shapes
from minilocal.schedule import Schedule, parse
from minilocal.streams import AUXILIARY_INIT, INIT, generator

# The paper's dropout rates; 0.05 elsewhere.
DROPOUT = {
    ("vgg11b", "cifar10"): 0.2,
    ("vgg11bx2", "cifar10"): 0.25,
    ("vgg11b", "cifar100"): 0.1,
    ("vgg11bx2", "cifar100"): 0.1,
}


def build_vgg(
    model: str,
    image_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    algo: str | Schedule = "BP",
    width: float = 1.0,
    **options: Any,
) -> Network:
    """Return one of `CONFIGS`, its conv and FC widths and D multiplied by `width`, a power of two.

    Options are those of `build_network`. Raises `InputError` for an unknown model, a width that is no power of two
    or too small, or a model that does not fit the images.
    """
    config = architecture(model, width)
    return build_network(config.stages, config.fc, image_shape, classes, algo, features=config.features, **options)


def build_network(
    stages: str | Sequence[int | str],
    fc: Sequence[int],
    image_shape: tuple[int, int, int],
    classes: int,
    algo: str | Schedule = "BP",
    *,
    features: int = 2048,
    classifier: str = "a1",
    dropout: float = 0.05,
    seed: int = 0,
    dtype: Any = np.float32,
    conv: str = "auto",
    fused: bool = True,
) -> Network:
    """Return a network built from stages, with the classifiers that the algorithm needs.

    Args:
        stages: conv widths and 'M's, as a list or as a string such as "32 32 M 64 64 M".
        fc: widths of the fully connected layers behind them, possibly none.
        image_shape: (height, width, channels) of the inputs.
        classes: number of classes, at least 2.
        algo: "BP", "G2", "G3S2", … or a `Schedule`: it decides which layers get an auxiliary classifier.
        features: D, the most numbers that an A1 classifier's Linear sees.
        classifier: "a1" or "a2".
        dropout: rate of every layer's dropout.
        seed: of the initial weights; each layer has a stream of its own.
        dtype: float32 to train, float64 to check gradients.
        conv: how convolutions are computed: "im2col", "winograd", "dense", or "auto", by shape.
        fused: whether one layer does the work of BatchNorm, ReLU and Dropout, or three do; the numbers are the same.

    Raises `InputError` if something is out of range or does not fit the images.
    """
    check_task(image_shape, classes)
    if seed < 0:
        raise InputError(f"seed is {seed}; it must be at least 0")
    if classifier not in CLASSIFIERS:
        raise InputError(f"classifier {classifier!r} is unknown; choose from {', '.join(CLASSIFIERS)}")
    schedule = parse(algo) if isinstance(algo, str) else algo
    with fitting(image_shape):
        layers = _layers(stages, fc, image_shape, dropout, seed, conv, dtype=dtype, fused=fused)
        schedule.check(len(layers))
        auxiliary = _classifiers(layers, image_shape, classes, schedule, features, classifier, seed, dtype)
    return Network(layers, auxiliary, image_shape)


def _classifiers(
    layers: Sequence[Layer],
    image_shape: tuple[int, ...],
    classes: int,
    schedule: Schedule,
    features: int,
    classifier: str,
    seed: int,
    dtype: Any,
) -> dict[int, Layer]:
    """Return the classifiers that the schedule ever activates, by layer."""
    shapes = output_shapes(layers, image_shape)
    auxiliary: dict[int, Layer] = {}
    for number in schedule.classifiers(len(layers)):
        shape, rng = shapes[number - 1], generator(seed, AUXILIARY_INIT, number)
        if number == len(layers):
            auxiliary[number] = own_classifier(shape, classes, rng, dtype)
            continue
        try:
            auxiliary[number] = CLASSIFIERS[classifier](shape, classes, features, rng, dtype)
        except ShapeError as error:
            raise ShapeError(f"auxiliary classifier of layer {number}: {error}") from None
    return auxiliary


def cbrd(
    c_in: int,
    c_out: int,
    dropout: float = 0.05,
    pool: bool = False,
    rng: Any = 0,
    dtype: Any = np.float32,
    fused: bool = True,
    conv: str = "auto",
) -> Sequential:
    """Return a conv layer (Conv 3×3, BatchNorm, ReLU, Dropout), with a 2×2 max-pool at its front if pool.

    fused makes one layer of the last three, which computes the same; conv is `Conv2d`'s method.
    """
    front: dict[str, Layer] = {"pool": MaxPool2d(2)} if pool else {}
    convolution = Conv2d(c_in, c_out, rng=rng, dtype=dtype, method=conv)
    return Sequential(**front, conv=convolution, **_brd(c_out, dropout, dtype, fused))


def fbrd(
    d_in: int,
    d_out: int,
    dropout: float = 0.05,
    pool: bool = False,
    rng: Any = 0,
    dtype: Any = np.float32,
    fused: bool = True,
) -> Sequential:
    """Return an FC layer (Linear, BatchNorm, ReLU, Dropout) that flattens maps, max-pooled 2×2 first if pool."""
    front: dict[str, Layer] = {"pool": MaxPool2d(2)} if pool else {}
    linear = Linear(d_in, d_out, bias=False, gain=2, rng=rng, dtype=dtype)
    return Sequential(**front, flatten=Flatten(), linear=linear, **_brd(d_out, dropout, dtype, fused))


def _brd(width: int, dropout: float, dtype: Any, fused: bool) -> dict[str, Layer]:
    """Return BatchNorm, ReLU and Dropout, or the one layer that does the work of all three."""
    if fused:
        return {"bn": BatchNormReLUDropout(width, dropout, dtype)}
    return {"bn": BatchNorm(width, dtype), "relu": ReLU(), "dropout": Dropout(dropout)}


def _layers(
    stages: str | Sequence[int | str],
    fc: Sequence[int],
    image_shape: tuple[int, int, int],
    dropout: float,
    seed: int,
    conv: str,
    **options: Any,
) -> list[Layer]:
    layers: list[Layer] = []
    shape: tuple[int, ...] = tuple(image_shape)
    for number, (is_conv, width, pool) in enumerate(parse_stages(stages, fc), 1):
        rng = generator(seed, INIT, number)
        if is_conv:
            layer = cbrd(shape[-1], width, dropout, pool, rng, conv=conv, **options)
        else:
            size_in = (
                -(-math.prod(shape) // 4) if pool else math.prod(shape)
            )  # a map that has no quarter is refused below
            layer = fbrd(size_in, width, dropout, pool, rng, **options)
        shape = output_shape(number, layer, shape)
        layers.append(layer)
    return layers
