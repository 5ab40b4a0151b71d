"""Pooling over windows that tile the map: from x (N, P·h, Q·w, C) to y (N, P, Q, C), one window per output pixel.

    x, one channel, windows of 2×2       max  y    winner           dx for dy = a b
      1  5 │ 2  0                                                     0  a │ 0  0
      3  4 │ 9  7                        5  9      1  2               0  0 │ b  0

Places in a window count row by row, 0 … h·w − 1. `winner` holds the place of the maximum, one small integer per
output, and backward needs nothing else. The channel loop is always innermost, because channels are contiguous.
"""

from __future__ import annotations

from minilocal.compute.compilation import Array, kernel


@kernel
def max_pool(x: Array, y: Array, winner: Array, best: Array, place: Array, h: int, w: int) -> None:
    """Write the maximum of each h×w window to y, and its place in the window to winner.

    The first of equal values wins; NaN beats every number. best and place (C), the latter as wide as x's numbers, take
    one window's: loops over numbers of one width, without branches, vectorise on every processor.
    """
    images, rows, columns, channels = y.shape
    for n in range(images):
        for p in range(rows):
            for q in range(columns):
                for c in range(channels):
                    best[c] = x[n, p * h, q * w, c]
                    place[c] = 0
                for k in range(1, h * w):
                    i, j, here = p * h + k // w, q * w + k % w, place.dtype.type(k)
                    for c in range(channels):
                        value = x[n, i, j, c]
                        wins = (value > best[c]) | (value != value)
                        best[c] = value if wins else best[c]
                        place[c] = here if wins else place[c]
                for c in range(channels):
                    y[n, p, q, c] = best[c]
                    winner[n, p, q, c] = place[c]


@kernel
def max_pool_backward(dy: Array, winner: Array, dx: Array, h: int, w: int) -> None:
    """Write dy to the winner's place of each window of dx, and zero to its other places."""
    images, rows, columns, channels = dy.shape
    for n in range(images):
        for p in range(rows):
            for q in range(columns):
                for place in range(h * w):
                    i, j = p * h + place // w, q * w + place % w
                    for c in range(channels):
                        dx[n, i, j, c] = dy[n, p, q, c] if winner[n, p, q, c] == place else 0


@kernel
def avg_pool(x: Array, y: Array, h: int, w: int) -> None:
    """Write the mean of each h×w window to y."""
    images, rows, columns, channels = y.shape
    size = x.dtype.type(h * w)  # an integer would make float32 arithmetic float64
    for n in range(images):
        for p in range(rows):
            for q in range(columns):
                y[n, p, q] = 0
                for i in range(p * h, (p + 1) * h):
                    for j in range(q * w, (q + 1) * w):
                        for c in range(channels):
                            y[n, p, q, c] += x[n, i, j, c]
                for c in range(channels):
                    y[n, p, q, c] /= size


@kernel
def avg_pool_backward(dy: Array, dx: Array, h: int, w: int) -> None:
    """Write dy / (h·w) to every place of its window of dx."""
    images, rows, columns, channels = dy.shape
    size = dy.dtype.type(h * w)
    for n in range(images):
        for p in range(rows):
            for q in range(columns):
                for i in range(p * h, (p + 1) * h):
                    for j in range(q * w, (q + 1) * w):
                        for c in range(channels):
                            dx[n, i, j, c] = dy[n, p, q, c] / size
