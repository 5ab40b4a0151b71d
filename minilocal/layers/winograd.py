"""Convolution by Winograd's transforms, F(4×4, 3×3): a quarter of the multiplications.

The plain version is im2col.py: read that first. This one takes 3×3 kernels, stride 1, padding 1 and maps whose sides
are multiples of 4.

Let d be the 6×6 patch of the input under a 4×4 tile of the output, g a kernel, and Bᵀ, G and Aᵀ the matrices of
kernels/winograd.py. Each transform gives 36 points. At each point, @ multiplies two matrices, tiles × channels by
channels × channels:

    forward           y  = Aᵀ [ (Bᵀ d B) @ (G g Gᵀ) ] A
    weight gradient   dg = Gᵀ [ (Bᵀ d B)ᵀ @ (A dy Aᵀ) ] G             (a sum over tiles)
    input gradient    dd = B [ (A dy Aᵀ) @ (G g Gᵀ)ᵀ ] Bᵀ             (patches overlap: their shares of a pixel add up)

The gradients are the forward pass read backwards, with the transpose of each transform. Points are made and used for
one group of images at a time, and never stored.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minilocal.compute import memory, parallel
from minilocal.kernels import winograd as kernels
from minilocal.kernels.winograd import POINTS, TILE

# A batch with few tiles is one group, and its 36 products run side by side. With more tiles, groups run side by side.
FEW_TILES, GROUP_TILES = 1024, 512


def fits(shape: tuple[int, ...], kernel: int, stride: int, padding: int) -> bool:
    """Return whether Winograd's transforms apply to a convolution of maps (H, W, C)."""
    return (kernel, stride, padding) == (3, 1, 1) and shape[0] % TILE == 0 and shape[1] % TILE == 0


def forward(x: np.ndarray, weight: np.ndarray, stride: int = 1, padding: int = 1) -> np.ndarray:
    """Return the convolution y (N, H, W, C_out) of x (N, H, W, C_in) with weight (3, 3, C_in, C_out)."""
    y = memory.empty((*x.shape[:3], weight.shape[3]), x.dtype)
    u = _weight_points(weight)

    def task(group: slice) -> None:
        v = _to_points(kernels.input_transform, x[group], "input")
        m = _products(v, u, _room("output", y[group]))
        _from_points(kernels.output_transform, m, y[group])

    parallel.run(task, _groups(x))
    return y


def weight_gradient(x: np.ndarray, dy: np.ndarray, dweight: np.ndarray, stride: int = 1, padding: int = 1) -> None:
    """Overwrite dweight (3, 3, C_in, C_out) for input x (N, H, W, C_in) and dy (N, H, W, C_out)."""
    groups = _groups(x)
    lanes = parallel.lanes(len(groups))
    partial = parallel.scratch("partial", (len(lanes), POINTS, x.shape[3], dy.shape[3]), x.dtype)  # one sum per lane

    def task(lane: int) -> None:
        for number, group in enumerate(groups[lanes[lane]]):
            v = _to_points(kernels.input_transform, x[group], "input")
            m = _to_points(kernels.output_transform_transposed, dy[group], "output")
            if number == 0:
                _products(v.transpose(0, 2, 1), m, partial[lane])
            else:
                product = parallel.scratch("product", partial[lane].shape, x.dtype)
                partial[lane] += _products(v.transpose(0, 2, 1), m, product)

    parallel.run(task, range(len(lanes)))
    points, flat = partial.reshape(len(lanes), POINTS, -1), dweight.reshape(9, -1)

    def sum_and_transform(s: slice) -> None:
        for other in points[1:]:
            points[0, :, s] += other[:, s]
        kernels.weight_transform_transposed(points[0], flat, s.start, s.stop)

    parallel.run(sum_and_transform, _kernel_chunks(points[0]))


def input_gradient(
    dy: np.ndarray, weight: np.ndarray, shape: tuple[int, ...], stride: int = 1, padding: int = 1
) -> np.ndarray:
    """Return dL/dx of shape (N, H, W, C_in) for dy (N, H, W, C_out) and weight (3, 3, C_in, C_out)."""
    dx = memory.empty(shape, dy.dtype)
    u = _weight_points(weight).transpose(0, 2, 1)

    def task(group: slice) -> None:
        m = _to_points(kernels.output_transform_transposed, dy[group], "output")
        v = _products(m, u, _room("input", dx[group]))
        _from_points(kernels.input_transform_transposed, v, dx[group])

    parallel.run(task, _groups(dy))
    return dx


def _to_points(transform: Callable[..., None], maps: np.ndarray, name: str) -> np.ndarray:
    """Return the points (36, T, C) of the T tiles of maps (n, H, W, C)."""
    points, tiles = _room(name, maps), _tiles(maps)
    parallel.run(lambda s: transform(maps[s], points, s.start * tiles), _image_chunks(maps))
    return points


def _from_points(transform: Callable[..., None], points: np.ndarray, maps: np.ndarray) -> None:
    """Overwrite maps (n, H, W, C) with the transform of points (36, T, C)."""
    tiles = _tiles(maps)
    parallel.run(lambda s: transform(points, maps[s], s.start * tiles), _image_chunks(maps))


def _products(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Write the 36 matrix products a @ b to out and return it."""
    chunks = [slice(0, POINTS)] if parallel.inside() else parallel.lanes(POINTS, POINTS)
    parallel.run(lambda s: np.matmul(a[s], b[s], out=out[s]), chunks)
    return out


def _weight_points(weight: np.ndarray) -> np.ndarray:
    """Return G g Gᵀ of each 3×3 kernel g of weight (3, 3, C_in, C_out), as (36, C_in, C_out)."""
    points = parallel.scratch("weight", (POINTS, weight[0, 0].size), weight.dtype)
    flat = weight.reshape(9, -1)
    parallel.run(lambda s: kernels.weight_transform(flat, points, s.start, s.stop), _kernel_chunks(points))
    return points.reshape(POINTS, *weight.shape[2:])


def _room(name: str, maps: np.ndarray) -> np.ndarray:
    """Return an uninitialised array for the points of maps (n, H, W, C)."""
    return parallel.scratch(name, (POINTS, len(maps) * _tiles(maps), maps.shape[3]), maps.dtype)


def _tiles(maps: np.ndarray) -> int:
    """Return the number of tiles per image."""
    return maps.shape[1] * maps.shape[2] // TILE**2


def _groups(maps: np.ndarray) -> list[slice]:
    """Cut a batch (N, H, W, C) into groups of images."""
    few = len(maps) * _tiles(maps) <= FEW_TILES
    return [slice(0, len(maps))] if few else parallel.chunks(len(maps), _tiles(maps), GROUP_TILES)


def _image_chunks(maps: np.ndarray) -> list[slice]:
    """Cut maps (n, H, W, C) into chunks to transform side by side; inside a task, they stay whole."""
    if parallel.inside():
        return [slice(0, len(maps))]
    return parallel.image_chunks(len(maps), 4 * maps[:1].nbytes)  # maps and points together


def _kernel_chunks(points: np.ndarray) -> list[slice]:
    """Cut the C_in·C_out kernels that points (36, C_in·C_out) belong to."""
    return parallel.chunks(points.shape[1], points[:, :1].nbytes, parallel.CHUNK_BYTES // 4)
