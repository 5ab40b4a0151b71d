"""The networks, built from config lists in the usual notation: widths of conv layers, 'M' for a 2×2 max-pool.

A layer is CBRD (Conv, BatchNorm, ReLU, Dropout) or FBRD (fully connected, then the same). A max-pool belongs to the
layer after it: that layer begins with the pool, and the auxiliary classifier before it sees the unpooled map.

By default BatchNorm, ReLU and dropout are one layer (layers/fused.py), and convolutions are computed in the fastest way
(layers/conv.py). With fused=False and conv="im2col", as in `--plain`, a network runs the plain layers instead.
Source: Lee, Lee & Jeon 2021, section III; tutorials/reference.md, "Networks".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minilocal.compute.streams import AUXILIARY_INIT, INIT, generator
from minilocal.errors import InputError, naming
from minilocal.layers import BatchNorm, BatchNormReLUDropout, Conv2d, Dropout, Flatten, Layer, Linear, MaxPool2d, ReLU
from minilocal.layers.sequential import Sequential
from minilocal.networks.auxiliary import CLASSIFIERS, own_classifier
from minilocal.networks.configs import Stage, architecture, check_task, fitting, parse_stages
from minilocal.networks.network import Network
from minilocal.schedule import Schedule, parse

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
    """Return one of `CONFIGS`, with its conv and FC widths and D multiplied by `width`, a power of two.

    The options are those of `build_network`. Raises `InputError` if the model is unknown, if the width is not a power
    of two or is too small, or if the model does not fit the images.
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
    """Return a network built from a config list, with the classifiers that the algorithm needs.

    Args:
        stages: the config list, such as "32 32 M 64 64 M" or [32, 32, "M", 64, 64, "M"].
        fc: widths of the fully connected layers after it; may be empty.
        image_shape: (height, width, channels) of the inputs.
        classes: number of classes, at least 2.
        algo: "BP", "G2", "G3S2", … or a `Schedule`; it decides which layers get an auxiliary classifier.
        features: D, the most features that an A1 classifier's Linear sees.
        classifier: "a1" or "a2".
        dropout: dropout rate of every layer.
        seed: of the initial weights; each layer has a random stream of its own.
        dtype: float32 to train, float64 to check gradients.
        conv: method of the convolutions: "im2col", "winograd", "dense", or "auto" for the fastest.
        fused: whether BatchNorm, ReLU and Dropout are one layer or three; both give the same bits.

    Raises `InputError` if something is out of range or does not fit the images.
    """
    check_task(image_shape, classes)
    if seed < 0:
        raise InputError(f"seed is {seed}; it must be at least 0")
    if classifier not in CLASSIFIERS:
        raise InputError(f"classifier {classifier!r} is unknown; choose from {', '.join(CLASSIFIERS)}")
    schedule = parse(algo) if isinstance(algo, str) else algo
    layers: list[Layer] = []
    auxiliary: dict[int, Layer] = {}
    shapes: list[tuple[int, ...]] = [tuple(image_shape)]  # of the image, and after each layer
    with fitting(image_shape):
        for number, stage in enumerate(parse_stages(stages, fc), 1):
            rng = generator(seed, INIT, number)
            layers.append(_layer(stage, shapes[-1], dropout, rng, dtype, conv, fused))
            with naming(f"layer {number}"):
                shapes.append(layers[-1].output_shape(shapes[-1]))
        schedule.check(len(layers))
        for number in schedule.classifiers(len(layers)):
            rng = generator(seed, AUXILIARY_INIT, number)
            if number < len(layers):
                auxiliary[number] = CLASSIFIERS[classifier](shapes[number], classes, features, rng, dtype)
            else:
                auxiliary[number] = own_classifier(shapes[number], classes, rng, dtype)
    return Network(layers, auxiliary, image_shape)


def _layer(
    stage: Stage, shape: tuple[int, ...], dropout: float, rng: Any, dtype: Any, conv: str, fused: bool
) -> Sequential:
    """Return a layer of a config list for inputs of that shape; the caller checks that a max-pool fits."""
    if stage.conv:
        return cbrd(shape[-1], stage.width, dropout, stage.pool, rng, dtype, fused, conv)
    d_in = max(1, math.prod(shape) // 4) if stage.pool else math.prod(shape)
    return fbrd(d_in, stage.width, dropout, stage.pool, rng, dtype, fused)


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
    """Return a conv layer: a 2×2 max-pool if pool, then Conv 3×3, BatchNorm, ReLU and Dropout.

    It turns maps (H, W, c_in) into maps (H, W, c_out), or half as high and wide if pool. `fused` and `conv` are those
    of `build_network`.
    """
    product = {"conv": Conv2d(c_in, c_out, rng=rng, dtype=dtype, method=conv)}
    return _around(product, c_out, dropout, pool, dtype, fused)


def fbrd(
    d_in: int,
    d_out: int,
    dropout: float = 0.05,
    pool: bool = False,
    rng: Any = 0,
    dtype: Any = np.float32,
    fused: bool = True,
) -> Sequential:
    """Return an FC layer: a 2×2 max-pool if pool, then Flatten, Linear, BatchNorm, ReLU and Dropout.

    It turns maps or vectors, of d_in numbers after the pool, into vectors of d_out.
    """
    product = {"flatten": Flatten(), "linear": Linear(d_in, d_out, bias=False, gain=2, rng=rng, dtype=dtype)}
    return _around(product, d_out, dropout, pool, dtype, fused)


def _around(product: dict[str, Any], width: int, dropout: float, pool: bool, dtype: Any, fused: bool) -> Sequential:
    """Return a whole layer: a max-pool if pool, the product (conv or Linear), then BatchNorm, ReLU and Dropout."""
    before: dict[str, Layer] = {"pool": MaxPool2d(2)} if pool else {}
    if fused:
        return Sequential(**before, **product, bn=BatchNormReLUDropout(width, dropout, dtype))
    return Sequential(**before, **product, bn=BatchNorm(width, dtype), relu=ReLU(), dropout=Dropout(dropout))
