"""A network's single operations: the layers inside its Sequentials, with the shapes that reach them."""

from __future__ import annotations

from collections.abc import Iterator

from minilocal.layers import Layer, Sequential


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
