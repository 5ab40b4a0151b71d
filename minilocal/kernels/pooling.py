"""Pooling over windows that tile the map: one window per output pixel.

    x, one channel, windows of 2×2       max  y    winner           dx for dy = a b
      1  5 │ 2  0                                                     0  a │ 0  0
      3  4 │ 9  7                        5  9      1  2               0  0 │ b  0

Maps come as x (R, h, Q, w, C) and y (R, Q, C): R rows of Q windows, each h×w, which is how a map (N, P·h, Q·w, C) lies
in memory; R is N·P. Places in a window count row by row, 0 … h·w − 1. `winner` holds the place of the maximum, one
small integer per output, and backward needs nothing else. The channel loop is innermost: channels are contiguous.
"""

from __future__ import annotations

from minilocal.compute.compilation import Array, kernel


@kernel
def max_pool(x: Array, y: Array, winner: Array, best: Array, place: Array) -> None:
    """Write the maximum of each window to y, and its place in the window to winner.

    The first of equal values wins; NaN beats every number. best and place (C), the latter as wide as x's numbers, take
    one window's: loops over numbers of one width, without branches, vectorise on every processor.
    """
    rows, h, columns, w, channels = x.shape
    for r in range(rows):
        for q in range(columns):
            for c in range(channels):
                best[c] = x[r, 0, q, 0, c]
                place[c] = 0
            for k in range(1, h * w):
                i, j, here = k // w, k % w, place.dtype.type(k)
                for c in range(channels):
                    value = x[r, i, q, j, c]
                    wins = (value > best[c]) | (value != value)
                    best[c] = value if wins else best[c]
                    place[c] = here if wins else place[c]
            for c in range(channels):
                y[r, q, c] = best[c]
                winner[r, q, c] = place[c]


@kernel
def max_pool_backward(dy: Array, winner: Array, dx: Array) -> None:
    """Write dy to the winner's place of each window of dx, and zero to its other places."""
    rows, h, columns, w, channels = dx.shape
    for r in range(rows):
        for q in range(columns):
            for i in range(h):
                for j in range(w):
                    for c in range(channels):
                        dx[r, i, q, j, c] = dy[r, q, c] if winner[r, q, c] == i * w + j else 0


@kernel
def avg_pool(x: Array, y: Array) -> None:
    """Write the mean of each window to y."""
    rows, h, columns, w, channels = x.shape
    size = x.dtype.type(h * w)  # an integer would make float32 arithmetic float64
    for r in range(rows):
        for q in range(columns):
            for c in range(channels):
                y[r, q, c] = 0
            for i in range(h):
                for j in range(w):
                    for c in range(channels):
                        y[r, q, c] += x[r, i, q, j, c]
            for c in range(channels):
                y[r, q, c] /= size


@kernel
def avg_pool_backward(dy: Array, dx: Array) -> None:
    """Write dy / (h·w) to every place of its window of dx."""
    rows, h, columns, w, channels = dx.shape
    size = dy.dtype.type(h * w)
    for r in range(rows):
        for q in range(columns):
            for i in range(h):
                for j in range(w):
                    for c in range(channels):
                        dx[r, i, q, j, c] = dy[r, q, c] / size
