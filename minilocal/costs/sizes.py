"""How large each layer and classifier is, from shapes alone.

MACs are the multiply-adds of one image's forward pass as im2col products, padding included. Weights are those of
convolutions and linear layers, which the paper calls parameters; like the paper, we leave out biases and BatchNorm.
Source: tutorials/reference.md, "Cost model"; Lee, Lee & Jeon 2021, section III.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from minilocal.errors import InputError, ShapeError
from minilocal.networks.configs import Stage, a1_window, a2_windows, parse_stages

Shape = tuple[int, ...]


@dataclass(frozen=True)
class LayerSize:
    """A layer's size, per image.

    Attributes:
        macs: multiply-adds of its forward pass.
        weights: number of its weights.
        output: shape of x_i as its auxiliary classifier sees it, before any max-pool.
        passed: shape of x_i as the product of the next layer, or A_K, sees it, after any pool.
        stored: how many numbers the products of a step need to have stored: those of `passed`, and inside a residual
            block the input of its second convolution.
        inner_macs: multiply-adds of that second convolution, whose input is not the layer's own.
        kept: how many numbers it keeps for backward: its input, the input of each BatchNorm, the output of each ReLU.
        frozen_macs: multiply-adds of the whitening in front of it, which has no gradients.
        frozen_weights: the whitening's weights, which are not among `weights`.
    """

    macs: int
    weights: int
    output: Shape
    passed: Shape
    stored: int
    inner_macs: int
    kept: int
    frozen_macs: int = 0
    frozen_weights: int = 0


class ClassifierSize(NamedTuple):
    """The forward multiply-adds per image of a loss's own layers, mostly a classifier, and the number of their weights.

    `first_macs` are the multiply-adds of their first products, whose input gradients are what the block learns from.
    """

    macs: int
    weights: int
    first_macs: int

    @property
    def idle_macs(self) -> int:
        """Multiply-adds of a step in which it learns while idle, and so passes no gradient to its layer."""
        return 3 * self.macs - self.first_macs


def layer_sizes(stages: str | Sequence[int | str], fc: Sequence[int], image_shape: Shape) -> list[LayerSize]:
    """Return the sizes of the K layers of a config list.

    Raises `ShapeError`, which names the layer, if a max-pool does not fit.

    >>> for layer in layer_sizes("16 M", [10], (8, 8, 3)):
    ...     print(layer.macs, layer.weights, layer.output, layer.stored)
    27648 432 (8, 8, 16) 256
    2560 2560 (10,) 10
    """
    parsed = parse_stages(stages, fc)
    inputs: list[Shape] = []  # of each layer's product, after any max-pool
    outputs: list[Shape] = []
    shape = image_shape
    for number, stage in enumerate(parsed, 1):
        inputs.append(_pooled(shape, (2, 2), f"layer {number}: pool") if stage.pool else shape)
        shape = (stage.width,)
        if stage.kind != "fc":  # padding keeps the map's size, up to the stride
            shape = (*(-(-side // stage.stride) for side in inputs[-1][:2]), stage.width)
        outputs.append(shape)
    passed = (*inputs[1:], shape[-1:] if parsed[-1].average else shape)
    channels, frozen = inputs[0][-1], 0
    if parsed[0].whiten:  # 3×3 kernels, from C to 8C channels
        inputs[0], frozen = (*inputs[0][:-1], 8 * channels), 72 * channels**2
    first, *others = (_layer_size(*sizes) for sizes in zip(parsed, inputs, outputs, passed, strict=True))
    return [replace(first, frozen_macs=math.prod(image_shape[:2]) * frozen, frozen_weights=frozen), *others]


def _layer_size(stage: Stage, x: Shape, y: Shape, passed: Shape) -> LayerSize:
    """Return the size of a layer with input x, after any max-pool, and output y; the next product sees `passed`."""
    block, projection = stage.kind in ("residual", "projection"), stage.kind == "projection"
    taps, pixels, numbers = stage.kernel**2, math.prod(y[:-1]), math.prod(y)
    first = math.prod(x) * stage.width if stage.kind == "fc" else (taps + projection) * x[-1] * stage.width
    second = taps * stage.width**2 if block else 0
    return LayerSize(
        macs=pixels * (first + second),
        weights=first + second,
        output=y,
        passed=passed,
        stored=math.prod(passed) + (numbers if block else 0),
        inner_macs=pixels * second,
        kept=math.prod(x) + numbers * ((4 if block else 2) + projection),
    )


def own_size(shape: Shape, classes: int) -> ClassifierSize:
    """Return the size of A_K, one Linear, for x_K of that shape."""
    size = math.prod(shape) * classes
    return ClassifierSize(size, size, size)


def a1_size(shape: Shape, classes: int, features: int) -> ClassifierSize:
    """Return the size of A1 for x_i of that shape: pooling to at most `features` numbers, and one Linear."""
    pooled = math.prod(shape) // math.prod(a1_window(shape, features) if len(shape) == 3 else (1,))
    return own_size((pooled,), classes)


def a2_size(shape: Shape, classes: int, features: int) -> ClassifierSize:
    """Return the size of A2 for x_i of that shape: three 1×1 convolutions C → C, three Linears d → d, and one more."""
    if len(shape) == 1:
        return a1_size(shape, classes, features)
    first, second = a2_windows(shape)
    pooled = math.prod(shape) // math.prod(first)
    d = pooled // math.prod(second)
    conv, linear = shape[2] ** 2, d * d
    pixels = pooled // shape[2]
    weights = 3 * conv + 3 * linear + d * classes
    return ClassifierSize(weights + 3 * (pixels - 1) * conv, weights, pixels * conv)


def similarity_size(shape: Shape) -> ClassifierSize:
    """Return the size of similarity matching's branch for x_i of that shape: a 3×3 convolution, or a Linear."""
    weights = 9 * shape[2] ** 2 if len(shape) == 3 else shape[0] ** 2
    macs = math.prod(shape[:-1]) * weights
    return ClassifierSize(macs, weights, macs)


SIZES = {"a1": a1_size, "a2": a2_size}


def classifier_sizes(
    layers: Sequence[LayerSize], numbers: Sequence[int], classes: int, kind: str, features: int, local_loss: str = "ce"
) -> dict[int, ClassifierSize]:
    """Return the sizes of what local losses train on the layers with these numbers; the last layer has A_K.

    The kind of classifiers is "a1" or "a2"; raises `InputError` if it is neither. The products of similarity itself,
    N·D multiply-adds per image and as many for its gradient, are not counted.
    """
    if kind not in SIZES:
        raise InputError(f"classifier {kind!r} is unknown; choose from {', '.join(SIZES)}")
    sizes = {}
    for number in numbers:
        layer, own = layers[number - 1], number == len(layers)
        sizes[number] = own_size(layer.passed, classes) if own else SIZES[kind](layer.output, classes, features)
        if local_loss == "predsim":
            both = zip(sizes[number], similarity_size(layer.output), strict=True)
            sizes[number] = ClassifierSize(*(prediction + similarity for prediction, similarity in both))
        elif local_loss == "sim" and not own:
            sizes[number] = similarity_size(layer.output)
    return sizes


def _pooled(shape: Shape, window: tuple[int, int], name: str) -> Shape:
    (h, w), (height, width, channels) = window, shape
    if height % h or width % w:
        raise ShapeError(f"{name}: a {h}×{w} pooling window does not divide a {height}×{width} map")
    return height // h, width // w, channels
