"""The fully connected layer, and the flattening before it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minilocal.compute.parallel import matmul
from minilocal.errors import InputError, ShapeError
from minilocal.layers.base import Layer, normal


class Linear(Layer):
    """A matrix product: x (N, D_in) → y = x·weight + bias, of shape (N, D_out).

        dL/dweight = xᵀ·dy      dL/dbias = Σ_n dy[n]      dL/dx = dy·weightᵀ

    Source: tutorials/reference.md, "Linear".

    Params: weight (D_in, D_out), initially normal with variance gain / D_in (gain 2 is He's, for a layer before a
    ReLU; 1 suits a last layer); bias (D_out), zero, only with bias=True. Raises `InputError` for sizes below 1.
    """

    kept = ("x",)

    def __init__(
        self,
        d_in: int,
        d_out: int,
        bias: bool = True,
        gain: float = 1.0,
        *,
        rng: np.random.Generator | int,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        if min(d_in, d_out) < 1:
            raise InputError(f"Linear({d_in}, {d_out}): both must be at least 1")
        self.add_param("weight", normal(rng, (d_in, d_out), gain / d_in, dtype))
        if bias:
            self.add_param("bias", np.zeros(d_out, dtype))

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return x·weight + bias, (N, D_out)."""
        if training:
            self.x = x
        y = matmul(x, self.params["weight"])
        if "bias" in self.params:
            y += self.params["bias"]
        return y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Overwrite dL/dweight and dL/dbias; return dL/dx if need_dx."""
        x = self.x
        matmul(x.T, dy, out=self.grads["weight"])
        if "bias" in self.params:
            self.grads["bias"][...] = dy.sum(axis=0)
        return matmul(dy, self.params["weight"].T) if need_dx else None

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (D_out,) for (D_in,)."""
        d_in, d_out = self.params["weight"].shape
        if shape != (d_in,):
            raise ShapeError(f"Linear takes vectors of {d_in} numbers, not of shape {shape}")
        return (d_out,)

    def macs(self, shape: tuple[int, ...]) -> int:
        """Return D_in·D_out."""
        return self.params["weight"].size


class Flatten(Layer):
    """Turn maps into vectors: x (N, H, W, C) → y (N, H·W·C), in (H, W, C) order; vectors stay as they are."""

    kept = ("shape",)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return x with one row per sample."""
        if training:
            self.shape = x.shape
        return x.reshape(len(x), math.prod(x.shape[1:]))

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Return dy in the shape of x."""
        return dy.reshape(self.shape) if need_dx else None

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (H·W·C,) for (H, W, C)."""
        return (math.prod(shape),)
