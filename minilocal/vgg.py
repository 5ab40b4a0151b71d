"""The networks, as config lists in the field's notation: widths of conv layers, 'M' for a 2×2 max-pool.

A layer is CBRD (Conv, BatchNorm, ReLU, Dropout) or FBRD (fully connected, then the same). A max-pool belongs to
the way to the next layer, so it stands at that layer's front, and an auxiliary classifier sees the map before it.
Source: Lee, Lee & Jeon 2021, section III; tutorials/reference.md, "Networks".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from minilocal.auxiliary import CLASSIFIERS, own_classifier
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
from minilocal.network import Network, shape_behind, shapes_behind
from minilocal.schedule import Schedule, parse
from minilocal.streams import AUXILIARY_INIT, INIT, generator


@dataclass(frozen=True)
class Architecture:
    """A network's stages, its FC widths, and D, the number of features that its A1 classifiers see."""

    stages: str
    fc: tuple[int, ...]
    features: int


CONFIGS = {
    "vgg8b": Architecture("128 256 M 256 512 M 512 M 512 M", (1024,), 4096),
    "vgg11b": Architecture("128 128 128 256 M 256 512 M 512 512 M 512 M", (1024,), 4096),
    "vgg11bx2": Architecture("256 256 256 512 M 512 1024 M 1024 1024 M 1024 M", (1024,), 4096),
    "vgg16": Architecture("64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M", (1024, 1024), 2048),
    "vgg19": Architecture(
        "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M", (1024, 1024), 2048
    ),
}

# The paper's dropout rates; 0.05 elsewhere.
DROPOUT = {
    ("vgg11b", "cifar10"): 0.2,
    ("vgg11bx2", "cifar10"): 0.25,
    ("vgg11b", "cifar100"): 0.1,
    ("vgg11bx2", "cifar100"): 0.1,
}


def architecture(model: str) -> Architecture:
    """Return one of `CONFIGS` by name; `InputError` lists them if it is unknown."""
    if model not in CONFIGS:
        raise InputError(f"model {model!r} is unknown; choose from {', '.join(CONFIGS)}")
    return CONFIGS[model]


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
    config = architecture(model)
    if not 0 < width <= 8 or math.frexp(width)[0] != 0.5:
        raise InputError(f"width is {width}; it must be a power of two up to 8, such as 0.125, 0.5, 1 or 2")

    def scale(size: int) -> int:
        if size * width < 1:
            raise InputError(f"width {width} leaves {size * width} channels of {model}'s {size}; use a larger one")
        return int(size * width)

    return build_network(
        [stage if stage == "M" else scale(int(stage)) for stage in config.stages.split()],
        [scale(size) for size in config.fc],
        image_shape,
        classes,
        algo,
        features=scale(config.features),
        **options,
    )


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
    if len(image_shape) != 3 or min(image_shape) < 1:
        raise InputError(f"image shape is {image_shape}; it must be (height, width, channels)")
    if seed < 0:
        raise InputError(f"seed is {seed}; it must be at least 0")
    if classes < 2:
        raise InputError(f"classes is {classes}; a classifier needs at least 2")
    if classifier not in CLASSIFIERS:
        raise InputError(f"classifier {classifier!r} is unknown; choose from {', '.join(CLASSIFIERS)}")
    schedule = parse(algo) if isinstance(algo, str) else algo
    try:
        layers = _layers(stages, fc, image_shape, dropout, seed, conv, dtype=dtype, fused=fused)
        schedule.check(len(layers))
        auxiliary = _classifiers(layers, image_shape, classes, schedule, features, classifier, seed, dtype)
    except ShapeError as error:
        size = "×".join(map(str, image_shape))
        raise ShapeError(f"{size} images do not fit the network: {error}; resize or pad them, to 32×32 say") from None
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
    shapes = shapes_behind(layers, image_shape)
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

    fused makes one layer of the last three, which computes the same; conv names `Conv2d`'s algorithm.
    """
    front: dict[str, Layer] = {"pool": MaxPool2d(2)} if pool else {}
    convolution = Conv2d(c_in, c_out, rng=rng, dtype=dtype, algorithm=conv)
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
    pool = False  # whether a max-pool stands in front of the next layer

    def append(make: Callable[..., Sequential], size_in: int, size_out: int) -> None:
        nonlocal shape, pool
        number = len(layers) + 1
        layer = make(size_in, size_out, dropout, pool, generator(seed, INIT, number), **options)
        shape, pool = shape_behind(number, layer, shape), False
        layers.append(layer)

    for stage in stages.split() if isinstance(stages, str) else stages:
        if stage != "M":
            append(partial(cbrd, conv=conv), shape[-1], _width(stage))
        elif layers and not pool:
            pool = True
        else:
            raise InputError(f"stages {stages!r}: every 'M' must follow the width of a conv layer")
    for size in fc:
        append(fbrd, math.prod(shape) // (4 if pool else 1), _width(size))
    if pool or not layers:
        raise InputError(f"stages {stages!r} and fc {list(fc)!r} must end with a layer")
    return layers


def _width(size: int | str) -> int:
    if not str(size).isdecimal() or int(size) == 0:
        raise InputError(f"stages and fc hold {size!r}; use positive whole widths, and 'M' for a max-pool")
    return int(size)
