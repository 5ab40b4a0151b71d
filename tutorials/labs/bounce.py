"""Lab 7: boundaries that bounce (needs lesson 7; 8 points).

As in GXSY, a network's layers 1 … K are cut into blocks of X layers, layers 1 … s are frozen, and
the first block begins at layer s + 1. But the shift s does not fall back to 0: it grows by Y as
long as it stays below X, then shrinks by Y down to 0, and so on. With X = 5 and Y = 2:

    epoch    0  1  2  3  4  5  6  …
    shift    0  2  4  2  0  2  4  …

In `staggered`, every boundary has a shift of its own. Without shifts, the boundaries of GX lie
behind the layers X, 2X, 3X, …, as long as they are below K. In epoch e, boundary number b (from 1)
lies (e + b) mod X layers further up, or vanishes if no layer is left behind it. No layer is frozen.

Plain Python is enough. Epochs count from 0, layers from 1. Replace every `...` with your own code.
Then run

    python -m minilocal.grade tutorials/labs/bounce.py
"""


def shift_at(epoch, X, Y):
    """Return the shift s of an epoch. 0 ≤ Y < X; if Y = 0, it is always 0."""
    ...
    return ...


def blocks_at(epoch, layers, X, Y):
    """Return an epoch's blocks in a network with that many layers, as a list of (first, last)."""
    ...
    return blocks


def share_trained(layer, layers, X, Y):
    """Return in what share of the epochs a layer is trained, over a whole period, as a float."""
    epochs = ...
    trained = ...
    return sum(trained) / epochs


def staggered(epoch, layers, X):
    """Return an epoch's blocks, as a list of (first, last), if every boundary has its own shift."""
    ...
    return blocks
