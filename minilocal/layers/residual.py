"""Residual blocks: two ways from the input to the output, added up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minilocal.compute import memory, parallel
from minilocal.errors import InputError, ShapeError, naming
from minilocal.layers.base import Layer
from minilocal.layers.sequential import Sequential


class Residual(Sequential):
    """A body and a shortcut around it, added and rectified: y = max(body(x) + shortcut(x), 0).

        x ─┬─► body ─────┬─► + ─► max(·, 0) ─► y
           └─► shortcut ─┘

    The gradient goes back on both ways: with g = dy where y > 0, else 0,

        dx = body.backward(g) + shortcut.backward(g)

    Without a shortcut, x itself is added. Otherwise body and shortcut must give the same shape. `params`, `grads` and
    `state` hold the arrays of both, named `body.conv1.weight`, `shortcut.bn.gamma` and so on.
    Source: He et al. 2016, "Deep residual learning for image recognition"; tutorials/reference.md, "Residual blocks".
    """

    kept = ("y",)

    def __init__(self, body: Layer, shortcut: Layer | None = None) -> None:
        super().__init__(body=body, shortcut=Sequential() if shortcut is None else shortcut)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return max(body(x) + shortcut(x), 0); in training, keep it."""
        a, b = (layer.forward(x, training) for layer in self.layers.values())
        y = memory.empty_like(a)

        def task(s: slice) -> None:
            np.add(a[s], b[s], out=y[s])
            np.maximum(y[s], 0, out=y[s])

        parallel.run(task, _chunks(y))
        if training:
            self.y = y
        return y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Call backward on both ways; return the sum of their dL/dx if need_dx."""
        y, g = self.y, memory.empty_like(dy)
        parallel.run(lambda s: np.multiply(dy[s], ~(y[s] <= 0), out=g[s]), _chunks(y))  # NaN passes
        a, b = (layer.backward(g, need_dx) for layer in self.layers.values())
        if not need_dx:
            return None
        dx = memory.empty_like(a)
        parallel.run(lambda s: np.add(a[s], b[s], out=dx[s]), _chunks(dx))
        return dx

    def check_input(self, x: np.ndarray, training: bool) -> np.ndarray:
        """Return x, contiguous, if it fits; see `Layer.check_input`."""
        return Layer.check_input(self, x, training)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the output shape of the body; raise `ShapeError` unless the shortcut has the same."""
        shapes = []
        for name, layer in self.layers.items():
            with naming(name):
                shapes.append(layer.output_shape(shape))
        if shapes[0] != shapes[1]:
            raise ShapeError(f"the body gives shape {shapes[0]}, but the shortcut {shapes[1]}; they must be equal")
        return shapes[0]

    def operations(self, shape: tuple[int, ...]) -> Iterator[tuple[str, Layer, tuple[int, ...]]]:
        """Yield name, layer and input shape of each operation in the body, then of those in the shortcut."""
        for way, layer in self.layers.items():
            for name, operation, inputs in layer.operations(shape):
                yield f"{way}.{name}" if name else way, operation, inputs


class PadShortcut(Layer):
    """A shortcut without parameters to maps with more channels: x (N, H, W, C_in) → y (N, ⌈H/s⌉, ⌈W/s⌉, C_out).

    It takes every s-th pixel in both directions and adds channels of zeros at the end; dx is dy at those pixels and
    channels, else 0. Source: He et al. 2016, section 3.3, option A.

    Raises `InputError` if C_out is smaller than C_in, or a size is below 1.
    """

    kept = ("shape",)

    def __init__(self, c_in: int, c_out: int, stride: int = 1) -> None:
        super().__init__()
        if not 1 <= c_in <= c_out or stride < 1:
            raise InputError(f"PadShortcut({c_in}, {c_out}, {stride}): 1 ≤ c_in ≤ c_out and 1 ≤ stride must hold")
        self.c_in, self.c_out, self.stride = c_in, c_out, stride

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return every s-th pixel, and zeros in the new channels."""
        if training:
            self.shape = x.shape
        y = memory.empty((len(x), *self.output_shape(x.shape[1:])), x.dtype)

        def task(s: slice) -> None:
            y[s, ..., : self.c_in] = x[s, :: self.stride, :: self.stride]
            y[s, ..., self.c_in :] = 0

        parallel.run(task, _chunks(y))
        return y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Return dx: dy at the pixels and channels that came from x, else 0."""
        if not need_dx:
            return None
        dx = memory.empty(self.shape, dy.dtype)

        def task(s: slice) -> None:
            dx[s] = 0
            dx[s, :: self.stride, :: self.stride] = dy[s, ..., : self.c_in]

        parallel.run(task, _chunks(dx))
        return dx

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (⌈H/s⌉, ⌈W/s⌉, C_out) for (H, W, C_in)."""
        if len(shape) != 3 or shape[2] != self.c_in:
            raise ShapeError(f"PadShortcut takes maps (height, width, {self.c_in}), not of shape {shape}")
        return -(-shape[0] // self.stride), -(-shape[1] // self.stride), self.c_out

    def __repr__(self) -> str:
        return f"PadShortcut({self.c_in}, {self.c_out}, {self.stride})"


def _chunks(x: np.ndarray) -> list[slice]:
    return parallel.chunks(len(x), x[:1].nbytes, parallel.CHUNK_BYTES // 2)
