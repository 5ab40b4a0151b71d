"""Named layers, one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from minilocal.errors import InputError, naming
from minilocal.layers.base import Layer


class Sequential(Layer):
    """Named layers, one after another: `Sequential(conv=Conv2d(3, 16, rng=0), bn=BatchNorm(16), relu=ReLU())`.

    Each becomes an attribute, and their arrays have names such as `conv.weight` and `bn.gamma`. Raises `InputError` if
    a layer stands in two places, or has a name that means something else in a Sequential, such as `forward`.
    """

    def __init__(self, **layers: Layer) -> None:
        super().__init__()
        check_distinct(layers.values())
        for name, layer in layers.items():
            if hasattr(self, name):
                raise InputError(f"a layer in a Sequential can't be named {name!r}; choose a name that is not its own")
            setattr(self, name, layer)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return the last layer's output."""
        for layer in self.layers.values():
            x = layer.forward(x, training)
        return x

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Call each layer's backward, from the last to the first.

        Without need_dx, stop at the first layer that has parameters: it computes no input gradient, and the layers
        before it (a max-pool, say) are not called at all.
        """
        layers = list(self.layers.values())
        first = 0 if need_dx else next((i for i, layer in enumerate(layers) if layer.params), len(layers))
        dx: Any = dy
        for i in range(len(layers) - 1, first - 1, -1):
            dx = layers[i].backward(dx, need_dx or i > first)
        return dx if need_dx else None

    def check_input(self, x: np.ndarray, training: bool) -> np.ndarray:
        """Return x: the first layer checks it."""
        return x

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the last layer's output shape; a `ShapeError` names the inner layer that doesn't fit."""
        for name, layer in self.layers.items():
            with naming(name):
                shape = layer.output_shape(shape)
        return shape

    def macs(self, shape: tuple[int, ...]) -> int:
        """Return the sum over all operations."""
        return sum(layer.macs(inputs) for _, layer, inputs in self.operations(shape))

    def operations(self, shape: tuple[int, ...]) -> Iterator[tuple[str, Layer, tuple[int, ...]]]:
        """Yield name, layer and input shape of each operation, for inputs of that shape."""
        for name, layer in self.layers.items():
            yield from operations_of(name, layer, shape)
            shape = layer.output_shape(shape)


def operations_of(name: str, layer: Layer, shape: tuple[int, ...]) -> Iterator[tuple[str, Layer, tuple[int, ...]]]:
    """Yield the operations of a layer, with its name in front of theirs."""
    for inner, operation, inputs in layer.operations(shape):
        yield f"{name}.{inner}" if inner else name, operation, inputs


def leaves(layer: Layer) -> Iterator[Layer]:
    """Yield the single operations of a layer: those inside it, in order, or the layer itself."""
    for inner in layer.layers.values():
        yield from leaves(inner)
    if not layer.layers and not isinstance(layer, Sequential):
        yield layer


def check_distinct(layers: Iterable[Layer]) -> None:
    """Raise `InputError` if a layer stands in two places: it keeps what backward needs for one of them only."""
    seen: set[Layer] = set()
    for leaf in (leaf for layer in layers for leaf in leaves(layer)):
        if leaf in seen:
            raise InputError(f"{leaf!r} stands in two places; make a layer for each")
        seen.add(leaf)
