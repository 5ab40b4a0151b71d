"""How large each layer and classifier is, from shapes alone.

MACs are the multiply-adds of one image's forward pass as im2col products, padding included. Weights are those of
convolutions and linear layers, which the paper calls parameters; like the paper, we leave out biases and BatchNorm.
Source: tutorials/reference.md, "Cost model"; Lee, Lee & Jeon 2021, section III.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from minilocal.errors import InputError, ShapeError
from minilocal.networks.configs import a1_window, a2_windows, parse_stages

Shape = tuple[int, ...]


@dataclass(frozen=True)
class LayerSize:
    """A layer's size, per image.

    Attributes:
        macs: multiply-adds of its forward pass.
        weights: number of its weights.
        output: shape of x_i as its auxiliary classifier sees it, before any max-pool.
        stored: how many numbers of x_i the product of the next layer needs, after any max-pool.
    """

    macs: int
    weights: int
    output: Shape
    stored: int


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
    ...     print(layer)
    LayerSize(macs=27648, weights=432, output=(8, 8, 16), stored=256)
    LayerSize(macs=2560, weights=2560, output=(10,), stored=10)
    """
    inputs: list[Shape] = []  # of each layer's product, after any max-pool
    outputs: list[Shape] = []
    weights: list[int] = []
    shape = image_shape
    for number, (is_conv, width, pool) in enumerate(parse_stages(stages, fc), 1):
        inputs.append(_pooled(shape, (2, 2), f"layer {number}: pool") if pool else shape)
        if is_conv:  # 3×3, stride 1, padding 1
            shape = (*inputs[-1][:2], width)
            weights.append(9 * inputs[-1][2] * width)
        else:
            shape = (width,)
            weights.append(math.prod(inputs[-1]) * width)
        outputs.append(shape)
    return [
        LayerSize(math.prod(output[:-1]) * weight, weight, output, math.prod(stored))
        for weight, output, stored in zip(weights, outputs, (*inputs[1:], shape), strict=True)
    ]


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
        output, own = layers[number - 1].output, number == len(layers)
        sizes[number] = own_size(output, classes) if own else SIZES[kind](output, classes, features)
        if local_loss == "predsim":
            both = zip(sizes[number], similarity_size(output), strict=True)
            sizes[number] = ClassifierSize(*(prediction + similarity for prediction, similarity in both))
        elif local_loss == "sim" and not own:
            sizes[number] = similarity_size(output)
    return sizes


def _pooled(shape: Shape, window: tuple[int, int], name: str) -> Shape:
    (h, w), (height, width, channels) = window, shape
    if height % h or width % w:
        raise ShapeError(f"{name}: a {h}×{w} pooling window does not divide a {height}×{width} map")
    return height // h, width // w, channels
