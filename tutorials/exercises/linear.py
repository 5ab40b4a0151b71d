"""Exercise 1: a linear layer (lesson 1).

    y = x·weight + bias        x (N, in)    weight (in, out)    bias (out)    y (N, out)

Replace every `...` with your own NumPy code; the class below is complete. dy means dL/dy. Then run

    python -m minilocal.grade tutorials/exercises/linear.py
"""

import numpy as np

import minilocal as ml


def forward(x, weight, bias):
    """Return y (N, out)."""
    return ...


def weight_gradient(x, dy):
    """Return dL/dweight (in, out)."""
    return ...


def bias_gradient(dy):
    """Return dL/dbias (out)."""
    return ...


def input_gradient(dy, weight):
    """Return dL/dx (N, in)."""
    return ...


class Linear(ml.Layer):
    """Your functions as a layer of minilocal; forward keeps x because backward needs it."""

    kept = ("x",)

    def __init__(self, d_in, d_out, rng=0):
        super().__init__()
        weight = np.random.default_rng(rng).standard_normal((d_in, d_out)) / np.sqrt(d_in)
        self.add_param("weight", weight)
        self.add_param("bias", np.zeros(d_out))

    def forward(self, x, training=False):
        """Return y; in training, keep x."""
        if training:
            self.x = x
        return forward(x, self.params["weight"], self.params["bias"])

    def backward(self, dy, need_dx=True):
        """Overwrite both parameters' gradients; return dL/dx if need_dx."""
        np.copyto(self.grads["weight"], weight_gradient(self.x, dy))
        np.copyto(self.grads["bias"], bias_gradient(dy))
        return input_gradient(dy, self.params["weight"]) if need_dx else None
