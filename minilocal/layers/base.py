"""The base class of all layers: forward, backward, parameters, gradients, and nothing hidden."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minilocal.errors import InputError


class Layer:
    """A differentiable function with parameters, y = f(x; params).

    The first axis of x and y counts the N samples of a batch; a `shape` is that of one sample, without N. Arrays are
    float32 for training and float64 for gradient checks.

    Attributes:
        params: name → array, trained by the optimizer.
        grads: name → array, same keys and shapes as params; `backward` overwrites them.
        state: name → array, saved but not trained (running statistics).
        kept: the names of the attributes that `forward(x, training=True)` keeps for `backward`.
    """

    kept: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.params: dict[str, np.ndarray] = {}
        self.grads: dict[str, np.ndarray] = {}
        self.state: dict[str, np.ndarray] = {}
        self.release()

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return the output y for a batch x; with training=True, keep what backward needs."""
        raise TypeError(f"{type(self).__name__} has no forward")

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Given dy = dL/dy, overwrite `grads` and return dx = dL/dx (None unless need_dx)."""
        raise TypeError(f"{type(self).__name__} has no backward")

    def release(self) -> None:
        """Forget what forward kept for backward."""
        for name in self.kept:
            setattr(self, name, None)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return one sample's output shape for its input shape; raise `ShapeError` if the input doesn't fit."""
        return shape

    def macs(self, shape: tuple[int, ...]) -> int:
        """Return how many multiply-adds the matrix products of one sample's forward pass take, padding included."""
        return 0

    def set_dropout_key(self, key: int) -> None:
        """Set the key of the next forward's dropout mask; layers without dropout ignore it."""

    def add_param(self, name: str, value: np.ndarray) -> None:
        """Add a parameter, and an array of zeros for its gradient."""
        self.params[name] = value
        self.grads[name] = np.zeros_like(value)

    def recall(self, name: str) -> Any:
        """Return what forward kept under that name; raise `RuntimeError` if it kept nothing."""
        value = getattr(self, name)
        if value is None:
            raise RuntimeError(f"{type(self).__name__}.backward needs forward(x, training=True) first")
        return value

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {'×'.join(map(str, p.shape))}" for name, p in self.params.items())
        return f"{type(self).__name__}({shapes})"


def normal(rng: np.random.Generator | int, shape: tuple[int, ...], variance: float, dtype: Any) -> np.ndarray:
    """Return normal random numbers with mean 0, drawn in float64 and then rounded to dtype."""
    return (math.sqrt(variance) * np.random.default_rng(rng).standard_normal(shape)).astype(dtype)


def check_input(layer: Layer, x: np.ndarray) -> None:
    """Raise `ShapeError` if x's shape doesn't fit the layer, and `InputError` if its dtype isn't the parameters'.

    Mixing dtypes would quietly lose precision or time.
    """
    name = type(layer).__name__
    layer.output_shape(x.shape[1:])
    for param in layer.params.values():
        if x.dtype != param.dtype:
            raise InputError(f"{name} has {param.dtype} parameters and got {x.dtype}; use x.astype(np.{param.dtype})")
