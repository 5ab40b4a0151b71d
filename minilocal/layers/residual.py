"""Residual blocks: two ways from the input to the output, added up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minilocal.compute import memory, parallel
from minilocal.errors import InputError, ShapeError, naming
from minilocal.layers.activation import ReLU
from minilocal.layers.base import Layer
from minilocal.layers.sequential import Sequential, check_distinct, operations_of


class Residual(Layer):
    """A body and a shortcut around it, added and rectified: y = max(body(x) + shortcut(x), 0).

        x ─┬─► body ─────┬─► + ─► ReLU ─► y
           └─► shortcut ─┘

    The gradient goes back on both ways: with g = dy where y > 0, else 0,

        dx = body.backward(g) + shortcut.backward(g)

    Without a shortcut, x itself is added. Otherwise body and shortcut must give the same shape.
    Source: He et al. 2016, "Deep residual learning for image recognition"; tutorials/reference.md, "Residual blocks".
    """

    def __init__(self, body: Layer, shortcut: Layer | None = None) -> None:
        super().__init__()
        self.body, self.shortcut, self.relu = body, shortcut or Sequential(), ReLU()
        check_distinct([self])

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return max(body(x) + shortcut(x), 0)."""
        total = _sum(self.body.forward(x, training), self.shortcut.forward(x, training))
        return self.relu.forward(total, training)

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Call backward on both ways; return the sum of their dL/dx if need_dx."""
        g = self.relu.backward(dy)
        on_body, on_shortcut = self.body.backward(g, need_dx), self.shortcut.backward(g, need_dx)
        return _sum(on_body, on_shortcut) if need_dx else None

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the output shape of the body; raise `ShapeError` unless the shortcut has the same."""
        with naming("body"):
            y = self.body.output_shape(shape)
        with naming("shortcut"):
            other = self.shortcut.output_shape(shape)
        if y != other:
            raise ShapeError(f"the body gives shape {y}, but the shortcut {other}; they must be equal")
        return y

    def macs(self, shape: tuple[int, ...]) -> int:
        """Return the sum of both ways."""
        return self.body.macs(shape) + self.shortcut.macs(shape)

    def operations(self, shape: tuple[int, ...]) -> Iterator[tuple[str, Layer, tuple[int, ...]]]:
        """Yield name, layer and input shape of each operation: the body's, the shortcut's, and ReLU."""
        for name, layer in self.layers.items():
            yield from operations_of(name, layer, self.output_shape(shape) if layer is self.relu else shape)


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
        y[..., : self.c_in] = x[:, :: self.stride, :: self.stride]
        y[..., self.c_in :] = 0
        return y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Return dx: dy at the pixels and channels that came from x, else 0."""
        if not need_dx:
            return None
        dx = memory.empty(self.shape, dy.dtype)
        dx[...] = 0
        dx[:, :: self.stride, :: self.stride] = dy[..., : self.c_in]
        return dx

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (⌈H/s⌉, ⌈W/s⌉, C_out) for (H, W, C_in)."""
        if len(shape) != 3 or shape[2] != self.c_in:
            raise ShapeError(f"PadShortcut takes maps (height, width, {self.c_in}), not of shape {shape}")
        return -(-shape[0] // self.stride), -(-shape[1] // self.stride), self.c_out


def _sum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a + b in a new array: both may be needed elsewhere."""
    total = memory.empty_like(a)
    chunks = parallel.chunks(len(a), a[:1].nbytes, parallel.CHUNK_BYTES // 2)
    parallel.run(lambda s: np.add(a[s], b[s], out=total[s]), chunks)
    return total
