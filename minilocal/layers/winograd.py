"""Convolution by Winograd's transforms, F(4×4, 3×3): a quarter of the multiplications.

The plain version is im2col.py: read that first. This one takes 3×3 kernels, stride 1, padding 1, maps whose sides are
multiples of 4, and channels in multiples of 8.

Let d be the 6×6 patch of the input under a 4×4 tile of the output, g a kernel, and Bᵀ, G and Aᵀ the matrices of
kernels/winograd.py. Each transform gives 36 points. At each point, @ multiplies two matrices, tiles × channels by
channels × channels:

    forward           y  = Aᵀ [ (Bᵀ d B) @ (G g Gᵀ) ] A
    weight gradient   dg = Gᵀ [ (Bᵀ d B)ᵀ @ (A dy Aᵀ) ] G             (a sum over tiles)
    input gradient    a convolution of dy, with each kernel turned by 180° and the channels exchanged:

        forward     y[p] = Σ_i  x[p + i − 1] · w[i]
        backward    dx[h] = Σ_i dy[h − i + 1] · w[i] = Σ_j dy[h + j − 1] · w[2 − j]          with j = 2 − i

Points are made and used for a few rows of tiles at a time, in one kernel, and never leave the cache. The weight
gradient of wide layers is the exception: its sums alone would fill the cache, so BLAS multiplies more tiles at once.
"""

from __future__ import annotations

import numpy as np

from minilocal.compute import memory, parallel
from minilocal.compute.vectors import Lanes
from minilocal.compute.vectors import lanes as lanes_for
from minilocal.kernels import winograd as kernels
from minilocal.kernels.winograd import POINTS, STEP, TILE
from minilocal.layers.direct import turned

Size = tuple[int, int, int, int]

GROUP_TILES = 32  # done together: their points fill about half of a core's cache
BATCH_TILES = 1024  # done together where BLAS multiplies
WIDE = 128 * 128  # kernels of a layer; from here on, BLAS multiplies
ENOUGH = 1 << 16  # tiles times kernels: less is not worth waking another thread


def fits(shape: tuple[int, ...], kernel: int, stride: int, padding: int, c_out: int) -> bool:
    """Return whether Winograd's transforms apply to a convolution of maps (H, W, C_in)."""
    maps_fit = shape[0] % TILE == 0 and shape[1] % TILE == 0
    return (kernel, stride, padding) == (3, 1, 1) and maps_fit and len(lanes_for(shape[2], c_out)) > 0


def forward(x: np.ndarray, weight: np.ndarray, stride: int = 1, padding: int = 1) -> np.ndarray:
    """Return the convolution y (N, H, W, C_out) of x (N, H, W, C_in) with weight (3, 3, C_in, C_out)."""
    y, u = memory.empty((*x.shape[:3], weight.shape[3]), x.dtype), _weight_points(weight)
    flat_x, flat_y, lanes, size = x.reshape(-1), y.reshape(-1), lanes_for(*weight.shape[2:]), _size(x, y)
    cut, group = _cut(x, size, parallel.MOST_CHUNKS)

    def task(s: slice) -> None:
        kernels.convolve(flat_x, u, flat_y, size, _room(group, size, x.dtype), s.start, s.stop, group, lanes)

    parallel.run(task, cut)
    return y


def input_gradient(
    dy: np.ndarray, weight: np.ndarray, shape: tuple[int, ...], stride: int = 1, padding: int = 1
) -> np.ndarray:
    """Return dL/dx of shape (N, H, W, C_in) for dy (N, H, W, C_out) and weight (3, 3, C_in, C_out)."""
    return forward(dy, turned(weight))


def weight_gradient(x: np.ndarray, dy: np.ndarray, dweight: np.ndarray, stride: int = 1, padding: int = 1) -> None:
    """Overwrite dweight (3, 3, C_in, C_out) for input x (N, H, W, C_in) and dy (N, H, W, C_out)."""
    lanes, length = lanes_for(*dweight.shape[2:]), dweight[0, 0].size
    sums = _sums_by_blas(x, dy, lanes) if length > WIDE else _sums_by_lane(x, dy, lanes)
    count, flat_sums, flat = len(sums), sums.reshape(-1), dweight.reshape(-1)

    def task(s: slice) -> None:
        first, last = s.start * len(lanes), s.stop * len(lanes)
        m, half = parallel.scratch("m", (POINTS * (last - first),), x.dtype), _half(x.dtype)
        kernels.weight_transform_transposed(flat_sums, flat, m, half, count, length, first, last, lanes)

    cut = parallel.chunks(length // len(lanes), len(lanes) * POINTS * x.itemsize, parallel.CHUNK_BYTES // 4)
    parallel.run(task, cut)


def _sums_by_lane(x: np.ndarray, dy: np.ndarray, lanes: Lanes) -> np.ndarray:
    """Return Σ (Bᵀ d B)ᵀ @ (A dy Aᵀ) over the tiles of each of a few lanes of rows: (lanes, 36·C_in·C_out)."""
    flat_x, flat_dy, size = x.reshape(-1), dy.reshape(-1), _size(x, dy)
    cut, group = _cut(x, size, 8)
    sums = memory.empty((len(cut), POINTS * x.shape[3] * dy.shape[3]), x.dtype)

    def task(i: int) -> None:
        first, last, room = cut[i].start, cut[i].stop, _room(group, size, x.dtype)
        kernels.weight_gradient(flat_x, flat_dy, sums[i], size, room, first, last, group, lanes)

    parallel.run(task, range(len(cut)))
    return sums


def _sums_by_blas(x: np.ndarray, dy: np.ndarray, lanes: Lanes) -> np.ndarray:
    """Return the same sum over all tiles at once, (1, 36, C_in, C_out)."""
    total = memory.empty((1, POINTS, x.shape[3], dy.shape[3]), x.dtype)
    tiles = x.shape[1] * x.shape[2] // TILE**2
    for images in parallel.chunks(len(x), tiles, BATCH_TILES):
        v, m = _points(x[images], dy[images], lanes)
        _add_products(v, m, total[0], is_first=images.start == 0)
    return total


def _points(x: np.ndarray, dy: np.ndarray, lanes: Lanes) -> tuple[np.ndarray, np.ndarray]:
    """Return Bᵀ d B of the patches of x and A dy Aᵀ of the tiles of dy, as (T, 37, C): 36 points, and room for one."""
    flat_x, flat_dy, size = x.reshape(-1), dy.reshape(-1), _size(x, dy)
    across = x.shape[2] // TILE
    v, m = (memory.empty((len(x) * x.shape[1] // TILE * across, STEP, maps.shape[3]), x.dtype) for maps in (x, dy))

    def task(s: slice) -> None:
        _, _, strip, half = _room(0, size, x.dtype)
        tiles = slice(s.start * across, s.stop * across)
        room = v[tiles].reshape(-1), m[tiles].reshape(-1), strip, half
        kernels.points_of(flat_x, flat_dy, size, room, s.start, s.stop, lanes)

    parallel.run(task, parallel.lanes(len(x) * x.shape[1] // TILE, parallel.MOST_CHUNKS))
    return v, m


def _add_products(v: np.ndarray, m: np.ndarray, total: np.ndarray, is_first: bool) -> None:
    """Add vᵀ @ m of each point to total (36, C_in, C_out), or write the first."""

    def task(point: int) -> None:
        v_point, m_point = v[:, point].T, m[:, point]
        if is_first:
            np.matmul(v_point, m_point, out=total[point])
        else:
            product = parallel.scratch("product", total[point].shape, total.dtype)
            total[point] += np.matmul(v_point, m_point, out=product)

    parallel.run(task, range(POINTS))


def _weight_points(weight: np.ndarray) -> np.ndarray:
    """Return G g Gᵀ of each 3×3 kernel g of weight (3, 3, C_in, C_out), flat, in the order of the kernels."""
    c, k = weight.shape[2:]
    u, flat, lanes = memory.empty((POINTS * c * k,), weight.dtype), weight.reshape(-1), lanes_for(c, k)

    def task(s: slice) -> None:
        kernels.weight_transform(flat, u, _half(weight.dtype), c, k, s.start, s.stop, lanes)

    parallel.run(task, parallel.chunks(c, POINTS * k * weight.itemsize))
    return u


def _size(x: np.ndarray, y: np.ndarray) -> Size:
    """Return (H, W, C_in, C_out) for maps x and y."""
    return x.shape[1], x.shape[2], x.shape[3], y.shape[3]


def _cut(maps: np.ndarray, size: Size, most: int) -> tuple[list[slice], int]:
    """Cut the rows of tiles of a batch into at most `most` chunks; also return how many rows are done together."""
    height, width, c_in, c_out = size
    rows, across, weights = len(maps) * height // TILE, width // TILE, c_in * c_out
    # The weights' points are read once per group of tiles: the more there are, the larger the group should be.
    tiles = max(ENOUGH // weights, GROUP_TILES if weights > 64 * 64 else GROUP_TILES // 2)
    chunks = max(1, min(most, rows * across // tiles))
    return parallel.lanes(rows, chunks), max(1, min(GROUP_TILES // across, -(-rows // chunks)))


def _room(rows: int, size: Size, dtype: np.dtype) -> tuple[np.ndarray, ...]:
    """Return this thread's arrays for the kernels to work in, so many rows of tiles at a time."""
    lengths = kernels.room_sizes(rows * size[1] // TILE, size)
    v, m, strip = (parallel.scratch(name, (n,), dtype) for name, n in zip(("v", "m", "strip"), lengths, strict=True))
    return v, m, strip, _half(dtype)


def _half(dtype: np.dtype) -> np.ndarray:
    """Return this thread's array for what has been transformed in one direction only."""
    return parallel.scratch("half", (kernels.HALF,), dtype)
