"""The auxiliary classifiers: A1, A2, and the network's own, A_K; and the branch in front of similarity matching.

An auxiliary classifier turns a layer's output into class scores, so that the layer has a loss of its own to learn from.
Source: Lee, Lee & Jeon 2021, section III-A and Fig. 5; tutorials/reference.md, "Auxiliary classifiers".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minilocal.errors import ShapeError
from minilocal.layers import AvgPool2d, BatchNorm, Conv2d, Deviation, Flatten, Layer, Linear, ReLU, Sequential
from minilocal.networks.configs import a1_window, a2_windows


def a1(shape: tuple[int, ...], classes: int, features: int, rng: Any, dtype: Any = np.float32) -> Sequential:
    """Return A1 for layer outputs of that shape: average pooling, one Linear, BatchNorm.

    A map (H, W, C) is pooled by the smallest window in the series 1×1, 2×1, 2×2, 4×2, … that leaves at most `features`
    numbers, or a single pixel (see `a1_window`); a vector is not pooled.
    """
    rng = np.random.default_rng(rng)
    layers: dict[str, Layer] = {}
    if len(shape) == 3:
        window = a1_window(shape, features)
        if window != (1, 1):
            layers["pool"] = AvgPool2d(window)
            shape = layers["pool"].output_shape(shape)
        layers["flatten"] = Flatten()
    layers["linear"] = Linear(math.prod(shape), classes, bias=False, rng=rng, dtype=dtype)
    layers["bn"] = BatchNorm(classes, dtype)
    return Sequential(**layers)


def a2(shape: tuple[int, ...], classes: int, features: int, rng: Any, dtype: Any = np.float32) -> Sequential:
    """Return A2 for layer outputs of that shape: a small network of three 1×1 convolutions and four Linears.

    A map (H, W, C) is average-pooled by a window of 4×4 (smaller on smaller maps, and where 4 does not divide a side),
    goes through three 1×1 convolutions, is pooled to at most 2×2, flattened, and goes through three Linears that keep
    its size and a last one. BatchNorm and ReLU follow each of these layers but the last. A vector gets A1.
    """
    if len(shape) == 1:
        return a1(shape, classes, features, rng, dtype)
    rng = np.random.default_rng(rng)
    channels, (first, second) = shape[2], a2_windows(shape)
    layers: dict[str, Layer] = {"pool1": AvgPool2d(first)}
    for i in (1, 2, 3):
        layers[f"conv{i}"] = Conv2d(channels, channels, kernel=1, padding=0, rng=rng, dtype=dtype)
        layers[f"bn{i}"] = BatchNorm(channels, dtype)
        layers[f"relu{i}"] = ReLU()
    layers["pool2"] = AvgPool2d(second)
    layers["flatten"] = Flatten()
    d = math.prod(shape) // math.prod(first + second)
    for i in (1, 2, 3):
        layers[f"linear{i}"] = Linear(d, d, bias=False, gain=2, rng=rng, dtype=dtype)
        layers[f"bn{i + 3}"] = BatchNorm(d, dtype)
        layers[f"relu{i + 3}"] = ReLU()
    layers["linear4"] = Linear(d, classes, rng=rng, dtype=dtype)
    return Sequential(**layers)


def own_classifier(
    shape: tuple[int, ...], classes: int, rng: Any, dtype: Any = np.float32, average: bool = False
) -> Sequential:
    """Return A_K, the network's own classifier, the same under every algorithm: a Linear with bias.

    With `average` it sees the mean of each channel of a map (global average pooling).
    """
    layers: dict[str, Layer] = {}
    if average:
        layers["pool"], shape = AvgPool2d(shape[:2]), (1, 1, shape[2])  # type: ignore[arg-type]
    if len(shape) > 1:
        layers["flatten"] = Flatten()
    return Sequential(**layers, linear=Linear(math.prod(shape), classes, rng=rng, dtype=dtype))


def similarity_branch(shape: tuple[int, ...], rng: Any, dtype: Any = np.float32, conv: str = "auto") -> Sequential:
    """Return what turns layer outputs of that shape into the features of similarity matching.

    For a map (H, W, C) it is a 3×3 convolution C → C and the deviation over each map (all numbers as they are, if a map
    is one pixel); for a vector it is a Linear that keeps its size. Raises `ShapeError` for fewer than 3 features: the
    similarity of two is 1 or −1, and has no gradient.
    """
    if shape[-1] < 3:
        raise ShapeError(f"similarity matching needs at least 3 features, not {shape[-1]}; use a larger width")
    if len(shape) == 1:
        return Sequential(linear=Linear(shape[0], shape[0], bias=False, rng=rng, dtype=dtype))
    product = Conv2d(shape[2], shape[2], rng=rng, dtype=dtype, method=conv)
    if math.prod(shape[:2]) == 1:
        return Sequential(conv=product, flatten=Flatten())
    return Sequential(conv=product, deviation=Deviation())


CLASSIFIERS: dict[str, Callable[..., Sequential]] = {"a1": a1, "a2": a2}
