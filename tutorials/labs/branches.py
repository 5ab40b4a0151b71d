"""Lab 4: networks that branch (needs lesson 4; 7 points).

A residual branch adds its input to the output of a chain of layers f_1 … f_n, and a gate multiplies
the outputs of two layers, entry by entry:

    residual    y = x + f_n(… f_1(x))
    gate        y = a(x) · b(x)

Each layer has forward(x, training=True), which keeps what backward needs, and backward(dy), which
returns dx and sets the gradients of the layer's parameters. Call each exactly once.

Replace every `...` with your own code. dy means dL/dy. Then run

    python -m minilocal.grade tutorials/labs/branches.py
"""


def residual_forward(layers, x):
    """Return y."""
    ...
    return x + y


def residual_backward(layers, dy):
    """Return dL/dx; the layers have run forward."""
    ...
    return dx


def gate_forward(a, b, x):
    """Return y, a's output and b's output."""
    y_a = ...
    y_b = ...
    return y_a * y_b, y_a, y_b


def gate_backward(a, b, y_a, y_b, dy):
    """Return dL/dx; a and b have run forward and returned y_a and y_b."""
    return ...
