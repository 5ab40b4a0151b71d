"""Softmax cross-entropy of an auxiliary classifier's class scores, the paper's local loss.

x_j ─► A_j ─► logits ─► softmax cross-entropy ─► value
dx_j ◄──────────────────────────────────────────
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minilocal.errors import InputError
from minilocal.layers import Layer


class CrossEntropy:
    """The paper's local loss: softmax cross-entropy of an auxiliary classifier's class scores.

    `smoothing` is passed on to `softmax_cross_entropy`; `weight` multiplies the loss and its gradients.
    Source: Lee, Lee & Jeon 2021, section II.
    """

    def __init__(self, classifier: Layer, smoothing: float = 0.0, weight: float = 1.0) -> None:
        self.layers, self.smoothing, self.weight = {"aux": classifier}, smoothing, weight

    def __call__(self, x: np.ndarray, labels: np.ndarray, need_dx: bool = True) -> tuple[float, int | None, Any]:
        """Return the mean loss, the number of correct predictions, and dL/dx (None unless need_dx).

        If the loss is not finite, no gradients are computed.
        """
        classifier = self.layers["aux"]
        logits = classifier.forward(x, training=True)
        value, dlogits = softmax_cross_entropy(logits, labels, self.smoothing)
        correct = int(np.sum(logits.argmax(axis=1) == labels))
        if not math.isfinite(value):
            return value, correct, None  # the step refuses it; gradients would only hide where it came from
        return self.weight * value, correct, classifier.backward(self.weight * dlogits, need_dx)


def softmax_cross_entropy(logits: np.ndarray, labels: np.ndarray, smoothing: float = 0.0) -> tuple[float, np.ndarray]:
    """Return the mean loss over the batch and dL/dlogits, for logits (N, C) and integer labels (N,).

        L = −1/N Σ_n Σ_c t[n, c] · log p[n, c]      with p = softmax(logits)
        dL/dlogits = (p − t) / N

    The target t is onehot(labels). With label smoothing ε it is (1 − ε)·onehot(labels) + ε/C (Szegedy et al. 2016).
    Each row's maximum is subtracted first, which does not change the result but keeps exp from overflowing.

    Raises `InputError` unless labels are N ≥ 1 integers from 0 to C−1.
    Source: tutorials/reference.md, "Softmax cross-entropy".
    """
    n, classes = logits.shape
    check_labels(labels, n, classes)
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=1, keepdims=True)
    rows = np.arange(n)
    loss = float(np.mean(np.log(total[:, 0]) - shifted[rows, labels]))
    dlogits = exponentials / total
    dlogits[rows, labels] -= 1 - smoothing
    if smoothing:
        loss_of_all = float(np.mean(np.log(total) - shifted))  # mean over the classes, as if each were the label
        loss = (1 - smoothing) * loss + smoothing * loss_of_all
        dlogits -= smoothing / classes
    dlogits /= n
    return loss, dlogits


def check_labels(labels: np.ndarray, n: int, classes: int) -> None:
    """Raise `InputError` unless labels are n ≥ 1 integers from 0 to classes − 1."""
    if labels.shape != (n,):
        raise InputError(f"labels have shape {labels.shape}; {n} rows of logits need ({n},)")
    if n == 0 or labels.dtype.kind not in "iu":
        raise InputError(f"labels are {n} of type {labels.dtype}; at least one is needed, and integers")
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(f"labels go from {labels.min()} to {labels.max()}; {classes} logits allow 0 to {classes - 1}")
