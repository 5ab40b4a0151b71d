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
    return ...


def forward(features, w1, w2):
    """Return logits (N, classes) and hidden (N, D)."""
    hidden = ...
    return ...


def weight_gradients(features, hidden, w2, dlogits):
    """Return dW1 (C, D) and dW2 (D, classes)."""
    ...
    return dw1, dw2


def features_gradient(features, hidden, w1, w2, dlogits):
    """Return dL/dfeatures (N, H, W, C)."""
    _, height, width, _ = features.shape
    ...
    return np.broadcast_to(dfeatures, features.shape).copy()
