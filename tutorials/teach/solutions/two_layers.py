"""Lab 5: an auxiliary classifier with a hidden layer (needs lesson 5; 8 points).

It sees the mean of each channel over all pixels, has one hidden layer with a ReLU, and no bias:

    pooled = mean of features over the pixels        hidden = max(0, pooled · W1)
    logits = hidden · W2

    features (N, H, W, C)    W1 (C, D)    W2 (D, classes)

The layer below it learns from dL/dfeatures alone.

Replace every `...` with your own NumPy code. da means dL/da. Then run

    python -m minilocal.grade tutorials/labs/two_layers.py
"""

import numpy as np


def pool(features):
    """Return the mean of each channel over the pixels, (N, C)."""
    return features.mean(axis=(1, 2))  # SOLUTION


def forward(features, w1, w2):
    """Return logits (N, classes) and hidden (N, D)."""
    hidden = np.maximum(0, pool(features) @ w1)  # SOLUTION
    return hidden @ w2, hidden  # SOLUTION


def weight_gradients(features, hidden, w2, dlogits):
    """Return dW1 (C, D) and dW2 (D, classes)."""
    # SOLUTION
    dhidden = (dlogits @ w2.T) * (hidden > 0)
    dw1 = pool(features).T @ dhidden
    dw2 = hidden.T @ dlogits
    # END
    return dw1, dw2


def features_gradient(features, hidden, w1, w2, dlogits):
    """Return dL/dfeatures (N, H, W, C)."""
    _, height, width, _ = features.shape
    # SOLUTION
    dpooled = ((dlogits @ w2.T) * (hidden > 0)) @ w1.T
    dfeatures = dpooled[:, None, None] / (height * width)
    # END
    return np.broadcast_to(dfeatures, features.shape).copy()
