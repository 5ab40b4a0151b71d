"""Whitening: a frozen convolution that shows the first layer 2×2 patches without their correlations.

Neighbouring pixels are almost equal, so nearly all that an image's patches differ in is their brightness. Gradient
descent learns along such a direction fast and along all others slowly. In the directions in which patches vary
independently of one another, scaled to variance 1, none is faster than the others.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from minilocal.compute.parallel import one_blas_thread
from minilocal.errors import InputError, ShapeError
from minilocal.layers import direct, im2col
from minilocal.layers.base import Layer

SIDE = 2  # of a patch
EPS = 5e-4  # added to each variance, so that directions of noise are not blown up


class Whitening(Layer):
    """Whiten the 2×2 patches of images: x (N, H, W, C) → y (N, H, W, 8C); nothing here is trained.

        y = patches @ [V/√(λ + ε), −V/√(λ + ε)]        V, λ: eigenvectors and eigenvalues of patchesᵀ @ patches / M

    A patch has its pixel in the upper left corner; beyond the image there are zeros. Each direction comes with both
    signs, so that a ReLU behind it loses nothing. Before `fit`, patches pass as they are (V = 1, λ + ε = 1).

    State: weight (3, 3, C, 8C), the kernels of a 3×3 convolution whose first row and column are zero, because that is
    the shape for which convolutions are fast; with `method` "im2col" they go the plain way. Source: K. Jordan, "94% on
    CIFAR-10 in 3.29 Seconds on a Single GPU", 2024; D. Page, "How to Train Your ResNet", 2019.
    """

    def __init__(self, channels: int, dtype: Any = np.float32, method: str = "auto") -> None:
        super().__init__()
        if channels < 1:
            raise InputError(f"Whitening({channels}): channels must be at least 1")
        self.forced = method
        self.add_state("weight", np.zeros((3, 3, channels, 2 * SIDE**2 * channels), dtype))
        self._point(np.eye(SIDE**2 * channels))

    @property
    def fitted(self) -> bool:
        """Whether the weight is another than at the beginning."""
        unfitted = Whitening(self.state["weight"].shape[2], self.state["weight"].dtype)
        return not np.array_equal(unfitted.state["weight"], self.state["weight"])

    def fit(self, x: np.ndarray) -> None:
        """Set the weight for images like x (N, H, W, C), normalised; `InputError` for images without a 2×2 patch."""
        _, height, width, channels = x.shape
        if min(height, width) < SIDE:
            raise InputError(f"images of {height}×{width} pixels have no 2×2 patches to whiten; leave W out")
        taps = [x[:, i : height - 1 + i, j : width - 1 + j] for i in range(SIDE) for j in range(SIDE)]
        patches = np.stack(taps, axis=3).reshape(-1, SIDE**2 * channels).astype(np.float64)
        with one_blas_thread():
            variance, directions = np.linalg.eigh(patches.T @ patches / len(patches))
        self._point(directions / np.sqrt(variance + EPS))

    def _point(self, directions: np.ndarray) -> None:
        """Set the weight to directions, the columns (4C, 4C), and their opposites."""
        taps = self.state["weight"][1:, 1:]
        taps[...] = np.concatenate([directions, -directions], axis=1).reshape(taps.shape)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return y (N, H, W, 8C)."""
        return self._method(x.shape[1:]).forward(x, self.state["weight"], 1, 1)

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Return dL/dx if need_dx."""
        if not need_dx:
            return None
        weight = self.state["weight"]
        shape = *dy.shape[:3], weight.shape[2]
        return self._method(shape[1:]).input_gradient(dy, weight, shape, 1, 1)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (H, W, 8C) for (H, W, C)."""
        _, _, channels, wide = self.state["weight"].shape
        if len(shape) != 3 or shape[2] != channels:
            raise ShapeError(f"Whitening takes images (height, width, {channels}), not of shape {shape}")
        return *shape[:2], wide

    def macs(self, shape: tuple[int, ...]) -> int:
        """Return H·W·9·C·8C: the zeros are multiplied, too."""
        return shape[0] * shape[1] * self.state["weight"].size

    def _method(self, shape: tuple[int, ...]) -> ModuleType:
        weight = self.state["weight"]
        return direct if self.forced != "im2col" and direct.fits(shape, 3, 1, 1, weight.shape[3]) else im2col
