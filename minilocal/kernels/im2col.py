"""im2col and its transpose: a convolution becomes one matrix product.

Row (n, p, q) of the column matrix holds, side by side, the k×k patch of pixels that output pixel (p, q) of
image n sees (zero where the patch hangs over the border):

      image, k = 3                            one row of `cols`, k·k·C numbers
      . . . . . .
      . a b c . .                    ┌─────────┬─────────┬─────────┐
      . d e f . .      ──────►       │ a  b  c │ d  e  f │ g  h  i │      each letter: C channels
      . g h i . .                    └─────────┴─────────┴─────────┘

With channels last, one row of the patch (a b c) is contiguous in the image too, so that a row of `cols` is k
copies. The convolution is then cols @ weight.reshape(k·k·C, C_out).
"""

from __future__ import annotations

import numpy as np

from minilocal.compute.compilation import kernel


@kernel
def im2col(x: np.ndarray, cols: np.ndarray, k: int, stride: int, padding: int) -> None:
    """Write every k×k patch of x (N, H, W·C) into a row of cols (N, P, Q, k, k·C)."""
    images, height, width = x.shape
    length = cols.shape[4]
    for n in range(images):
        for p in range(cols.shape[1]):
            for q in range(cols.shape[2]):
                left = (q * stride - padding) * (length // k)  # where the patch begins in a row of the image
                first, last = max(0, -left), min(length, width - left)  # its part inside the image
                for i in range(k):
                    h = p * stride - padding + i
                    if h < 0 or h >= height or first >= last:
                        cols[n, p, q, i, :] = 0
                        continue
                    for j in range(first):
                        cols[n, p, q, i, j] = 0
                    # Slices, because an index that might be negative would keep the loop from vectorising.
                    source, target = x[n, h, left + first : left + last], cols[n, p, q, i, first:last]
                    for j in range(source.size):
                        target[j] = source[j]
                    for j in range(last, length):
                        cols[n, p, q, i, j] = 0


@kernel
def col2im(cols: np.ndarray, x: np.ndarray, k: int, stride: int, padding: int) -> None:
    """Add every row of cols (N, P, Q, k, k·C) back onto the patch of x (N, H, W·C) that it came from.

    The transpose of `im2col`: where that copies a pixel into several rows, this sums those rows' entries.
    """
    images, height, width = x.shape
    length = cols.shape[4]
    x[:] = 0
    for n in range(images):
        for p in range(cols.shape[1]):
            for q in range(cols.shape[2]):
                left = (q * stride - padding) * (length // k)
                first, last = max(0, -left), min(length, width - left)
                for i in range(k):
                    h = p * stride - padding + i
                    if 0 <= h < height and first < last:
                        source, target = cols[n, p, q, i, first:last], x[n, h, left + first : left + last]
                        for j in range(source.size):
                            target[j] += source[j]
