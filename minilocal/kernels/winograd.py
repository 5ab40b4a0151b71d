"""Winograd's transforms for 3×3 convolutions, F(4×4, 3×3): 36 multiplications for 4×4 outputs instead of 144.

The plain kernels are in kernels/im2col.py; read those first.

A 1-D convolution with 3 taps is a product of polynomials. Evaluated at the points 0, 1, −1, 2, −2 and ∞, it needs
one multiplication per point: six for four outputs. In two dimensions, do the same to rows and then to columns:

        input          6×6 patch d          weight g            output
      ┌ ─ ┬───────┬ ─ ┐
      ├───┼───────┼───┤                     3×3                 ┌───────┐        tiles are 4×4 outputs side by side;
      │   │ tile  │   │   ── Bᵀ·d·B ──►      │                  │ 4×4   │        their patches overlap by 2 pixels
      │   │ 4×4   │   │     6×6 points      G·g·Gᵀ              │       │
      ├───┼───────┼───┤          │       6×6 points             └───────┘
      └ ─ ┴───────┴ ─ ┘          └──── ⊙ ────┘                      ▲
                                       └─────── Aᵀ·m·A ─────────────┘

⊙ multiplies point by point and sums over the input channels. That is one matrix product per point, 36 in all, and
layers/winograd.py leaves them to BLAS. The forward pass uses `input_transform`, `weight_transform` and
`output_transform`. All three are linear, and the gradients use their transposes.

    Bᵀ = 4  0 −5  0  1  0      G = 1/4 ·  1  0  0         Aᵀ = 1  1  1  1  1  0
         0 −4 −4  1  1  0         −1/6 ·  1  1  1              0  1 −1  2 −2  0
         0  4 −4 −1  1  0         −1/6 ·  1 −1  1              0  1  1  4  4  0
         0 −2 −1  2  1  0         1/24 ·  1  2  4              0  1 −1  8 −8  1
         0  2 −1 −2  1  0         1/24 ·  1 −2  4
         0  4  0 −5  0  1            1 ·  0  0  1

Each of the six matrices (these three and their transposes) has a small function that multiplies it, from the left, by
rows of numbers: row i of x is the n numbers from x[at + i·step] on. Arrays are flat and positions unsigned, because
then the loops vectorise: one row of the result per loop, over neighbouring channels or pixels.
Source: Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural Networks"; tutorials/reference.md, "Winograd".
"""

from __future__ import annotations

import numpy as np

from minilocal.compute.compilation import Array, kernel

TILE, PATCH, POINTS = 4, 6, 36

# In float32 these are exact, and products with float32 numbers stay float32; an integer would make them float64.
TWO, FOUR, FIVE, EIGHT = (np.float32(number) for number in (2, 4, 5, 8))


@kernel
def input_transform(x: Array, points: Array, first: int) -> None:
    """Write Bᵀ·d·B of each patch d of x (n, H, W, C) to points (36, T, C), at tile number `first` and onwards.

    H and W are multiples of 4. Patches at the border hang over it by one pixel, which counts as zero.
    """
    images, height, width, c = x.shape
    tiles, row, pixels = points.shape[1], (width + 2) * c, width * c
    flat_x, flat_points = x.reshape(-1), points.reshape(-1)
    patch, half = np.zeros(PATCH * row, x.dtype), np.empty(PATCH * row, x.dtype)
    t = first
    for n in range(images):
        for p in range(0, height, TILE):
            for i in range(PATCH):
                h = p + i - 1
                if 0 <= h < height:
                    _copy(flat_x, (n * height + h) * pixels, patch, i * row + c, pixels)
                else:
                    patch[i * row : (i + 1) * row] = 0
            _bt(patch, 0, row, half, 0, row, row)
            for q in range(0, width, TILE):
                for i in range(PATCH):
                    _bt(half, i * row + q * c, c, flat_points, (PATCH * i * tiles + t) * c, tiles * c, c)
                t += 1


@kernel
def input_transform_transposed(points: Array, dx: Array, first: int) -> None:
    """Overwrite dx (n, H, W, C) with the sum of B·m·Bᵀ over its overlapping patches.

    m holds the 36 points of one tile of points (36, T, C), from tile number `first` on.
    """
    images, height, width, c = dx.shape
    tiles, row, pixels = points.shape[1], (width + 2) * c, width * c
    flat_dx, flat_points = dx.reshape(-1), points.reshape(-1)
    patch, half = np.empty(PATCH * row, dx.dtype), np.empty(PATCH * row, dx.dtype)
    flat_dx[:] = 0
    t = first
    for n in range(images):
        for p in range(0, height, TILE):
            half[:] = 0
            for q in range(0, width, TILE):
                for i in range(PATCH):
                    _b(flat_points, (PATCH * i * tiles + t) * c, tiles * c, half, i * row + q * c, c, c)
                t += 1
            patch[:] = 0
            _b(half, 0, row, patch, 0, row, row)
            for i in range(PATCH):
                h = p + i - 1
                if 0 <= h < height:
                    _add(patch, i * row + c, flat_dx, (n * height + h) * pixels, pixels)


@kernel
def output_transform(points: Array, y: Array, first: int) -> None:
    """Write Aᵀ·m·A of each tile of points (36, T, C), from tile number `first` on, to y (n, H, W, C)."""
    images, height, width, c = y.shape
    tiles, across = points.shape[1], width // TILE
    flat_y, flat_points, run = y.reshape(-1), points.reshape(-1), across * c
    half = np.empty(TILE * PATCH * run, y.dtype)
    t = first
    for n in range(images):
        for p in range(0, height, TILE):
            for j in range(PATCH):  # a whole row of tiles at once: their points are neighbours
                _at(flat_points, (j * tiles + t) * c, PATCH * tiles * c, half, j * run, PATCH * run, run)
            for i in range(TILE):
                for q in range(across):
                    _at(half, PATCH * i * run + q * c, run, flat_y, ((n * height + p + i) * width + TILE * q) * c, c, c)
            t += across


@kernel
def output_transform_transposed(dy: Array, points: Array, first: int) -> None:
    """Write A·e·Aᵀ of each 4×4 tile e of dy (n, H, W, C) to points (36, T, C), at tile number `first` and onwards."""
    images, height, width, c = dy.shape
    tiles, pixels = points.shape[1], width * c
    flat_dy, flat_points = dy.reshape(-1), points.reshape(-1)
    half = np.empty(PATCH * pixels, dy.dtype)
    t = first
    for n in range(images):
        for p in range(0, height, TILE):
            _a(flat_dy, (n * height + p) * pixels, pixels, half, 0, pixels, pixels)
            for q in range(0, width, TILE):
                for i in range(PATCH):
                    _a(half, i * pixels + q * c, c, flat_points, (PATCH * i * tiles + t) * c, tiles * c, c)
                t += 1


@kernel
def weight_transform(weight: Array, points: Array, first: int, last: int) -> None:
    """Write G·g·Gᵀ of kernels first … last − 1 of weight (9, L) to points (36, L); L is C_in·C_out."""
    length, n = weight.shape[1], last - first
    flat_weight, flat_points, half = weight.reshape(-1), points.reshape(-1), np.empty(18 * n, weight.dtype)
    for b in range(3):
        _g(flat_weight, b * length + first, 3 * length, half, b * n, 3 * n, n)
    for i in range(PATCH):
        _g(half, 3 * i * n, n, flat_points, PATCH * i * length + first, length, n)


@kernel
def weight_transform_transposed(points: Array, dweight: Array, first: int, last: int) -> None:
    """Write Gᵀ·m·G of kernels first … last − 1, with m from points (36, L), to dweight (9, L)."""
    length, n = dweight.shape[1], last - first
    flat_dweight, flat_points, half = dweight.reshape(-1), points.reshape(-1), np.empty(18 * n, dweight.dtype)
    for i in range(PATCH):
        _gt(flat_points, PATCH * i * length + first, length, half, 3 * i * n, n, n)
    for b in range(3):
        _gt(half, b * n, 3 * n, flat_dweight, b * length + first, 3 * length, n)


@kernel
def _copy(x: Array, at: int, y: Array, to: int, n: int) -> None:
    """Copy n numbers of x, starting at x[at], to y, starting at y[to]."""
    a, b = np.uint64(at), np.uint64(to)
    for k in range(np.uint64(n)):
        y[b + k] = x[a + k]


@kernel
def _add(x: Array, at: int, y: Array, to: int, n: int) -> None:
    """Add n numbers of x, starting at x[at], to those of y, starting at y[to]."""
    a, b = np.uint64(at), np.uint64(to)
    for k in range(np.uint64(n)):
        y[b + k] += x[a + k]


@kernel
def _starts(at: int, step: int) -> tuple:
    """Return where rows 0 … 5 begin, as unsigned numbers: at, at + step, at + 2·step, …"""
    a, s = np.uint64(at), np.uint64(step)
    a1 = a + s
    a2 = a1 + s
    a3 = a2 + s
    a4 = a3 + s
    return a, a1, a2, a3, a4, a4 + s


@kernel
def _bt(x: Array, at: int, step: int, y: Array, to: int, stride: int, n: int) -> None:
    """y = Bᵀ·x: six rows from six."""
    a, a1, a2, a3, a4, a5 = _starts(at, step)
    b, b1, b2, b3, b4, b5 = _starts(to, stride)
    for k in range(np.uint64(n)):
        y[b + k] = FOUR * x[a + k] - FIVE * x[a2 + k] + x[a4 + k]
    for k in range(np.uint64(n)):
        y[b1 + k] = (x[a4 + k] - FOUR * x[a2 + k]) + (x[a3 + k] - FOUR * x[a1 + k])
    for k in range(np.uint64(n)):
        y[b2 + k] = (x[a4 + k] - FOUR * x[a2 + k]) - (x[a3 + k] - FOUR * x[a1 + k])
    for k in range(np.uint64(n)):
        y[b3 + k] = (x[a4 + k] - x[a2 + k]) + TWO * (x[a3 + k] - x[a1 + k])
    for k in range(np.uint64(n)):
        y[b4 + k] = (x[a4 + k] - x[a2 + k]) - TWO * (x[a3 + k] - x[a1 + k])
    for k in range(np.uint64(n)):
        y[b5 + k] = FOUR * x[a1 + k] - FIVE * x[a3 + k] + x[a5 + k]


@kernel
def _b(x: Array, at: int, step: int, y: Array, to: int, stride: int, n: int) -> None:
    """y += B·x: six rows from six."""
    a, a1, a2, a3, a4, a5 = _starts(at, step)
    b, b1, b2, b3, b4, b5 = _starts(to, stride)
    for k in range(np.uint64(n)):
        y[b + k] += FOUR * x[a + k]
    for k in range(np.uint64(n)):
        y[b1 + k] += FOUR * (x[a2 + k] - x[a1 + k] + x[a5 + k]) + TWO * (x[a4 + k] - x[a3 + k])
    for k in range(np.uint64(n)):
        y[b2 + k] -= FIVE * x[a + k] + FOUR * (x[a1 + k] + x[a2 + k]) + x[a3 + k] + x[a4 + k]
    for k in range(np.uint64(n)):
        y[b3 + k] += x[a1 + k] - x[a2 + k] + TWO * (x[a3 + k] - x[a4 + k]) - FIVE * x[a5 + k]
    for k in range(np.uint64(n)):
        y[b4 + k] += x[a + k] + (x[a1 + k] + x[a2 + k]) + (x[a3 + k] + x[a4 + k])
    for k in range(np.uint64(n)):
        y[b5 + k] += x[a5 + k]


@kernel
def _at(x: Array, at: int, step: int, y: Array, to: int, stride: int, n: int) -> None:
    """y = Aᵀ·x: four rows from six."""
    a, a1, a2, a3, a4, a5 = _starts(at, step)
    b, b1, b2, b3, _, _ = _starts(to, stride)
    for k in range(np.uint64(n)):
        y[b + k] = x[a + k] + (x[a1 + k] + x[a2 + k]) + (x[a3 + k] + x[a4 + k])
    for k in range(np.uint64(n)):
        y[b1 + k] = (x[a1 + k] - x[a2 + k]) + TWO * (x[a3 + k] - x[a4 + k])
    for k in range(np.uint64(n)):
        y[b2 + k] = (x[a1 + k] + x[a2 + k]) + FOUR * (x[a3 + k] + x[a4 + k])
    for k in range(np.uint64(n)):
        y[b3 + k] = (x[a1 + k] - x[a2 + k]) + EIGHT * (x[a3 + k] - x[a4 + k]) + x[a5 + k]


@kernel
def _a(x: Array, at: int, step: int, y: Array, to: int, stride: int, n: int) -> None:
    """y = A·x: six rows from four."""
    a, a1, a2, a3, _, _ = _starts(at, step)
    b, b1, b2, b3, b4, b5 = _starts(to, stride)
    for k in range(np.uint64(n)):
        y[b + k] = x[a + k]
    for k in range(np.uint64(n)):
        y[b1 + k] = (x[a + k] + x[a2 + k]) + (x[a1 + k] + x[a3 + k])
    for k in range(np.uint64(n)):
        y[b2 + k] = (x[a + k] + x[a2 + k]) - (x[a1 + k] + x[a3 + k])
    for k in range(np.uint64(n)):
        y[b3 + k] = (x[a + k] + FOUR * x[a2 + k]) + TWO * (x[a1 + k] + FOUR * x[a3 + k])
    for k in range(np.uint64(n)):
        y[b4 + k] = (x[a + k] + FOUR * x[a2 + k]) - TWO * (x[a1 + k] + FOUR * x[a3 + k])
    for k in range(np.uint64(n)):
        y[b5 + k] = x[a3 + k]


@kernel
def _g(x: Array, at: int, step: int, y: Array, to: int, stride: int, n: int) -> None:
    """y = G·x: six rows from three."""
    quarter, sixth, other = x.dtype.type(1 / 4), x.dtype.type(1 / 6), x.dtype.type(1 / 24)
    a, a1, a2, _, _, _ = _starts(at, step)
    b, b1, b2, b3, b4, b5 = _starts(to, stride)
    for k in range(np.uint64(n)):
        y[b + k] = quarter * x[a + k]
    for k in range(np.uint64(n)):
        y[b1 + k] = -sixth * ((x[a + k] + x[a2 + k]) + x[a1 + k])
    for k in range(np.uint64(n)):
        y[b2 + k] = -sixth * ((x[a + k] + x[a2 + k]) - x[a1 + k])
    for k in range(np.uint64(n)):
        y[b3 + k] = other * ((x[a + k] + FOUR * x[a2 + k]) + TWO * x[a1 + k])
    for k in range(np.uint64(n)):
        y[b4 + k] = other * ((x[a + k] + FOUR * x[a2 + k]) - TWO * x[a1 + k])
    for k in range(np.uint64(n)):
        y[b5 + k] = x[a2 + k]


@kernel
def _gt(x: Array, at: int, step: int, y: Array, to: int, stride: int, n: int) -> None:
    """y = Gᵀ·x: three rows from six."""
    quarter, sixth, other = x.dtype.type(1 / 4), x.dtype.type(1 / 6), x.dtype.type(1 / 24)
    a, a1, a2, a3, a4, a5 = _starts(at, step)
    b, b1, b2, _, _, _ = _starts(to, stride)
    for k in range(np.uint64(n)):
        y[b + k] = quarter * x[a + k] - sixth * (x[a1 + k] + x[a2 + k]) + other * (x[a3 + k] + x[a4 + k])
    for k in range(np.uint64(n)):
        y[b1 + k] = sixth * (x[a2 + k] - x[a1 + k]) + TWO * other * (x[a3 + k] - x[a4 + k])
    for k in range(np.uint64(n)):
        y[b2 + k] = FOUR * other * (x[a3 + k] + x[a4 + k]) - sixth * (x[a1 + k] + x[a2 + k]) + x[a5 + k]
