"""The auxiliary classifiers: A1, A2, and the network's own, A_K.

An auxiliary classifier turns a layer's output into class scores, so that the layer has a loss of its own to learn from.
Source: Lee, Lee & Jeon 2021, section III-A and Fig. 5; tutorials/reference.md, "Auxiliary classifiers".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minilocal.errors import ShapeError, naming
from minilocal.layers import AvgPool2d, BatchNorm, Conv2d, Flatten, Layer, Linear, ReLU, Sequential
from minilocal.networks.configs import a1_window


def a1(shape: tuple[int, ...], classes: int, features: int, rng: Any = 0, dtype: Any = np.float32) -> Sequential:
    """Return A1 for layer outputs of that shape: average pooling, one Linear, BatchNorm.

    A map (H, W, C) is pooled by the smallest window in the series 1×1, 2×1, 2×2, 4×2, … that leaves at most `features`
    numbers, or a single pixel; a vector is not pooled. Raises `ShapeError` if that window does not divide the map.
    """
    rng = np.random.default_rng(rng)
    layers: dict[str, Layer] = {}
    if len(shape) == 3:
        window = a1_window(shape, features)
        if window != (1, 1):
            layers["pool"] = AvgPool2d(window)
            with naming("A1"):
                shape = layers["pool"].output_shape(shape)
        layers["flatten"] = Flatten()
    layers["linear"] = Linear(math.prod(shape), classes, bias=False, rng=rng, dtype=dtype)
    layers["bn"] = BatchNorm(classes, dtype)
    return Sequential(**layers)


def a2(shape: tuple[int, ...], classes: int, features: int, rng: Any = 0, dtype: Any = np.float32) -> Sequential:
    """Return A2 for layer outputs of that shape: a small network of three 1×1 convolutions and four Linears.

    A map (H, W, C) is average-pooled by a window of 4×4 (smaller on smaller maps), goes through three 1×1 convolutions,
    is pooled to at most 2×2, flattened, and goes through three Linears that keep its size and a last one. BatchNorm and
    ReLU follow each of these layers but the last. A vector gets A1. Raises `ShapeError` if these windows do not divide
    the map.
    """
    if len(shape) == 1:
        return a1(shape, classes, features, rng, dtype)
    rng = np.random.default_rng(rng)
    height, width, channels = shape
    layers: dict[str, Layer] = {"pool1": AvgPool2d((min(height, 4), min(width, 4)))}
    for i in (1, 2, 3):
        layers[f"conv{i}"] = Conv2d(channels, channels, kernel=1, padding=0, rng=rng, dtype=dtype)
        layers[f"bn{i}"] = BatchNorm(channels, dtype)
        layers[f"relu{i}"] = ReLU()
    with naming("A2"):
        height, width, _ = layers["pool1"].output_shape(shape)
    if any(size > 2 and size % 2 for size in (height, width)):
        raise ShapeError(f"A2: a {height}×{width} map can't be pooled to 2×2; its sides must be even")
    layers["pool2"] = AvgPool2d((max(1, height // 2), max(1, width // 2)))
    layers["flatten"] = Flatten()
    d = math.prod(layers["pool2"].output_shape((height, width, channels)))
    for i in (1, 2, 3):
        layers[f"linear{i}"] = Linear(d, d, bias=False, gain=2, rng=rng, dtype=dtype)
        layers[f"bn{i + 3}"] = BatchNorm(d, dtype)
        layers[f"relu{i + 3}"] = ReLU()
    layers["linear4"] = Linear(d, classes, rng=rng, dtype=dtype)
    return Sequential(**layers)


def own_classifier(shape: tuple[int, ...], classes: int, rng: Any = 0, dtype: Any = np.float32) -> Sequential:
    """Return A_K, the network's own classifier, the same under every algorithm: a Linear with bias."""
    layers: dict[str, Layer] = {"flatten": Flatten()} if len(shape) > 1 else {}
    return Sequential(**layers, linear=Linear(math.prod(shape), classes, rng=rng, dtype=dtype))


CLASSIFIERS: dict[str, Callable[..., Sequential]] = {"a1": a1, "a2": a2}
