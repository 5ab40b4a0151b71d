"""Winograd's transforms for 3×3 convolutions, F(4×4, 3×3): 36 multiplications per 4×4 outputs instead of 144.

A 1-D convolution with 3 taps is a product of polynomials. Evaluated at the points 0, 1, −1, 2, −2 and ∞, it needs
one multiplication per point, six for four outputs. In two dimensions the same is done to rows and then to columns:

        input          6×6 patch d          weight g            output
      ┌ ─ ┬───────┬ ─ ┐
      ├───┼───────┼───┤                     3×3                 ┌───────┐        tiles are 4×4 outputs side by side;
      │   │ tile  │   │   ── Bᵀ·d·B ──►      │                  │ 4×4   │        their patches overlap by 2 pixels
      │   │ 4×4   │   │     6×6 points      G·g·Gᵀ              │       │
      ├───┼───────┼───┤          │       6×6 points             └───────┘
      └ ─ ┴───────┴ ─ ┘          └──── ⊙ ────┘                      ▲
                                       └─────── Aᵀ·m·A ─────────────┘

⊙ multiplies point by point and sums over the input channels: 36 matrix products, one per point, which are not done
here but by BLAS (layers/winograd.py). The forward pass uses `input_transform`, `weight_transform` and
`output_transform`; all three are linear, and the gradients use their transposes.

    Bᵀ = 4  0 −5  0  1  0      G = 1/4 ·  1  0  0         Aᵀ = 1  1  1  1  1  0
         0 −4 −4  1  1  0         −1/6 ·  1  1  1              0  1 −1  2 −2  0
         0  4 −4 −1  1  0         −1/6 ·  1 −1  1              0  1  1  4  4  0
         0 −2 −1  2  1  0         1/24 ·  1  2  4              0  1 −1  8 −8  1
         0  2 −1 −2  1  0         1/24 ·  1 −2  4
         0  4  0 −5  0  1            1 ·  0  0  1

Each of these six matrices (three and their transposes) is one small function that multiplies it from the left with
rows of numbers: row i of x is the n numbers from x[at + i·step] on. All arrays are flat and all positions unsigned,
because then the loops vectorise: one result row per loop, over neighbouring channels or pixels.
Source: Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural Networks"; tutorials/reference.md, "Winograd".
"""

from __future__ import annotations

import numpy as np

from minilocal.compute.compilation import kernel

TILE, PATCH, POINTS = 4, 6, 36

# Of type float32, so that products with float32 numbers stay float32 (an integer would make them float64), and exact.
TWO, FOUR, FIVE, EIGHT = (np.float32(number) for number in (2, 4, 5, 8))


@kernel
def input_transform(x: np.ndarray, points: np.ndarray, first: int) -> None:
    """Write Bᵀ·d·B of every patch d of x (n, H, W, C) to points (36, T, C), as tiles number `first` and following.

    H and W are multiples of 4; the patches of the tiles at the border hang over it by a pixel, which is zero.
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
def input_transform_transposed(points: np.ndarray, dx: np.ndarray, first: int) -> None:
    """Write to dx (n, H, W, C) the sum of B·m·Bᵀ over the overlapping patches, m from points as above."""
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
def output_transform(points: np.ndarray, y: np.ndarray, first: int) -> None:
    """Write Aᵀ·m·A of tiles number `first` and following of points (36, T, C) to y (n, H, W, C)."""
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
def output_transform_transposed(dy: np.ndarray, points: np.ndarray, first: int) -> None:
    """Write A·e·Aᵀ of every 4×4 tile e of dy (n, H, W, C) to points (36, T, C)."""
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
def weight_transform(weight: np.ndarray, points: np.ndarray, first: int, last: int) -> None:
    """Write entries first … last of G·g·Gᵀ to points (36, L), for weight (9, L) with L = C_in·C_out kernels g."""
    length, n = weight.shape[1], last - first
    flat_weight, flat_points, half = weight.reshape(-1), points.reshape(-1), np.empty(18 * n, weight.dtype)
    for b in range(3):
        _g(flat_weight, b * length + first, 3 * length, half, b * n, 3 * n, n)
    for i in range(PATCH):
        _g(half, 3 * i * n, n, flat_points, PATCH * i * length + first, length, n)


@kernel
def weight_transform_transposed(points: np.ndarray, dweight: np.ndarray, first: int, last: int) -> None:
    """Write entries first … last of Gᵀ·m·G to dweight (9, L), m from points (36, L)."""
    length, n = dweight.shape[1], last - first
    flat_dweight, flat_points, half = dweight.reshape(-1), points.reshape(-1), np.empty(18 * n, dweight.dtype)
    for i in range(PATCH):
        _gt(flat_points, PATCH * i * length + first, length, half, 3 * i * n, n, n)
    for b in range(3):
        _gt(half, b * n, 3 * n, flat_dweight, b * length + first, 3 * length, n)


@kernel
def _copy(x: np.ndarray, at: int, y: np.ndarray, to: int, n: int) -> None:
    a, b = np.uint64(at), np.uint64(to)
    for k in range(np.uint64(n)):
        y[b + k] = x[a + k]


@kernel
def _add(x: np.ndarray, at: int, y: np.ndarray, to: int, n: int) -> None:
    a, b = np.uint64(at), np.uint64(to)
    for k in range(np.uint64(n)):
        y[b + k] += x[a + k]


@kernel
def _bt(x: np.ndarray, at: int, step: int, y: np.ndarray, to: int, stride: int, n: int) -> None:
    """y = Bᵀ·x: six rows from six."""
    s, u, length = np.uint64(step), np.uint64(stride), np.uint64(n)
    a, b = np.uint64(at), np.uint64(to)
    a1 = a + s
    a2, b1 = a1 + s, b + u
    a3, b2 = a2 + s, b1 + u
    a4, b3 = a3 + s, b2 + u
    a5, b4 = a4 + s, b3 + u
    b5 = b4 + u
    for k in range(length):
        y[b + k] = FOUR * x[a + k] - FIVE * x[a2 + k] + x[a4 + k]
    for k in range(length):
        y[b1 + k] = (x[a4 + k] - FOUR * x[a2 + k]) + (x[a3 + k] - FOUR * x[a1 + k])
    for k in range(length):
        y[b2 + k] = (x[a4 + k] - FOUR * x[a2 + k]) - (x[a3 + k] - FOUR * x[a1 + k])
    for k in range(length):
        y[b3 + k] = (x[a4 + k] - x[a2 + k]) + TWO * (x[a3 + k] - x[a1 + k])
    for k in range(length):
        y[b4 + k] = (x[a4 + k] - x[a2 + k]) - TWO * (x[a3 + k] - x[a1 + k])
    for k in range(length):
        y[b5 + k] = FOUR * x[a1 + k] - FIVE * x[a3 + k] + x[a5 + k]


@kernel
def _b(x: np.ndarray, at: int, step: int, y: np.ndarray, to: int, stride: int, n: int) -> None:
    """y += B·x: six rows from six."""
    s, u, length = np.uint64(step), np.uint64(stride), np.uint64(n)
    a, b = np.uint64(at), np.uint64(to)
    a1 = a + s
    a2, b1 = a1 + s, b + u
    a3, b2 = a2 + s, b1 + u
    a4, b3 = a3 + s, b2 + u
    a5, b4 = a4 + s, b3 + u
    b5 = b4 + u
    for k in range(length):
        y[b + k] += FOUR * x[a + k]
    for k in range(length):
        y[b1 + k] += FOUR * (x[a2 + k] - x[a1 + k] + x[a5 + k]) + TWO * (x[a4 + k] - x[a3 + k])
    for k in range(length):
        y[b2 + k] -= FIVE * x[a + k] + FOUR * (x[a1 + k] + x[a2 + k]) + x[a3 + k] + x[a4 + k]
    for k in range(length):
        y[b3 + k] += x[a1 + k] - x[a2 + k] + TWO * (x[a3 + k] - x[a4 + k]) - FIVE * x[a5 + k]
    for k in range(length):
        y[b4 + k] += x[a + k] + (x[a1 + k] + x[a2 + k]) + (x[a3 + k] + x[a4 + k])
    for k in range(length):
        y[b5 + k] += x[a5 + k]


@kernel
def _at(x: np.ndarray, at: int, step: int, y: np.ndarray, to: int, stride: int, n: int) -> None:
    """y = Aᵀ·x: four rows from six."""
    s, u, length = np.uint64(step), np.uint64(stride), np.uint64(n)
    a, b = np.uint64(at), np.uint64(to)
    a1 = a + s
    a2, b1 = a1 + s, b + u
    a3, b2 = a2 + s, b1 + u
    a4, b3 = a3 + s, b2 + u
    a5 = a4 + s
    for k in range(length):
        y[b + k] = x[a + k] + (x[a1 + k] + x[a2 + k]) + (x[a3 + k] + x[a4 + k])
    for k in range(length):
        y[b1 + k] = (x[a1 + k] - x[a2 + k]) + TWO * (x[a3 + k] - x[a4 + k])
    for k in range(length):
        y[b2 + k] = (x[a1 + k] + x[a2 + k]) + FOUR * (x[a3 + k] + x[a4 + k])
    for k in range(length):
        y[b3 + k] = (x[a1 + k] - x[a2 + k]) + EIGHT * (x[a3 + k] - x[a4 + k]) + x[a5 + k]


@kernel
def _a(x: np.ndarray, at: int, step: int, y: np.ndarray, to: int, stride: int, n: int) -> None:
    """y = A·x: six rows from four."""
    s, u, length = np.uint64(step), np.uint64(stride), np.uint64(n)
    a, b = np.uint64(at), np.uint64(to)
    a1, b1 = a + s, b + u
    a2, b2 = a1 + s, b1 + u
    a3, b3 = a2 + s, b2 + u
    b4 = b3 + u
    b5 = b4 + u
    for k in range(length):
        y[b + k] = x[a + k]
    for k in range(length):
        y[b1 + k] = (x[a + k] + x[a2 + k]) + (x[a1 + k] + x[a3 + k])
    for k in range(length):
        y[b2 + k] = (x[a + k] + x[a2 + k]) - (x[a1 + k] + x[a3 + k])
    for k in range(length):
        y[b3 + k] = (x[a + k] + FOUR * x[a2 + k]) + TWO * (x[a1 + k] + FOUR * x[a3 + k])
    for k in range(length):
        y[b4 + k] = (x[a + k] + FOUR * x[a2 + k]) - TWO * (x[a1 + k] + FOUR * x[a3 + k])
    for k in range(length):
        y[b5 + k] = x[a3 + k]


@kernel
def _g(x: np.ndarray, at: int, step: int, y: np.ndarray, to: int, stride: int, n: int) -> None:
    """y = G·x: six rows from three."""
    quarter, sixth, other = x.dtype.type(1 / 4), x.dtype.type(1 / 6), x.dtype.type(1 / 24)
    s, u, length = np.uint64(step), np.uint64(stride), np.uint64(n)
    a, b = np.uint64(at), np.uint64(to)
    a1, b1 = a + s, b + u
    a2, b2 = a1 + s, b1 + u
    b3 = b2 + u
    b4 = b3 + u
    b5 = b4 + u
    for k in range(length):
        y[b + k] = quarter * x[a + k]
    for k in range(length):
        y[b1 + k] = -sixth * ((x[a + k] + x[a2 + k]) + x[a1 + k])
    for k in range(length):
        y[b2 + k] = -sixth * ((x[a + k] + x[a2 + k]) - x[a1 + k])
    for k in range(length):
        y[b3 + k] = other * ((x[a + k] + FOUR * x[a2 + k]) + TWO * x[a1 + k])
    for k in range(length):
        y[b4 + k] = other * ((x[a + k] + FOUR * x[a2 + k]) - TWO * x[a1 + k])
    for k in range(length):
        y[b5 + k] = x[a2 + k]


@kernel
def _gt(x: np.ndarray, at: int, step: int, y: np.ndarray, to: int, stride: int, n: int) -> None:
    """y = Gᵀ·x: three rows from six."""
    quarter, sixth, other = x.dtype.type(1 / 4), x.dtype.type(1 / 6), x.dtype.type(1 / 24)
    s, u, length = np.uint64(step), np.uint64(stride), np.uint64(n)
    a, b = np.uint64(at), np.uint64(to)
    a1 = a + s
    a2, b1 = a1 + s, b + u
    a3, b2 = a2 + s, b1 + u
    a4 = a3 + s
    a5 = a4 + s
    for k in range(length):
        y[b + k] = quarter * x[a + k] - sixth * (x[a1 + k] + x[a2 + k]) + other * (x[a3 + k] + x[a4 + k])
    for k in range(length):
        y[b1 + k] = sixth * (x[a2 + k] - x[a1 + k]) + TWO * other * (x[a3 + k] - x[a4 + k])
    for k in range(length):
        y[b2 + k] = FOUR * other * (x[a3 + k] + x[a4 + k]) - sixth * (x[a1 + k] + x[a2 + k]) + x[a5 + k]
