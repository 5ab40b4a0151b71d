"""Similarity matching: images of one class should look alike to a block, images of different classes different.

    x_j ─► branch ─► h ─► S(h) ─► mean square of S(h) − S(Y) ─► value        branch: Conv 3×3 and the deviation over
    dx_j ◄─────────────────────────────────────────────────────              each map; a Linear if x_j is a vector

Source: Nøkland & Eidnes 2019, "Training Neural Networks with Local Error Signals", section 2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minilocal.compute.parallel import matmul
from minilocal.layers import Layer
from minilocal.losses.cross_entropy import check_labels


class SimilarityMatching:
    """The local loss of `similarity_matching`, for features h = branch(x). It has no class scores.

    `weight` multiplies the loss and its gradients. Smoothed labels give the same S(Y), so `smoothing` has no effect.
    """

    smoothing = 0.0

    def __init__(self, branch: Layer, classes: int, weight: float = 1.0) -> None:
        self.layers, self.classes, self.weight = {"sim": branch}, classes, weight

    def __call__(self, x: np.ndarray, labels: np.ndarray, need_dx: bool = True) -> tuple[float, int | None, Any]:
        """Return the loss, None for the number of correct predictions, and dL/dx (None unless need_dx).

        If the loss is not finite, no gradients are computed.
        """
        branch = self.layers["sim"]
        value, dh = similarity_matching(branch.forward(x, training=True), labels, self.classes)
        if not math.isfinite(value):
            return value, None, None
        return self.weight * value, None, branch.backward(self.weight * dh, need_dx)


def similarity_matching(h: np.ndarray, labels: np.ndarray, classes: int) -> tuple[float, np.ndarray]:
    """Return the loss and dL/dh, for features h (N, D) and integer labels (N,) of so many classes.

        c_n = h_n − mean(h_n)      u_n = c_n / |c_n|      S(h) = u·uᵀ, the cosines between all rows      E = S(h) − S(Y)

        L = 1/N² Σ_nm E_nm²

        du = 4/N² · E·u      dc_n = (du_n − u_n·(u_n·du_n)) / |c_n|      dh_n = dc_n − mean(dc_n)

    Y are the one-hot labels, so S(Y) is 1 for two images of one class and −1/(C − 1) for two of different classes. In a
    batch of one class, all images are drawn together. A row whose features are all equal has no direction: its
    similarities are 0, and so is its gradient.

    Raises `InputError` unless labels are N ≥ 1 integers from 0 to C−1.
    Source: tutorials/reference.md, "Similarity matching".
    """
    n = len(h)
    check_labels(labels, n, classes)
    target = np.where(labels[:, None] == labels, 1, -1 / (classes - 1)).astype(h.dtype)
    c = h - h.mean(axis=1, keepdims=True)
    length = np.sqrt((c * c).sum(axis=1, keepdims=True))
    length[length == 0] = np.inf
    u = c / length
    e = matmul(u, u.T) - target
    loss = float(np.mean(e * e))
    du = matmul(e, u) * (4 / n**2)
    dc = (du - u * (u * du).sum(axis=1, keepdims=True)) / length
    return loss, dc - dc.mean(axis=1, keepdims=True)
