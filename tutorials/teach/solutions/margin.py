"""Lab 1: losses beside cross-entropy (needs lesson 1; 8 points).

Two losses of logits z (N, C). The first one compares with soft targets t (N, C), whose rows are
not negative and need not sum to 1, such as the weighted votes of several people:

    L = −1/N · Σ_n Σ_c t[n, c] · log p[n, c]        p = softmax(z)

The second one, the margin loss, asks that the right logit exceeds every other one by a margin m:

    L = 1/N · Σ_n Σ_{c ≠ y_n} max(0, m + z[n, c] − z[n, y_n])

Replace every `...` with your own NumPy code. dz means dL/dz. Then run

    python -m minilocal.grade tutorials/labs/margin.py
"""

import numpy as np


def log_softmax(logits):
    """Return log p (N, C), finite for logits of any size."""
    shifted = logits - logits.max(axis=1, keepdims=True)  # SOLUTION
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))  # SOLUTION


def soft_loss(logits, targets):
    """Return the first loss, a number."""
    return -np.sum(targets * log_softmax(logits)) / len(logits)  # SOLUTION


def soft_gradient(logits, targets):
    """Return dz (N, C) of the first loss."""
    p = np.exp(log_softmax(logits))
    return (p * targets.sum(axis=1, keepdims=True) - targets) / len(logits)  # SOLUTION


def margin_loss(logits, labels, margin):
    """Return the second loss, a number; labels (N,) are the y_n."""
    rows = np.arange(len(labels))
    # SOLUTION
    excess = np.maximum(0, margin + logits - logits[rows, labels][:, None])
    excess[rows, labels] = 0
    # END
    return excess.sum() / len(labels)


def margin_gradient(logits, labels, margin):
    """Return dz (N, C) of the second loss; where max(0, …) is 0, it passes nothing."""
    rows = np.arange(len(labels))
    # SOLUTION
    dz = (margin + logits - logits[rows, labels][:, None] > 0).astype(logits.dtype)
    dz[rows, labels] = 0
    dz[rows, labels] = -dz.sum(axis=1)
    # END
    return dz / len(labels)
