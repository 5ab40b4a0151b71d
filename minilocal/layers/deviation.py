"""The standard deviation over each map: how strongly each channel's response varies over the image."""

from __future__ import annotations

from typing import Any

import numpy as np

from minilocal.compute import parallel
from minilocal.errors import ShapeError
from minilocal.layers.base import Layer


class Deviation(Layer):
    """The deviation of each channel over its P pixels: x (N, H, W, C) → y (N, C).

        y[n, c] = sqrt(1/P Σ_p (x[n, p, c] − m[n, c])²)      with m[n, c] = 1/P Σ_p x[n, p, c]
        dx[n, p, c] = dy[n, c] · (x[n, p, c] − m[n, c]) / (P · y[n, c])

    Where all pixels are equal, y is 0 and dx is 0. Source: tutorials/reference.md, "Similarity matching".
    """

    kept = ("x", "y")

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return y (N, C)."""
        y = np.empty((len(x), x.shape[3]), x.dtype)

        def task(s: slice) -> None:
            centred = _centred(x[s])
            np.sqrt(np.einsum("npc,npc->nc", centred, centred) / centred.shape[1], out=y[s])

        parallel.run(task, _images(x))
        if training:
            self.x, self.y = x, y
        return y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Return dL/dx if need_dx."""
        if not need_dx:
            return None
        x, pixels = self.x, self.x.shape[1] * self.x.shape[2]
        dx, scale = np.empty_like(x), dy / (pixels * np.where(self.y > 0, self.y, np.inf)).astype(x.dtype)

        def task(s: slice) -> None:
            dx[s] = (_centred(x[s]) * scale[s][:, None]).reshape(dx[s].shape)

        parallel.run(task, _images(x))
        return dx

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (C,) for (H, W, C)."""
        if len(shape) != 3:
            raise ShapeError(f"Deviation takes maps (height, width, channels), not of shape {shape}")
        return shape[2:]


def _centred(x: np.ndarray) -> np.ndarray:
    """Return x (N, H, W, C) as (N, P, C), less the mean over the pixels."""
    x = x.reshape(len(x), -1, x.shape[3])
    return x - np.einsum("npc->nc", x)[:, None] / x.shape[1]


def _images(x: np.ndarray) -> list[slice]:
    """Cut the images into chunks that fit the cache together with their results."""
    return parallel.chunks(len(x), x[:1].nbytes, parallel.CHUNK_BYTES // 2)
