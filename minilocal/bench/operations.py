"""A network as plain lists of operations, which a process without minilocal's layers builds in PyTorch.

An operation is a list: its name, then its sizes, such as ["conv", 64, 128, 3, 1, 1, False] or ["dropout", 0.05].
"""

from __future__ import annotations

from typing import Any

from minilocal.bench.leaves import leaves_with_shapes
from minilocal.layers import AvgPool2d, BatchNorm, Conv2d, Dropout, Flatten, Layer, Linear, MaxPool2d, ReLU
from minilocal.networks.network import Network

Operation = list[Any]


def describe(network: Network) -> dict[str, Any]:
    """Return the operations of each layer, as a list, and of each classifier, by its layer's number as text."""
    shapes = [network.input_shape, *network.shapes]
    return {
        "layers": [operations(layer, shape) for layer, shape in zip(network.layers, shapes, strict=False)],
        "auxiliary": {str(n): operations(layer, shapes[n]) for n, layer in sorted(network.auxiliary.items())},
    }


def operations(layer: Layer, shape: tuple[int, ...]) -> list[Operation]:
    """Return a layer's operations in order, for inputs of that shape."""
    return [operation for leaf, reached in leaves_with_shapes(layer, shape) for operation in _operation(leaf, reached)]


def _operation(leaf: Layer, shape: tuple[int, ...]) -> list[Operation]:
    kind, bias = type(leaf), "bias" in leaf.params
    normalise = ["batch_norm", len(shape), shape[-1]]
    if isinstance(leaf, Conv2d):
        kernel, _, c_in, c_out = leaf.params["weight"].shape
        return [["conv", c_in, c_out, kernel, leaf.stride, leaf.padding, bias]]
    if isinstance(leaf, Linear):
        return [["linear", *leaf.params["weight"].shape, bias]]
    if isinstance(leaf, MaxPool2d | AvgPool2d):
        return [["max_pool" if isinstance(leaf, MaxPool2d) else "avg_pool", *leaf.window]]
    if kind in (ReLU, Flatten):
        return [[kind.__name__.lower()]]
    if kind is Dropout:
        return [["dropout", leaf.rate]]  # type: ignore[attr-defined]
    if kind is BatchNorm:
        return [normalise]
    if leaf.params.keys() == {"gamma", "beta"}:  # one that does what stands behind BatchNorm too
        return [normalise, ["relu"], *([["dropout", leaf.rate]] if hasattr(leaf, "rate") else [])]
    raise TypeError(f"{leaf!r} has no counterpart in PyTorch here")
