"""im2col and its transpose: a convolution becomes one matrix product.

These are the plain kernels, called by layers/im2col.py. By default many convolutions run on kernels/winograd.py
instead; `--plain` trains with these.

Row (n, p, q) of the column matrix holds, side by side, the k×k patch of pixels that output pixel (p, q) of image n
sees. Where the patch hangs over the border, it holds zeros.

      image, k = 3                            one row of `cols`, k·k·C numbers
      . . . . . .
      . a b c . .                    ┌─────────┬─────────┬─────────┐
      . d e f . .      ──────►       │ a  b  c │ d  e  f │ g  h  i │      each letter: C channels
      . g h i . .                    └─────────┴─────────┴─────────┘

Channels come last, so one row of the patch (a b c) is contiguous in the image too, and a row of `cols` takes only k
copies. The convolution is then cols @ weight.reshape(k·k·C, C_out).
"""

from __future__ import annotations

from minilocal.compute.compilation import Array, kernel


@kernel
def im2col(x: Array, cols: Array, k: int, stride: int, padding: int) -> None:
    """Write each k×k patch of x (N, H, W·C) into a row of cols (N, P, Q, k, k·C)."""
    images, height, width = x.shape
    length = cols.shape[4]
    for n in range(images):
        for p in range(cols.shape[1]):
            for q in range(cols.shape[2]):
                left = (q * stride - padding) * (length // k)  # where the patch begins in a row of the image
                first, last = max(0, -left), min(length, width - left)  # the range of it inside the image
                for i in range(k):
                    h = p * stride - padding + i
                    if h < 0 or h >= height or first >= last:
                        cols[n, p, q, i, :] = 0
                        continue
                    for j in range(first):
                        cols[n, p, q, i, j] = 0
                    # Slices: an index that might be negative would keep the loop from vectorising.
                    source, target = x[n, h, left + first : left + last], cols[n, p, q, i, first:last]
                    for j in range(source.size):
                        target[j] = source[j]
                    for j in range(last, length):
                        cols[n, p, q, i, j] = 0


@kernel
def col2im(cols: Array, x: Array, k: int, stride: int, padding: int) -> None:
    """Overwrite x (N, H, W·C): add each row of cols (N, P, Q, k, k·C) back onto the patch that it came from.

    This is the transpose of `im2col`: where that copies a pixel into several rows, this sums those rows' entries.
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
