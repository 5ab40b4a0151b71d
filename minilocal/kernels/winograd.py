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

⊙ multiplies point by point and sums over the input channels: one matrix product per point, tiles × channels by
channels × channels. `convolve` does all of it for a few rows of tiles at a time, so that their points never leave the
processor's cache.

Each transform multiplies a few vectors by one of the matrices below, once for rows and once for columns. The lanes of
a vector are neighbouring channels (see compute/vectors.py). Everywhere below,

    size     (H, W, C, K): height and width of the maps, input and output channels
    row      a row of W/4 tiles; row r belongs to image r // (H/4)
    arrays   are flat: x (N·H·W·C), y and dy (N·H·W·K), the points of T tiles (T·37·C), of which 36 count
    room     (v, m, strip, half), flat arrays to work in, of the sizes that `room_sizes` and HALF give
Source: Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural Networks"; tutorials/reference.md, "Winograd".
"""

from __future__ import annotations

from typing import Any

from minilocal.compute.compilation import Array, inlined, kernel
from minilocal.compute.vectors import add_products, linear, load, loads, store, stores, zeros

TILE, PATCH, POINTS = 4, 6, 36
STEP = 37  # points from one tile to the next; at a distance of 36, tiles would compete for the same lines of the cache
BT = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
G = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
AT = (
    (1, 1, 1, 1, 1, 0),
    (0, 1, -1, 2, -2, 0),
    (0, 1, 1, 4, 4, 0),
    (0, 1, -1, 8, -8, 1),
)
_bt, _g, _gt = linear(BT), linear(G), linear(tuple(zip(*G, strict=True)))
_at, _a = linear(AT), linear(tuple(zip(*AT, strict=True)))

ABREAST = 8  # tiles, or channels, whose sums grow side by side in registers
HALF = TILE * PATCH * 16  # numbers of a tile transformed in one direction, for the widest lanes


def room_sizes(tiles: int, size: tuple[int, int, int, int]) -> tuple[int, int, int]:
    """Return how many numbers v, m and strip of `room` hold, for so many tiles at a time; half holds HALF."""
    _, width, c, k = size
    most = -(-tiles // ABREAST) * ABREAST
    return most * STEP * c, most * STEP * k, PATCH * (width + 2) * c


@kernel
def convolve(x: Array, u: Array, y: Array, size: Any, room: Any, first: int, last: int, group: int, lanes: Any) -> None:
    """Write the convolution of x to y, at rows first … last − 1; `group` rows are done together.

    u holds the points of the weights, from `weight_transform`.
    """
    _, width, c, k = size
    v, m, strip, half = room
    across = width // TILE
    for start in range(first, last, group):
        stop = min(start + group, last)
        for r in range(start, stop):
            _patches_to_points(x, r, size, strip, v, (r - start) * across, lanes)
        tiles = (stop - start) * across
        for i in range(tiles * STEP * c, -(-tiles // ABREAST) * ABREAST * STEP * c):
            v[i] = 0  # tiles that fill up the last eight
        for point in range(POINTS):
            _product(v, u, m, point, tiles, c, k, lanes)
        for r in range(start, stop):
            _points_to_tiles(m, (r - start) * across, y, r, across, k, half, lanes)


@kernel
def weight_gradient(
    x: Array, dy: Array, total: Array, size: Any, room: Any, first: int, last: int, group: int, lanes: Any
) -> None:
    """Overwrite total (36·C·K) with Σ (Bᵀ·d·B)ᵀ @ (A·e·Aᵀ) over the tiles of rows first … last − 1.

    d is a tile's patch of x, and e the tile itself in dy.
    """
    _, width, c, k = size
    v, m, strip, half = room
    across = width // TILE
    for i in range(POINTS * c * k):
        total[i] = 0
    for start in range(first, last, group):
        stop = min(start + group, last)
        for r in range(start, stop):
            _patches_to_points(x, r, size, strip, v, (r - start) * across, lanes)
            _tiles_to_points(dy, r, across, k, half, m, (r - start) * across, lanes)
        for point in range(POINTS):
            _add_outer(v, m, total, point, (stop - start) * across, c, k, lanes)


@kernel
def points_of(x: Array, dy: Array, size: Any, room: Any, first: int, last: int, lanes: Any) -> None:
    """Write Bᵀ·d·B and A·e·Aᵀ of the tiles of rows first … last − 1 to v and m."""
    _, width, _, k = size
    v, m, strip, half = room
    across = width // TILE
    for r in range(first, last):
        _patches_to_points(x, r, size, strip, v, (r - first) * across, lanes)
        _tiles_to_points(dy, r, across, k, half, m, (r - first) * across, lanes)


@kernel
def weight_transform(weight: Array, u: Array, half: Array, c: int, k: int, first: int, last: int, lanes: Any) -> None:
    """Write G·g·Gᵀ of the kernels g of input channels first … last − 1 of weight (9·C·K) to u (36·C·K).

    u begins with the first point of the first few output channels, as many as there are lanes, for all input channels:
    the order in which `_product` reads it.
    """
    width = len(lanes)
    for i in range(first, last):
        for o in range(0, k, width):
            for b in range(3):
                at = (b * c + i) * k + o
                stores(half, b * width, 3 * width, _g(loads(weight, at, 3 * c * k, 3, lanes)))
            for a in range(PATCH):
                to = PATCH * a * c * k + o * c + i * width
                stores(u, to, c * k, _g(loads(half, 3 * a * width, width, 3, lanes)))


@kernel
def weight_transform_transposed(
    sums: Array, dweight: Array, m: Array, half: Array, count: int, length: int, first: int, last: int, lanes: Any
) -> None:
    """Write Gᵀ·m·G of kernels first … last − 1 to dweight (9·L); L is C·K.

    m (36·(last − first)) takes the sum, in order, of that part of the `count` arrays in sums (count·36·L).
    """
    n, width = last - first, len(lanes)
    for point in range(POINTS):
        for i in range(0, n, width):
            at = point * length + first + i
            total = load(sums, at, lanes)
            for s in range(1, count):
                total = total + load(sums, s * POINTS * length + at, lanes)
            store(m, point * n + i, total)
    for i in range(0, n, width):
        for a in range(PATCH):
            stores(half, 3 * a * width, width, _gt(loads(m, PATCH * a * n + i, n, 6, lanes)))
        for b in range(3):
            stores(dweight, b * length + first + i, 3 * length, _gt(loads(half, b * width, 3 * width, 6, lanes)))


@inlined
def _patches_to_points(x: Array, r: int, size: Any, strip: Array, v: Array, tile: int, lanes: Any) -> None:
    """Write Bᵀ·d·B of the patches d in row r of x to v, at tile number `tile` and onwards.

    Patches at the border hang over it by one pixel, which counts as zero. strip (6, W + 2, C) takes Bᵀ·d of the row.
    """
    height, width, c, _ = size
    down, pixels, step = height // TILE, width * c, (width + 2) * c
    top, nothing = TILE * r * pixels, zeros(x, lanes)
    is_first, is_last = r % down == 0, r % down == down - 1
    for i in range(0, pixels, len(lanes)):
        at = top + i
        above = nothing if is_first else load(x, at - pixels, lanes)
        below = nothing if is_last else load(x, at + TILE * pixels, lanes)
        x1, x2, x3, x4 = loads(x, at, pixels, 4, lanes)
        stores(strip, c + i, step, _bt((above, x1, x2, x3, x4, below)))
    for a in range(PATCH):
        for i in range(0, c, len(lanes)):
            store(strip, a * step + i, nothing)
            store(strip, (a + 1) * step - c + i, nothing)
    for q in range(width // TILE):
        for a in range(PATCH):
            for i in range(0, c, len(lanes)):
                at, to = a * step + TILE * q * c + i, ((tile + q) * STEP + PATCH * a) * c + i
                stores(v, to, c, _bt(loads(strip, at, c, 6, lanes)))


@inlined
def _tiles_to_points(dy: Array, r: int, across: int, k: int, half: Array, m: Array, tile: int, lanes: Any) -> None:
    """Write A·e·Aᵀ of the tiles e in row r of dy to m, at tile number `tile` and onwards."""
    pixels, width = TILE * across * k, len(lanes)
    for q in range(across):
        for i in range(0, k, width):
            for b in range(TILE):
                at = TILE * r * pixels + (TILE * q + b) * k + i
                stores(half, b * width, TILE * width, _a(loads(dy, at, pixels, 4, lanes)))
            for a in range(PATCH):
                to = ((tile + q) * STEP + PATCH * a) * k + i
                stores(m, to, k, _a(loads(half, TILE * a * width, width, 4, lanes)))


@inlined
def _points_to_tiles(m: Array, tile: int, y: Array, r: int, across: int, k: int, half: Array, lanes: Any) -> None:
    """Write Aᵀ·m·A of the points m of the tiles from number `tile` on to row r of y."""
    pixels, width = TILE * across * k, len(lanes)
    for q in range(across):
        for i in range(0, k, width):
            for b in range(PATCH):
                at = ((tile + q) * STEP + b) * k + i
                stores(half, b * width, PATCH * width, _at(loads(m, at, PATCH * k, 6, lanes)))
            for a in range(TILE):
                to = (TILE * r + a) * pixels + TILE * q * k + i
                stores(y, to, k, _at(loads(half, PATCH * a * width, width, 6, lanes)))


@inlined
def _product(v: Array, u: Array, m: Array, point: int, tiles: int, c: int, k: int, lanes: Any) -> None:
    """Write the matrix product v @ u of one point to m: tiles × C by C × K.

    Eight tiles side by side share each vector of u, and their sums stay in registers.
    """
    for o in range(0, k, len(lanes)):
        for t in range(0, tiles, ABREAST):
            at, at_u, total = (t * STEP + point) * c, point * c * k + o * c, zeros(v, lanes)
            sums = (total, total, total, total, total, total, total, total)
            for _ in range(c):
                sums = add_products(sums, v, at, STEP * c, load(u, at_u, lanes))
                at, at_u = at + 1, at_u + len(lanes)
            stores(m, (t * STEP + point) * k + o, STEP * k, sums)


@inlined
def _add_outer(v: Array, m: Array, total: Array, point: int, tiles: int, c: int, k: int, lanes: Any) -> None:
    """Add the matrix product vᵀ @ m of one point to total (36, C, K): C × tiles by tiles × K."""
    for o in range(0, k, len(lanes)):
        for i in range(0, c, ABREAST):
            at, at_m, to = point * c + i, point * k + o, (point * c + i) * k + o
            sums = loads(total, to, k, 8, lanes)
            for _ in range(tiles):
                sums = add_products(sums, v, at, 1, load(m, at_m, lanes))
                at, at_m = at + STEP * c, at_m + STEP * k
            stores(total, to, k, sums)
