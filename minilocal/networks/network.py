"""A network: K layers and the auxiliary classifiers that its schedule needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from minilocal.errors import InputError, ShapeError
from minilocal.layers import Layer
from minilocal.streams import dropout_key


class Network:
    """K trainable layers x_i = f_i(x_{i−1}; θ_i) and classifiers z_i = A_i(x_i; φ_i) on some of them.

    Layers count from 1: `network.layer(3)` is f_3 and `network.auxiliary[3]` is A_3, whose arrays are saved as
    `layers.3.conv.weight`, `aux.3.linear.weight` and so on. `auxiliary[K]` is the network's own classifier.
    """

    def __init__(self, layers: Sequence[Layer], auxiliary: dict[int, Layer], input_shape: tuple[int, ...]) -> None:
        self.layers = list(layers)
        self.auxiliary = dict(auxiliary)
        self.input_shape = tuple(input_shape)
        self.shapes = shapes_behind(self.layers, self.input_shape)

    def __repr__(self) -> str:
        shape, numbers = "×".join(map(str, self.input_shape)), ", ".join(map(str, sorted(self.auxiliary)))
        return f"Network({len(self)} layers, input {shape}, classifiers on {numbers})"

    def __len__(self) -> int:
        return len(self.layers)

    def layer(self, number: int) -> Layer:
        """Return layer number 1 … K."""
        return self.layers[number - 1]

    def classifier(self, number: int | None = None) -> Layer:
        """Return the classifier on a layer, or A_K, the network's own; `InputError` if that layer has none."""
        number = len(self.layers) if number is None else number
        if number not in self.auxiliary:
            raise InputError(f"layer {number} has no auxiliary classifier; build the network for this algorithm")
        return self.auxiliary[number]

    @property
    def parts(self) -> Iterator[tuple[str, Layer]]:
        """Yield ("layers.1", layer), …, ("aux.3", classifier), …."""
        for number, layer in enumerate(self.layers, 1):
            yield f"layers.{number}", layer
        for number, classifier in sorted(self.auxiliary.items()):
            yield f"aux.{number}", classifier

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all that is saved, parameters and running statistics, by name: the arrays themselves, no copies."""
        return {
            f"{part}.{name}": array
            for part, layer in self.parts
            for name, array in (layer.params | layer.state).items()
        }

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Copy arrays, named as in `arrays()`, into the network.

        `InputError` names one that is missing, has another shape, or holds what is no finite number; then nothing
        is copied.
        """
        mine = self.arrays()
        check_arrays(arrays, mine)
        for name, array in mine.items():
            array[...] = arrays[name]

    def set_dropout_keys(self, seed: int, step: int) -> None:
        """Fix every layer's dropout mask for one step."""
        for number, layer in enumerate(self.layers, 1):
            layer.set_dropout_key(dropout_key(seed, step, number))

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return A_K's logits (N, classes) for inputs x (N, H, W, C), with running statistics and no dropout."""
        for layer in self.layers:
            x = layer.forward(x)
        return self.classifier().forward(x)


def check_arrays(arrays: dict[str, np.ndarray], mine: dict[str, np.ndarray]) -> None:
    """Raise `InputError` naming one of `mine` that `arrays` lacks, or has in another shape or not as finite numbers."""
    for name, array in mine.items():
        if name not in arrays:
            raise InputError(f"array {name} is missing")
        if arrays[name].shape != array.shape:
            raise InputError(f"array {name} has shape {arrays[name].shape}; the network needs {array.shape}")
        if arrays[name].dtype.kind != "f" or not np.isfinite(arrays[name]).all():
            raise InputError(f"array {name} holds what is no finite number")


def shapes_behind(layers: Sequence[Layer], shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return one sample's shape behind each layer."""
    shapes = []
    for number, layer in enumerate(layers, 1):
        shape = shape_behind(number, layer, shape)
        shapes.append(shape)
    return shapes


def shape_behind(number: int, layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return one sample's shape behind a layer; a `ShapeError` names the layer if it does not fit."""
    try:
        return layer.output_shape(shape)
    except ShapeError as error:
        raise ShapeError(f"layer {number}: {error}") from None
