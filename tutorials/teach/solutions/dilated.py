"""Lab 2: a dilated depthwise convolution (needs lesson 2; 8 points).

Every channel has one k×k kernel and is not mixed with the others. The kernel's pixels lie d pixels
apart (d = 1: side by side), and it moves by s pixels; there is no padding:

    y[n, p, q, c] = Σ_ij x[n, p·s + i·d, q·s + j·d, c] · w[i, j, c]

    x (N, H, W, C)    w (k, k, C)    y (N, P, Q, C)

Loops over i and j are fine; none over images, pixels or channels is needed.

Replace every `...` with your own NumPy code. dy means dL/dy. Then run

    python -m minilocal.grade tutorials/labs/dilated.py
"""

import numpy as np


def out_size(size, k, stride, dilation):
    """Return how often the kernel fits along an axis of that size: P for H, Q for W."""
    return (size - (k - 1) * dilation - 1) // stride + 1  # SOLUTION


def forward(x, w, stride, dilation):
    """Return y (N, P, Q, C)."""
    n, height, width, channels = x.shape
    k = len(w)
    p, q = out_size(height, k, stride, dilation), out_size(width, k, stride, dilation)
    y = np.zeros((n, p, q, channels))
    for i in range(k):
        for j in range(k):
            # SOLUTION
            rows = slice(i * dilation, i * dilation + stride * (p - 1) + 1, stride)
            columns = slice(j * dilation, j * dilation + stride * (q - 1) + 1, stride)
            y += x[:, rows, columns] * w[i, j]
            # END
    return y


def weight_gradient(x, dy, k, stride, dilation):
    """Return dL/dw (k, k, C)."""
    _, p, q, channels = dy.shape
    dw = np.zeros((k, k, channels))
    for i in range(k):
        for j in range(k):
            # SOLUTION
            rows = slice(i * dilation, i * dilation + stride * (p - 1) + 1, stride)
            columns = slice(j * dilation, j * dilation + stride * (q - 1) + 1, stride)
            dw[i, j] = (x[:, rows, columns] * dy).sum(axis=(0, 1, 2))
            # END
    return dw


def input_gradient(dy, w, shape, stride, dilation):
    """Return dL/dx, of x's shape (N, H, W, C)."""
    _, p, q, _ = dy.shape
    dx = np.zeros(shape)
    for i in range(len(w)):
        for j in range(len(w)):
            # SOLUTION
            rows = slice(i * dilation, i * dilation + stride * (p - 1) + 1, stride)
            columns = slice(j * dilation, j * dilation + stride * (q - 1) + 1, stride)
            dx[:, rows, columns] += dy * w[i, j]
            # END
    return dx
