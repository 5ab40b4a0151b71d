"""Exercise 2: a convolution as matrix products (lesson 2).

    x (N, H, W, C_in)    weight (k, k, C_in, C_out)    y (N, P, Q, C_out)

A patch is what one output pixel sees: k×k pixels of the zero-padded image. cols has one row per
output pixel, which contains the numbers of its patch. Then y = cols·W, where W is the weight as a
(k·k·C_in, C_out) matrix. The two loops over i and j need no loops over pixels inside them: slices
with a step handle all output pixels at once.

Replace every `...` with your own NumPy code; the class below is complete. dy means dL/dy. Then run

    python -m minilocal.grade tutorials/exercises/conv.py
"""

import numpy as np

import minilocal as ml


def out_size(size, k, stride, padding):
    """Return the number of positions of a window of k pixels along an axis with that size."""
    return (size + 2 * padding - k) // stride + 1


def im2col(x, k, stride, padding):
    """Return cols (N·P·Q, k·k·C_in): row (n, p, q) is the patch of output pixel (p, q)."""
    n, height, width, channels = x.shape
    p, q = out_size(height, k, stride, padding), out_size(width, k, stride, padding)
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    cols = np.zeros((n, p, q, k, k, channels))
    for i in range(k):
        for j in range(k):
            # Row i, column j of every patch: (N, P, Q, C_in) numbers of `padded`.
            cols[:, :, :, i, j] = ...
    return cols.reshape(n * p * q, k * k * channels)


def forward(x, weight, stride, padding):
    """Return y (N, P, Q, C_out)."""
    n, height, width, _ = x.shape
    k, _, _, c_out = weight.shape
    p, q = out_size(height, k, stride, padding), out_size(width, k, stride, padding)
    cols = im2col(x, k, stride, padding)
    y = ...  # (N·P·Q, C_out)
    return y.reshape(n, p, q, c_out)


def weight_gradient(x, dy, k, stride, padding):
    """Return dL/dweight (k, k, C_in, C_out)."""
    c_in, c_out = x.shape[-1], dy.shape[-1]
    cols = im2col(x, k, stride, padding)
    dweight = ...  # (k·k·C_in, C_out)
    return dweight.reshape(k, k, c_in, c_out)


def col2im(cols, shape, k, stride, padding):
    """Return an image of shape (N, H, W, C_in): each row of cols is added back to its patch.

    This is the transpose of im2col: im2col copies a pixel to several rows, col2im adds them up.
    """
    n, height, width, channels = shape
    p, q = out_size(height, k, stride, padding), out_size(width, k, stride, padding)
    cols = cols.reshape(n, p, q, k, k, channels)
    padded = np.zeros((n, height + 2 * padding, width + 2 * padding, channels))
    for i in range(k):
        for j in range(k):
            # Add row i, column j of every patch to the place that im2col took it from.
            ...
    return padded[:, padding : padding + height, padding : padding + width]


def input_gradient(dy, weight, shape, stride, padding):
    """Return dL/dx (N, H, W, C_in); shape is x's."""
    k, _, _, c_out = weight.shape
    dcols = ...  # (N·P·Q, k·k·C_in)
    return col2im(dcols, shape, k, stride, padding)


class Conv2d(ml.Layer):
    """Your functions as a layer of minilocal."""

    kept = ("x",)

    def __init__(self, c_in, c_out, kernel=3, stride=1, padding=1, rng=0):
        super().__init__()
        weight = np.random.default_rng(rng).standard_normal((kernel, kernel, c_in, c_out))
        self.add_param("weight", weight * np.sqrt(2 / (kernel * kernel * c_in)))
        self.kernel, self.stride, self.padding = kernel, stride, padding

    def forward(self, x, training=False):
        """Return y; in training, keep x."""
        if training:
            self.x = x
        return forward(x, self.params["weight"], self.stride, self.padding)

    def backward(self, dy, need_dx=True):
        """Overwrite the weight's gradient; return dL/dx if need_dx."""
        dweight = weight_gradient(self.x, dy, self.kernel, self.stride, self.padding)
        np.copyto(self.grads["weight"], dweight)
        if not need_dx:
            return None
        return input_gradient(dy, self.params["weight"], self.x.shape, self.stride, self.padding)
