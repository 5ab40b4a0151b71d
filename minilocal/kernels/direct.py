"""Direct convolution for few input channels: sums in registers, and no column matrix.

The plain kernels are in kernels/im2col.py; read those first. With 3 input channels, writing and reading the column
matrix takes longer than multiplying it. Here eight neighbouring output pixels grow side by side, each a vector of
output channels, while the kernel slides over the padded image:

    image, padded, C = 3        y[q]     += x[q + j, c] · weight[i, j, c]
      . . . . . . . .           y[q + 1] += x[q + 1 + j, c] · weight[i, j, c]        for all taps (i, j) and channels c;
      . a b c d e f .             ⋮                                                 each y is a vector
      . g h i j k l .

In memory, the taps (i, 0, 0) … (i, 2, C − 1) of one kernel row are 3·C neighbours in the image.
"""

from __future__ import annotations

from typing import Any

from minilocal.compute.compilation import Array, inlined, kernel
from minilocal.compute.vectors import add_products, load, loads, stores, zeros

ABREAST = 8  # pixels side by side


@kernel
def convolve(x: Array, weight: Array, y: Array, image: Array, size: Any, first: int, last: int, lanes: Any) -> None:
    """Write the convolution of images first … last − 1 of x (N·H·W·C) with weight (9·C·K), stride 1, to y (N·P·Q·K).

    size is (H, W, C, K, padding); `image`, (H + 2·padding)·(W + 2·padding)·C numbers, holds zeros, and will hold the
    padded image. Q must be at least 8.
    """
    height, width, c, k, padding = size
    p, q, row = height + 2 * padding - 2, width + 2 * padding - 2, (width + 2 * padding) * c
    for n in range(first, last):
        _pad(x, n, height, width * c, image, padding * c, row, padding)
        for h in range(p):
            for start in range(0, q, ABREAST):
                w = min(start, q - ABREAST)  # the last eight may overlap the eight before them
                for o in range(0, k, len(lanes)):
                    total = zeros(x, lanes)
                    sums = (total, total, total, total, total, total, total, total)
                    for i in range(3):
                        at, at_weight = (h + i) * row + w * c, 3 * i * c * k + o
                        for _ in range(3 * c):
                            sums = add_products(sums, image, at, c, load(weight, at_weight, lanes))
                            at, at_weight = at + 1, at_weight + k
                    stores(y, ((n * p + h) * q + w) * k + o, k, sums)


@kernel
def weight_gradient(
    x: Array, dy: Array, total: Array, image: Array, size: Any, first: int, last: int, lanes: Any
) -> None:
    """Overwrite total (9·C·K) with the weight gradient for images first … last − 1 of x (N·H·W·C) and dy (N·P·Q·K).

    The nine sums of one input channel grow side by side along a row of dy. size and image are those of `convolve`.
    """
    height, width, c, k, padding = size
    p, q, row, step = height + 2 * padding - 2, width + 2 * padding - 2, (width + 2 * padding) * c, c * k
    for i in range(9 * step):
        total[i] = 0
    for n in range(first, last):
        _pad(x, n, height, width * c, image, padding * c, row, padding)
        for h in range(p):
            for o in range(0, k, len(lanes)):
                for i in range(c):
                    at, at_dy, to = h * row + i, (n * p + h) * q * k + o, i * k + o
                    top = loads(total, to, step, 3, lanes)
                    middle = loads(total, to + 3 * step, step, 3, lanes)
                    bottom = loads(total, to + 6 * step, step, 3, lanes)
                    for _ in range(q):
                        vector = load(dy, at_dy, lanes)
                        top = add_products(top, image, at, c, vector)
                        middle = add_products(middle, image, at + row, c, vector)
                        bottom = add_products(bottom, image, at + 2 * row, c, vector)
                        at, at_dy = at + c, at_dy + k
                    stores(total, to, step, top)
                    stores(total, to + 3 * step, step, middle)
                    stores(total, to + 6 * step, step, bottom)


@inlined
def _pad(x: Array, n: int, height: int, pixels: int, image: Array, margin: int, row: int, padding: int) -> None:
    """Copy image number n of x into the middle of `image`."""
    for h in range(height):
        at, to = (n * height + h) * pixels, (h + padding) * row + margin
        for i in range(pixels):
            image[to + i] = x[at + i]
