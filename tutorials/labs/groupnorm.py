"""Lab 3: group normalisation (needs lesson 3; 8 points).

The C channels of an image are cut into G groups of C/G channels that lie side by side. Each group
of each image is normalised by itself, over its channels and all its pixels, so that the images of a
batch have nothing to do with one another:

    x̂ = (x − mean) / √(variance + ε)        y = gamma·x̂ + beta

    x, y (N, H, W, C)    mean, variance: one number for each image and group    gamma, beta (C)

Replace every `...` with your own NumPy code. dy means dL/dy. Then run

    python -m minilocal.grade tutorials/labs/groupnorm.py
"""

import numpy as np

EPSILON = 1e-5


def normalise(x, groups):
    """Return x̂ (N, H, W, C) and 1/√(variance + ε), of shape (N, 1, 1, G, 1)."""
    n, height, width, channels = x.shape
    grouped = x.reshape(n, height, width, groups, channels // groups)
    ...
    return x_hat.reshape(x.shape), inv_std


def parameter_gradients(dy, x_hat):
    """Return dL/dgamma (C) and dL/dbeta (C)."""
    dgamma = ...
    dbeta = ...
    return dgamma, dbeta


def input_gradient(dy, x_hat, inv_std, gamma):
    """Return dL/dx (N, H, W, C); inv_std is what `normalise` returns."""
    n, height, width, channels = dy.shape
    groups = inv_std.shape[3]
    shape = n, height, width, groups, channels // groups
    ...
    return dx.reshape(dy.shape)
