"""Exercise 5: the block schedule (lessons 6 and 7).

GXSY cuts a network's layers 1 … K into blocks of X layers; the last one may be shorter. The shift s
is 0 in the first epoch (epoch 0), grows by Y after every epoch, and goes back to 0 once s ≥ X.
With shift s, layers 1 … s are frozen, and the first block begins at layer s + 1. G3S2 on 8 layers:

    epoch 0    shift 0    blocks 1-3, 4-6, 7-8
    epoch 1    shift 2    blocks 3-5, 6-8
    epoch 2    shift 0    as in epoch 0

Plain Python is enough. Replace every `...` with your own code. Then run

    python -m minilocal.grade tutorials/exercises/schedule.py
"""


def shift_at(epoch, X, Y):
    """Return the shift s of an epoch (from 0). X > Y; if Y = 0, boundaries never move."""
    return ...


def blocks_at(epoch, layers, X, Y):
    """Return an epoch's blocks in a network with that many layers: a list of (first, last)."""
    blocks = []
    first = shift_at(epoch, X, Y) + 1
    while ...:
        last = ...
        blocks.append((first, last))
        first = ...
    return blocks


def classifiers(layers, X, Y):
    """Return the layers that end a block in some epoch, sorted: only they need a classifier."""
    ends = set()
    for epoch in range(X):  # at most X epochs bring all shifts
        ...
    return sorted(ends)
