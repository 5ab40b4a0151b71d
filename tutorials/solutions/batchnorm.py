"""Exercise 3: backward through batch normalisation (lesson 3).

    x̂ = (x − mean) / √(variance + ε)        y = gamma·x̂ + beta

Mean and variance are over all axes but the last: each channel has its own, from its M values.
They depend on every x of the batch, which is why dL/dx has three terms:

    dL/dx = gamma / √(variance + ε) · (dy − mean of dy − x̂ · mean of dy·x̂)

All arrays here are (M, C): the class below, which is complete, flattens maps to rows.
Replace every `...` with your own NumPy code. dy means dL/dy. Then run

    python -m minilocal.grade tutorials/exercises/batchnorm.py
"""

import numpy as np

import minilocal as ml


def beta_gradient(dy):
    """Return dL/dbeta (C)."""
    return dy.sum(axis=0)


def gamma_gradient(dy, x_hat):
    """Return dL/dgamma (C)."""
    return (dy * x_hat).sum(axis=0)


def input_gradient(dy, x_hat, gamma, inv_std):
    """Return dL/dx (M, C); inv_std (C) is 1/√(variance + ε)."""
    mean_dy = dy.mean(axis=0)
    mean_dy_x_hat = (dy * x_hat).mean(axis=0)
    return gamma * inv_std * (dy - mean_dy - x_hat * mean_dy_x_hat)


class BatchNorm(ml.Layer):
    """Your functions as a layer of minilocal, for maps and vectors; no running statistics."""

    kept = ("x_hat", "inv_std")

    def __init__(self, channels):
        super().__init__()
        self.add_param("gamma", np.ones(channels))
        self.add_param("beta", np.zeros(channels))

    def forward(self, x, training=False):
        """Return the normalised x; in training, keep what backward needs."""
        rows = x.reshape(-1, x.shape[-1])
        inv_std = 1 / np.sqrt(rows.var(axis=0) + 1e-5)
        x_hat = (rows - rows.mean(axis=0)) * inv_std
        if training:
            self.x_hat, self.inv_std = x_hat, inv_std
        return (self.params["gamma"] * x_hat + self.params["beta"]).reshape(x.shape)

    def backward(self, dy, need_dx=True):
        """Overwrite both parameters' gradients; return dL/dx if need_dx."""
        rows = dy.reshape(-1, dy.shape[-1])
        np.copyto(self.grads["gamma"], gamma_gradient(rows, self.x_hat))
        np.copyto(self.grads["beta"], beta_gradient(rows))
        if not need_dx:
            return None
        dx = input_gradient(rows, self.x_hat, self.params["gamma"], self.inv_std)
        return dx.reshape(dy.shape)
