"""A network: K layers, and a local loss, with its auxiliary classifier, on each layer where a block may end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from minilocal.compute.streams import dropout_key
from minilocal.errors import InputError, naming
from minilocal.layers import Layer
from minilocal.layers.base import Arrays
from minilocal.layers.sequential import check_distinct
from minilocal.losses import CrossEntropy, LocalLoss


class Network:
    """K trainable layers x_i = f_i(x_{i−1}; θ_i), and classifiers z_i = A_i(x_i; φ_i) on some of them.

    Layers count from 1: `network.layer(3)` is f_3, `network.loss(3)` is what a block that ends there learns from, and
    `network.classifier(3)` is A_3, whose class scores go into that loss. A_K is the network's own classifier. Arrays
    are saved under names such as `layers.3.conv.weight` and `aux.3.linear.weight`.

    `losses` maps layer number → local loss: `CrossEntropy(classifier)` on each layer in `auxiliary`, unless you replace
    it. `shapes` lists one sample's shape after each layer. Raises `ShapeError`, which names the layer, if a layer does
    not fit the output of the layer before it, and `InputError` if a layer stands in two places.
    """

    def __init__(self, layers: Sequence[Layer], auxiliary: dict[int, Layer], input_shape: tuple[int, ...]) -> None:
        check_distinct(layers)
        self.layers = list(layers)
        self.losses: dict[int, LocalLoss] = {n: CrossEntropy(classifier) for n, classifier in auxiliary.items()}
        self.input_shape = tuple(input_shape)
        self.shapes: list[tuple[int, ...]] = []
        for number, layer in enumerate(self.layers, 1):
            with naming(f"layer {number}"):
                self.shapes.append(layer.output_shape(self.shapes[-1] if self.shapes else self.input_shape))

    def __repr__(self) -> str:
        shape, numbers = "×".join(map(str, self.input_shape)), ", ".join(map(str, self.auxiliary))
        return f"Network({len(self)} layers, input {shape}, classifiers on {numbers})"

    def __len__(self) -> int:
        return len(self.layers)

    def layer(self, number: int) -> Layer:
        """Return a layer by its number, 1 … K."""
        return self.layers[number - 1]

    def loss(self, number: int) -> LocalLoss:
        """Return the local loss on a layer; raise `InputError` if it has none."""
        if number not in self.losses:
            raise InputError(f"layer {number} has no local loss; build the network for this algorithm")
        return self.losses[number]

    def classifier(self, number: int | None = None) -> Layer:
        """Return the classifier on a layer, by default A_K, the network's own; raise `InputError` if it has none."""
        number = len(self) if number is None else number
        if "aux" not in (layers := self.loss(number).layers):
            raise InputError(f"the loss on layer {number} has no auxiliary classifier, and so no class scores")
        return layers["aux"]

    @property
    def auxiliary(self) -> Mapping[int, Layer]:
        """The classifiers, by layer number; to replace one, replace the loss in `losses`."""
        classifiers = {n: loss.layers["aux"] for n, loss in sorted(self.losses.items()) if "aux" in loss.layers}
        return MappingProxyType(classifiers)

    def named_layers(self) -> Iterator[tuple[str, Layer]]:
        """Yield everything that is trained, with its name: ("layers.1", layer), …, ("aux.3", classifier), …"""
        for number, layer in enumerate(self.layers, 1):
            yield f"layers.{number}", layer
        for number, loss in sorted(self.losses.items()):
            for name, layer in loss.layers.items():
                yield f"{name}.{number}", layer

    def arrays(self) -> Arrays:
        """Return all saved arrays by name, parameters and running statistics; these are not copies."""
        everything = ((name, layer.params | layer.state) for name, layer in self.named_layers())
        return Arrays({f"{name}.{key}": array for name, group in everything for key, array in group.items()})

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Copy arrays with the names of `arrays()` into the network.

        Raises `InputError`, and copies nothing, if one is missing, has the wrong shape, or contains NaN or infinity.
        """
        mine = self.arrays()
        check_arrays(arrays, mine)
        for name, array in mine.items():
            array[...] = arrays[name]

    def set_dropout_keys(self, seed: int, step: int) -> None:
        """Set each layer's dropout key for one step; dropouts in the loss on a layer come after those in the layer."""
        for number, layer in enumerate(self.layers, 1):
            key = layer.set_dropout_key(dropout_key(seed, step, number))
            for inner in self.losses[number].layers.values() if number in self.losses else ():
                key = inner.set_dropout_key(key)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return A_K's logits (N, classes) for inputs x (N, H, W, C), with running statistics and no dropout."""
        for layer in self.layers:
            x = layer.forward(x)
        return self.classifier().forward(x)


def check_arrays(arrays: dict[str, np.ndarray], mine: dict[str, np.ndarray]) -> None:
    """Raise `InputError` unless `arrays` has each array in `mine`, with the same shape and finite numbers."""
    for name, array in mine.items():
        if name not in arrays:
            raise InputError(f"array {name} is missing")
        if arrays[name].shape != array.shape:
            raise InputError(f"array {name} has shape {arrays[name].shape}; the network needs {array.shape}")
        if arrays[name].dtype.kind != "f" or not np.isfinite(arrays[name]).all():
            raise InputError(f"array {name} contains NaN or infinity, or is not floating-point")
