"""The standard deviation over each map: how strongly each channel's response varies over the image."""

from __future__ import annotations

from typing import Any

import numpy as np

from minilocal.errors import ShapeError
from minilocal.layers.base import Layer


class Deviation(Layer):
    """The deviation of each channel over its P pixels: x (N, H, W, C) → y (N, C).

        y[n, c] = sqrt(1/P Σ_p (x[n, p, c] − m[n, c])²)      with m[n, c] = 1/P Σ_p x[n, p, c]
        dx[n, p, c] = dy[n, c] · (x[n, p, c] − m[n, c]) / (P · y[n, c])

    Where all pixels are equal, y is 0 and dx is 0. Source: tutorials/reference.md, "Similarity matching".
    """

    kept = ("centred", "y")

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return y (N, C)."""
        pixels = x.shape[1] * x.shape[2]
        centred = x - np.einsum("nhwc->nc", x)[:, None, None] / pixels
        y = np.sqrt(np.einsum("nhwc,nhwc->nc", centred, centred) / pixels)
        if training:
            self.centred, self.y = centred, y
        return y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Return dL/dx if need_dx."""
        if not need_dx:
            return None
        _, height, width, _ = self.centred.shape
        spread = np.where(self.y > 0, self.y, np.inf).astype(dy.dtype)
        return self.centred * (dy / (height * width * spread))[:, None, None]

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (C,) for (H, W, C)."""
        if len(shape) != 3:
            raise ShapeError(f"Deviation takes maps (height, width, channels), not of shape {shape}")
        return shape[2:]
