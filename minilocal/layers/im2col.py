"""Convolution by im2col: one matrix product per chunk of images, for any kernel, stride and padding.

This is the plain file, to be read first. By default a convolution runs on dense.py if its maps are tiny, on direct.py
if it has few input channels, on winograd.py if that fits, and otherwise here; `--plain` trains with this alone.

With cols = im2col(x), of shape (N·P·Q, k·k·C_in), and W = weight.reshape(k·k·C_in, C_out):

    forward           y  = cols @ W
    weight gradient   dW = colsᵀ @ dy          (a sum over images)
    input gradient    dx = col2im(dy @ Wᵀ)     (col2im is the transpose of im2col, see kernels/im2col.py)

With stride 1, cols takes k·k times as much memory as the images. So it is made and used for one chunk of images at a
time, small enough for the cache, and made again for the weight gradient instead of being stored.
"""

from __future__ import annotations

import numpy as np

from minilocal.compute import memory, parallel
from minilocal.kernels import im2col as kernels


def out_size(size: int, k: int, stride: int, padding: int) -> int:
    """Return how many positions a window of k has along an axis of that size; below 1, it does not fit."""
    return (size + 2 * padding - k) // stride + 1


def forward(x: np.ndarray, weight: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """Return the convolution y (N, P, Q, C_out) of x (N, H, W, C_in) with weight (k, k, C_in, C_out)."""
    n, height, width, _ = x.shape
    k, _, _, c_out = weight.shape
    p, q = out_size(height, k, stride, padding), out_size(width, k, stride, padding)
    matrix = weight.reshape(-1, c_out)
    y = memory.empty((n, p, q, c_out), x.dtype)

    def task(images: slice) -> None:
        cols = _columns(x[images], k, p, q, stride, padding)
        np.matmul(cols, matrix, out=y[images].reshape(-1, c_out))

    parallel.run(task, parallel.image_chunks(n, p * q * matrix.shape[0] * x.itemsize))
    return y


def weight_gradient(x: np.ndarray, dy: np.ndarray, dweight: np.ndarray, stride: int, padding: int) -> None:
    """Overwrite dweight (k, k, C_in, C_out) for input x (N, H, W, C_in) and dy (N, P, Q, C_out)."""
    n, p, q, _ = dy.shape
    k, _, c_in, c_out = dweight.shape
    lanes = parallel.lanes(n)
    partial = memory.empty((len(lanes), k * k * c_in, c_out), x.dtype)  # one sum per lane

    def task(lane: int) -> None:
        images = lanes[lane]
        x_lane, dy_lane = x[images], dy[images]
        for number, chunk in enumerate(parallel.chunks(len(x_lane), 2 * p * q * k * k * c_in * x.itemsize)):
            cols = _columns(x_lane[chunk], k, p, q, stride, padding)
            dy_rows = dy_lane[chunk].reshape(-1, c_out)
            if number == 0:
                np.matmul(cols.T, dy_rows, out=partial[lane])
            else:
                product = parallel.scratch("product", partial[lane].shape, x.dtype)
                partial[lane] += np.matmul(cols.T, dy_rows, out=product)

    parallel.run(task, range(len(lanes)))
    np.sum(partial, axis=0, out=dweight.reshape(partial[0].shape))


def input_gradient(dy: np.ndarray, weight: np.ndarray, shape: tuple[int, ...], stride: int, padding: int) -> np.ndarray:
    """Return dL/dx of shape (N, H, W, C_in) for dy (N, P, Q, C_out) and weight (k, k, C_in, C_out)."""
    n, p, q, c_out = dy.shape
    k, _, c_in, _ = weight.shape
    matrix = weight.reshape(-1, c_out)
    dx = memory.empty(shape, dy.dtype)

    def task(images: slice) -> None:
        count = images.stop - images.start
        cols = parallel.scratch("cols", (count * p * q, k * k * c_in), dy.dtype)
        np.matmul(dy[images].reshape(-1, c_out), matrix.T, out=cols)
        kernels.col2im(cols.reshape(count, p, q, k, k * c_in), _rows(dx[images]), k, stride, padding)

    parallel.run(task, parallel.image_chunks(n, p * q * matrix.shape[0] * dy.itemsize))
    return dx


def _columns(x: np.ndarray, k: int, p: int, q: int, stride: int, padding: int) -> np.ndarray:
    """Return im2col(x), (N·P·Q, k·k·C_in), in a buffer of the calling thread."""
    n, _, _, c_in = x.shape
    cols = parallel.scratch("cols", (n, p, q, k, k * c_in), x.dtype)
    kernels.im2col(_rows(x), cols, k, stride, padding)
    return cols.reshape(n * p * q, k * k * c_in)


def _rows(x: np.ndarray) -> np.ndarray:
    """Return x (N, H, W, C) as (N, H, W·C), where the channels of neighbouring pixels are one run of numbers."""
    return x.reshape(len(x), x.shape[1], -1)
