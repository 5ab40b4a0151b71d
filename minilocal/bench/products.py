"""The matrix products of a network, convolutions and fully connected layers, as plain data for both processes."""

from __future__ import annotations

from dataclasses import dataclass

from minilocal.bench.leaves import leaves_with_shapes
from minilocal.layers import Conv2d, Layer, Linear
from minilocal.networks.network import Network


@dataclass(frozen=True)
class Product:
    """A convolution or linear layer: its input (H, W, C) or (D,), its output, and its weight as minilocal has it."""

    layer: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    weight_shape: tuple[int, ...]
    stride: int
    padding: int
    algorithm: str
    macs: int


def products(network: Network) -> list[tuple[Product, Layer]]:
    """Return the products of layers 1 … K and of A_K, each with the layer object that computes it."""
    shapes = [network.input_shape, *network.shapes]
    parts = [(f"layer {number}", layer) for number, layer in enumerate(network.layers, 1)]
    found: list[tuple[Product, Layer]] = []
    for (name, part), shape in zip([*parts, (f"A_{len(network)}", network.classifier())], shapes, strict=True):
        for leaf, reached in leaves_with_shapes(part, shape):
            if isinstance(leaf, Conv2d):
                algorithm = leaf.algorithm(reached).__name__.rpartition(".")[2]
                found.append((_product(name, leaf, reached, leaf.stride, leaf.padding, algorithm), leaf))
            elif isinstance(leaf, Linear):
                found.append((_product(name, leaf, reached, 1, 0, "matmul"), leaf))
    return found


def _product(name: str, leaf: Layer, shape: tuple[int, ...], stride: int, padding: int, algorithm: str) -> Product:
    weight = leaf.params["weight"].shape
    return Product(name, shape, leaf.output_shape(shape), weight, stride, padding, algorithm, leaf.macs(shape))
