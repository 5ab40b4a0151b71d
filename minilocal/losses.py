"""Softmax cross-entropy: its value and its gradient."""

from __future__ import annotations

import numpy as np

from minilocal.errors import InputError


def softmax_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean loss over the batch and dL/dlogits, for logits (N, C) and integer labels (N,).

        L = −1/N Σ_n log softmax(logits[n])[labels[n]]        dL/dlogits = (softmax(logits) − onehot(labels)) / N

    Logits are shifted by their row's maximum first, which changes nothing but keeps exp from overflowing.
    Raises `InputError` unless labels are integers of 0 … C−1. Source: tutorials/reference.md, "Softmax cross-entropy".
    """
    n, classes = logits.shape
    if labels.shape != (n,):
        raise InputError(f"labels have shape {labels.shape}; {n} rows of logits need ({n},)")
    if n == 0 or labels.dtype.kind not in "iu":
        raise InputError(f"labels are {n} of type {labels.dtype}; at least one is needed, and integers")
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(f"labels go from {labels.min()} to {labels.max()}; {classes} logits allow 0 to {classes - 1}")
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=1, keepdims=True)
    rows = np.arange(n)
    loss = float(np.mean(np.log(total[:, 0]) - shifted[rows, labels]))
    dlogits = exponentials / total
    dlogits[rows, labels] -= 1
    dlogits /= n
    return loss, dlogits
