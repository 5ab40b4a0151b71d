"""The convolution layer. One of four files computes its three products.

im2col.py is the plain one. By default winograd.py, direct.py or dense.py takes over where it is faster; `--plain`
trains with im2col alone.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from minilocal.errors import InputError, ShapeError
from minilocal.layers import dense, direct, im2col, winograd
from minilocal.layers.base import Layer, normal

# Each has forward, weight_gradient and input_gradient, and gives the same numbers up to rounding.
METHODS = {"im2col": im2col, "winograd": winograd, "direct": direct, "dense": dense}


class Conv2d(Layer):
    """Convolution with square kernels, any stride and zero padding: x (N, H, W, C_in) → y (N, P, Q, C_out).

        y[n, p, q, o] = Σ_{i,j,c} x[n, p·stride + i − padding, q·stride + j − padding, c] · weight[i, j, c, o]

    P = ⌊(H + 2·padding − k) / stride⌋ + 1, and Q likewise. (Strictly speaking this is cross-correlation, as in every
    framework.) Source: tutorials/reference.md, "Convolution".

    `method` says how to compute it: a name in `METHODS`, or "auto" for the fastest one for x's shape. "winograd" and
    "direct" fall back to im2col where they don't apply.

    Params: weight (k, k, C_in, C_out), initially He-normal; bias (C_out), zero, only with bias=True. Raises
    `InputError` for sizes below 1, negative padding or an unknown method.
    """

    kept = ("x",)

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int = 3,
        stride: int = 1,
        padding: int = 1,
        bias: bool = False,
        *,
        rng: np.random.Generator | int,
        dtype: Any = np.float32,
        method: str = "auto",
    ) -> None:
        super().__init__()
        if min(c_in, c_out, kernel, stride) < 1 or padding < 0:
            raise InputError(
                f"Conv2d({c_in}, {c_out}, kernel={kernel}, stride={stride}, padding={padding}): "
                "sizes and stride must be at least 1, padding at least 0"
            )
        if method not in ("auto", *METHODS):
            raise InputError(f"method {method!r} is unknown; choose from auto, {', '.join(METHODS)}")
        self.stride, self.padding, self.forced = stride, padding, method
        shape = (kernel, kernel, c_in, c_out)
        self.add_param("weight", normal(rng, shape, 2 / (kernel * kernel * c_in), dtype))
        if bias:
            self.add_param("bias", np.zeros(c_out, dtype))

    def start_as_identity(self) -> None:
        """Make the first min(C_in, C_out) outputs copies of the inputs: a 1 in the middle of a kernel, and zeros.

        Source: "Dirac" weights, Zagoruyko & Komodakis 2017.
        """
        weight = self.params["weight"]
        middle, channels = len(weight) // 2, range(min(weight.shape[2:]))
        weight[..., : len(channels)] = 0
        weight[middle, middle, channels, channels] = 1

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return y (N, P, Q, C_out)."""
        if training:
            self.x = x
        y = self.method(x.shape[1:]).forward(x, self.params["weight"], self.stride, self.padding)
        if "bias" in self.params:
            y += self.params["bias"]
        return y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Overwrite dL/dweight and dL/dbias; return dL/dx if need_dx."""
        x, weight = self.x, self.params["weight"]
        method = self.method(x.shape[1:])
        method.weight_gradient(x, dy, self.grads["weight"], self.stride, self.padding)
        if "bias" in self.params:
            self.grads["bias"][...] = dy.sum(axis=(0, 1, 2))
        if not need_dx:
            return None
        return method.input_gradient(dy, weight, x.shape, self.stride, self.padding)

    def method(self, shape: tuple[int, ...]) -> ModuleType:
        """Return the module, one of `METHODS`, that convolves maps of shape (H, W, C_in)."""
        kernel, _, _, c_out = self.params["weight"].shape
        geometry = shape, kernel, self.stride, self.padding, c_out
        if self.forced == "auto":
            for method, pays in ((dense, dense.pays), (direct, direct.pays), (winograd, winograd.fits)):
                if pays(*geometry):
                    return method
            return im2col
        fits = {"winograd": winograd.fits, "direct": direct.fits}.get(self.forced)
        return im2col if fits and not fits(*geometry) else METHODS[self.forced]

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (P, Q, C_out) for (H, W, C_in)."""
        kernel, _, c_in, c_out = self.params["weight"].shape
        if len(shape) != 3 or shape[2] != c_in:
            raise ShapeError(f"Conv2d takes maps (height, width, {c_in}), not of shape {shape}")
        p, q = (im2col.out_size(size, kernel, self.stride, self.padding) for size in shape[:2])
        if min(p, q) < 1:
            raise ShapeError(f"a {kernel}×{kernel} kernel does not fit a {shape[0]}×{shape[1]} map")
        return p, q, c_out

    def macs(self, shape: tuple[int, ...]) -> int:
        """Return P·Q·k·k·C_in·C_out."""
        p, q, _ = self.output_shape(shape)
        return p * q * self.params["weight"].size
