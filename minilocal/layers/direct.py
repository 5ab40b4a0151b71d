"""Direct convolution, for few input channels: no column matrix at all.

The plain version is im2col.py: read that first. This one takes 3×3 kernels, stride 1 and output channels in multiples
of 8, and pays for layers that see an image: with 1 or 3 input channels, im2col moves more numbers than it multiplies.
kernels/direct.py shows how. The input gradient is the same convolution of dy, with each kernel turned by 180° and the
channels exchanged; where that does not fit, it is im2col's.
"""

from __future__ import annotations

import numpy as np

from minilocal.compute import memory, parallel
from minilocal.compute.vectors import lanes as lanes_for
from minilocal.kernels import direct as kernels
from minilocal.layers import im2col
from minilocal.layers.im2col import out_size

MOST_CHANNELS = 8  # with more, BLAS or Winograd's transforms are faster


def fits(shape: tuple[int, ...], kernel: int, stride: int, padding: int, c_out: int) -> bool:
    """Return whether this applies to a convolution of maps (H, W, C_in)."""
    wide_enough = out_size(shape[1], kernel, stride, padding) >= kernels.ABREAST
    return (kernel, stride) == (3, 1) and wide_enough and len(lanes_for(c_out)) > 0


def pays(shape: tuple[int, ...], kernel: int, stride: int, padding: int, c_out: int) -> bool:
    """Return whether this applies, and is the fastest way."""
    return shape[2] <= MOST_CHANNELS and fits(shape, kernel, stride, padding, c_out)


def forward(x: np.ndarray, weight: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """Return the convolution y (N, P, Q, C_out) of x (N, H, W, C_in) with weight (3, 3, C_in, C_out)."""
    n, height, width, _ = x.shape
    p, q = out_size(height, 3, stride, padding), out_size(width, 3, stride, padding)
    y, lanes = memory.empty((n, p, q, weight.shape[3]), x.dtype), lanes_for(weight.shape[3])
    flat_x, flat_weight, flat_y, size = x.reshape(-1), weight.reshape(-1), y.reshape(-1), _size(x, weight, padding)
    parallel.run(
        lambda s: kernels.convolve(flat_x, flat_weight, flat_y, _image(size, x.dtype), size, s.start, s.stop, lanes),
        parallel.image_chunks(n, y[:1].nbytes),
    )
    return y


def weight_gradient(x: np.ndarray, dy: np.ndarray, dweight: np.ndarray, stride: int, padding: int) -> None:
    """Overwrite dweight (3, 3, C_in, C_out) for input x (N, H, W, C_in) and dy (N, P, Q, C_out)."""
    cut, lanes, size = parallel.lanes(len(x)), lanes_for(dweight.shape[3]), _size(x, dweight, padding)
    flat_x, flat_dy, sums = x.reshape(-1), dy.reshape(-1), memory.empty((len(cut), dweight.size), x.dtype)

    def task(i: int) -> None:  # one sum per lane
        image = _image(size, x.dtype)
        kernels.weight_gradient(flat_x, flat_dy, sums[i], image, size, cut[i].start, cut[i].stop, lanes)

    parallel.run(task, range(len(cut)))
    np.sum(sums, axis=0, out=dweight.reshape(-1))


def input_gradient(dy: np.ndarray, weight: np.ndarray, shape: tuple[int, ...], stride: int, padding: int) -> np.ndarray:
    """Return dL/dx of shape (N, H, W, C_in) for dy (N, P, Q, C_out) and weight (3, 3, C_in, C_out)."""
    if padding <= 2 and fits(dy.shape[1:], 3, stride, 2 - padding, shape[3]):
        return forward(dy, turned(weight), stride, 2 - padding)
    return im2col.input_gradient(dy, weight, shape, stride, padding)


def turned(weight: np.ndarray) -> np.ndarray:
    """Return each kernel of weight (3, 3, C_in, C_out) turned by 180°, with the channels exchanged."""
    result = memory.empty((3, 3, weight.shape[3], weight.shape[2]), weight.dtype)
    taps, backwards = result.reshape(9, *result.shape[2:]), weight.reshape(9, *weight.shape[2:])[::-1]
    parallel.run(lambda s: np.copyto(taps[s], backwards[s].transpose(0, 2, 1)), parallel.chunks(9, taps[0].nbytes))
    return result


def _size(x: np.ndarray, weight: np.ndarray, padding: int) -> tuple[int, ...]:
    return (*x.shape[1:], weight.shape[3], padding)


def _image(size: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return zeros for one padded image."""
    height, width, c, _, padding = size
    return np.zeros((height + 2 * padding) * (width + 2 * padding) * c, dtype)
