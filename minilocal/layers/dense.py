"""Convolution of tiny maps: one matrix product for each pair of an output pixel and an input pixel, or one for all.

The plain version is im2col.py: read that first.

On a 2×2 map, a padded 3×3 kernel sees the whole map from every pixel. Of the 9 taps of each output pixel, 5 hang over
the border, and im2col multiplies by those zeros too. Without them, the convolution is a dense layer whose matrix is
made of the kernel's taps, (N, 4·C_in) @ (4·C_in, 4·C_out):

                        input pixel   0        1        2        3
    output pixel 0                  w[1,1]   w[1,2]   w[2,1]   w[2,2]          each entry shown is a tap w[i,j],
                 1                  w[1,0]   w[1,1]   w[2,0]   w[2,1]          itself a matrix (C_in, C_out)
                 2                  w[0,1]   w[0,2]   w[1,1]   w[1,2]
                 3                  w[0,0]   w[0,1]   w[1,0]   w[1,1]

    forward           y[o]    = Σ_inputs  x[i] @ w[tap(o, i)]
    weight gradient   dw[tap] = Σ_pairs   x[i]ᵀ @ dy[o]            over the pairs (o, i) that share this tap
    input gradient    dx[i]   = Σ_outputs dy[o] @ w[tap(o, i)]ᵀ

With few channels, the matrix is built, and the three are one product each. With many, building it would take as long as
multiplying by it, so the sums above are computed term by term, each with a tap where it lies.

This works for any kernel, stride, padding and map, but pays only if a map has fewer pixels than the kernel has taps.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np

from minilocal.compute import memory, parallel
from minilocal.layers.im2col import out_size

FEW = 128 * 128  # with at most so many pairs of channels, the whole matrix is built

Pixel = tuple[int, int]
Term = tuple[np.ndarray, np.ndarray]


def pays(shape: tuple[int, ...], kernel: int, stride: int, padding: int, c_out: int) -> bool:
    """Return whether maps (H, W, C) have fewer pixels than the kernel has taps, so that this multiplies less."""
    return shape[0] * shape[1] < kernel * kernel


def forward(x: np.ndarray, weight: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """Return the convolution y (N, P, Q, C_out) of x (N, H, W, C_in) with weight (k, k, C_in, C_out)."""
    n, height, width, _ = x.shape
    k, c_out = weight.shape[0], weight.shape[3]
    p, q = out_size(height, k, stride, padding), out_size(width, k, stride, padding)
    if _few_channels(weight):
        matrix = _matrix(weight, (height, width), (p, q), stride, padding)
        return parallel.matmul(_rows(x), matrix).reshape(n, p, q, c_out)
    y = memory.empty((n, p, q, c_out), x.dtype)
    terms = defaultdict(list)
    for output, pixel, tap in _pairs((height, width), (p, q), k, stride, padding):
        terms[output].append((_at(x, pixel), weight[tap]))
    _sum_products([(_at(y, output), terms[output]) for output in product(range(p), range(q))])
    return y


def weight_gradient(x: np.ndarray, dy: np.ndarray, dweight: np.ndarray, stride: int, padding: int) -> None:
    """Overwrite dweight (k, k, C_in, C_out) for input x (N, H, W, C_in) and dy (N, P, Q, C_out)."""
    k, pairs = len(dweight), _pairs(x.shape[1:3], dy.shape[1:3], len(dweight), stride, padding)
    if _few_channels(dweight):
        dmatrix = parallel.matmul(_rows(x).T, _rows(dy)).reshape(x.shape[1:] + dy.shape[1:])
        dweight[...] = 0
        for output, pixel, tap in pairs:
            dweight[tap] += dmatrix[_entry(pixel, output)]
        return
    terms = defaultdict(list)
    for output, pixel, tap in pairs:
        terms[tap].append((_at(x, pixel).T, _at(dy, output)))
    _sum_products([(dweight[tap], terms[tap]) for tap in product(range(k), range(k))])


def input_gradient(dy: np.ndarray, weight: np.ndarray, shape: tuple[int, ...], stride: int, padding: int) -> np.ndarray:
    """Return dL/dx of shape (N, H, W, C_in) for dy (N, P, Q, C_out) and weight (k, k, C_in, C_out)."""
    if _few_channels(weight):
        matrix = _matrix(weight, shape[1:3], dy.shape[1:3], stride, padding)
        return parallel.matmul(_rows(dy), matrix.T).reshape(shape)
    dx = memory.empty(shape, dy.dtype)
    terms = defaultdict(list)
    for output, pixel, tap in _pairs(shape[1:3], dy.shape[1:3], len(weight), stride, padding):
        terms[pixel].append((_at(dy, output), weight[tap].T))
    _sum_products([(_at(dx, pixel), terms[pixel]) for pixel in product(range(shape[1]), range(shape[2]))])
    return dx


def _few_channels(weight: np.ndarray) -> bool:
    return weight.shape[2] * weight.shape[3] <= FEW


def _rows(maps: np.ndarray) -> np.ndarray:
    """Return maps (N, H, W, C) as rows (N, H·W·C)."""
    return maps.reshape(len(maps), math.prod(maps.shape[1:]))


def _entry(pixel: Pixel, output: Pixel) -> tuple[int | slice, ...]:
    """Return where two pixels' matrix (C_in, C_out) stands in the whole one, (H, W, C_in, P, Q, C_out)."""
    return (*pixel, slice(None), *output)


def _matrix(weight: np.ndarray, inputs: Sequence[int], outputs: Sequence[int], stride: int, padding: int) -> np.ndarray:
    """Return the matrix (H·W·C_in, P·Q·C_out) shown above, transposed; zero where no tap joins two pixels."""
    c_in, c_out = weight.shape[2:]
    matrix = np.zeros((*inputs, c_in, *outputs, c_out), weight.dtype)
    for output, pixel, tap in _pairs(inputs, outputs, len(weight), stride, padding):
        matrix[_entry(pixel, output)] = weight[tap]
    return matrix.reshape(math.prod(inputs) * c_in, -1)


def _pairs(
    inputs: Sequence[int], outputs: Sequence[int], k: int, stride: int, padding: int
) -> Iterable[tuple[Pixel, Pixel, Pixel]]:
    """Yield (output pixel, input pixel, tap) for each tap that does not hang over the border."""
    for p, q, i, j in product(range(outputs[0]), range(outputs[1]), range(k), range(k)):
        h, w = p * stride + i - padding, q * stride + j - padding
        if 0 <= h < inputs[0] and 0 <= w < inputs[1]:
            yield (p, q), (h, w), (i, j)


def _at(maps: np.ndarray, pixel: Pixel) -> np.ndarray:
    """Return one pixel of all images, (N, C)."""
    return maps[:, pixel[0], pixel[1]]


def _sum_products(sums: Iterable[tuple[np.ndarray, list[Term]]]) -> None:
    """For each (out, terms), write Σ a @ b over the terms (a, b) to out; start with the longest sums."""

    def task(work: tuple[np.ndarray, list[Term], slice]) -> None:
        out, terms, columns = work
        total = parallel.scratch("total", out[:, columns].shape, out.dtype)
        total[...] = 0
        for a, b in terms:
            total += np.matmul(a, b[:, columns], out=parallel.scratch("product", total.shape, out.dtype))
        out[:, columns] = total

    longest_first = sorted(sums, key=lambda pair: -len(pair[1]))
    parallel.run(task, [(out, terms, s) for out, terms in longest_first for s in parallel.lanes(out.shape[1], 2)])
