"""A network's single operations: the layers inside its Sequentials, with the shapes that reach them."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from minilocal.layers import Conv2d, Layer, Sequential, im2col


def leaves(layer: Layer) -> Iterator[Layer]:
    """Yield a Sequential's inner layers, their inner ones in turn, or the layer itself if it is none."""
    for inner in layer.layers.values() if isinstance(layer, Sequential) else ():
        yield from leaves(inner)
    if not isinstance(layer, Sequential):
        yield layer


def leaves_with_shapes(layer: Layer, shape: tuple[int, ...]) -> Iterator[tuple[Layer, tuple[int, ...]]]:
    """Yield each leaf with the shape of one sample of its input."""
    for leaf in leaves(layer):
        yield leaf, shape
        shape = leaf.output_shape(shape)


def conv_algorithm(conv: Conv2d, shape: tuple[int, ...]) -> ModuleType:
    """Return the module (im2col, say) by whose functions a Conv2d computes on maps of that shape (H, W, C)."""
    choose: Any = getattr(conv, "algorithm", None)
    return choose(shape) if choose is not None else im2col
