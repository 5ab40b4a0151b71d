"""Cases of the lab on a dilated depthwise convolution."""

import numpy as np

TITLE, LESSON, WEEK = "a dilated depthwise convolution", 2, 1
GEOMETRIES = (
    (1, 1, 1),
    (3, 1, 1),
    (2, 2, 1),
    (3, 1, 2),
    (2, 3, 2),
    (3, 2, 2),
)  # kernel, stride, dilation


def sizes(rng):
    """Yield what `out_size` gets."""
    for _ in range(12):
        k, stride, dilation = (int(rng.integers(1, 5)) for _ in range(3))
        size = (k - 1) * dilation + 1 + int(rng.integers(0, 9))
        yield (
            f"size {size}, {k}×{k} kernel, stride {stride}, dilation {dilation}",
            (size, k, stride, dilation),
        )


def trials(rng):
    """Yield a label, x, w, dy, stride and dilation; maps are higher than wide, and some pixels see no kernel."""
    for k, stride, dilation in GEOMETRIES:
        span, channels = (k - 1) * dilation + 1, int(rng.integers(2, 5))
        height, width = (
            span + 2 * stride + int(rng.integers(1, 3)),
            span + stride + int(rng.integers(0, 2)),
        )
        p, q = (height - span) // stride + 1, (width - span) // stride + 1
        x, w = (
            rng.standard_normal((2, height, width, channels)),
            rng.standard_normal((k, k, channels)),
        )
        yield f"{k}×{k} kernel, stride {stride}, dilation {dilation}, {height}×{width} maps", (
            x, w, rng.standard_normal((2, p, q, channels)), stride, dilation,
        )  # fmt: skip


def forward(rng):
    """Yield what `forward` gets."""
    for label, (x, w, _, stride, dilation) in trials(rng):
        yield label, (x, w, stride, dilation)


def weight(rng):
    """Yield what `weight_gradient` gets."""
    for label, (x, w, dy, stride, dilation) in trials(rng):
        yield label, (x, dy, len(w), stride, dilation)


def inputs(rng):
    """Yield what `input_gradient` gets."""
    for label, (x, w, dy, stride, dilation) in trials(rng):
        yield label, (dy, w, x.shape, stride, dilation)


def overwritten(dy, w, shape, stride, dilation):
    """Return dL/dx if taps overwrite one another."""
    _, p, q, _ = dy.shape
    dx = np.zeros(shape)
    for i in range(len(w)):
        for j in range(len(w)):
            rows = slice(i * dilation, i * dilation + stride * (p - 1) + 1, stride)
            columns = slice(j * dilation, j * dilation + stride * (q - 1) + 1, stride)
            dx[:, rows, columns] = dy * w[i, j]
    return dx


CASES = [
    dict(
        name="size of the output", points=1, function="out_size", returns=("the size",),
        nudge="how many pixels does a kernel cover whose pixels lie d apart?",
        equation="it covers (k − 1)·d + 1 pixels, and fits ⌊(size − that) / s⌋ + 1 times",
        trials=sizes,
    ),
    dict(
        name="forward pass", points=2, function="forward", returns=("y",),
        nudge="for fixed i and j, which rows of x do all the output rows see? They are a slice with a step",
        equation="rows i·d, i·d + s, …, i·d + (P−1)·s of x, and columns likewise, times w[i, j], added up over i and j",
        trials=forward, helpers=("out_size",),
    ),
    dict(
        name="gradient of the weight", points=2, function="weight_gradient", returns=("dw",),
        nudge="every entry of w is used once for each image and output pixel",
        equation="dw[i, j, c] = Σ_npq x[n, p·s + i·d, q·s + j·d, c] · dy[n, p, q, c]",
        trials=weight, helpers=("out_size",),
    ),
    dict(
        name="gradient of the input", points=3, function="input_gradient", returns=("dx",),
        nudge="the same slices as in forward, now on the left-hand side",
        equation="add dy·w[i, j] to rows i·d, i·d + s, … and columns likewise of dx, for every i and j",
        trials=inputs, helpers=("out_size",),
        mistakes={"one kernel pixel overwrites what another one has added": overwritten},
    ),
]  # fmt: skip
