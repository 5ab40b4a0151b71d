"""Cases of the lab on boundaries that bounce."""

import itertools

TITLE, LESSON, WEEK = "boundaries that bounce", 7, 2
PAIRS = ((1, 0), (3, 0), (2, 1), (3, 1), (3, 2), (4, 3), (5, 2), (7, 3))  # X and Y


def pairs(rng):
    """Yield X, Y and a number of layers; the last of them are random, so that no table of public results has them."""
    sizes = [int(size) for size in rng.integers(9, 60, 3)]
    for size, shift in (*PAIRS, *((size, int(rng.integers(1, size))) for size in sizes)):
        yield size, shift, size + int(rng.integers(0, 9))


def shifts(rng):
    """Yield what `shift_at` gets."""
    for size, shift, _ in pairs(rng):
        for epoch in (*range(5), int(rng.integers(5, 30))):
            yield f"epoch {epoch}, X = {size}, Y = {shift}", (epoch, size, shift)


def blocks(rng):
    """Yield what `blocks_at` gets."""
    for size, shift, layers in pairs(rng):
        for epoch in rng.integers(0, 9, 3):
            label = f"epoch {epoch}, {layers} layers, X = {size}, Y = {shift}"
            yield label, (int(epoch), layers, size, shift)


def layers(rng):
    """Yield what `share_trained` gets."""
    for size, shift, count in pairs(rng):
        for layer in (1, 2, int(rng.integers(1, count + 1))):
            if layer <= count:
                yield (
                    f"layer {layer} of {count}, X = {size}, Y = {shift}",
                    (layer, count, size, shift),
                )


def walls(rng):
    """Yield what `staggered` gets."""
    for size, _, layers in pairs(rng):
        for epoch in rng.integers(0, 9, 3):
            yield f"epoch {epoch}, {layers} layers, X = {size}", (int(epoch), layers, size)


def falling(epoch, size, shift):
    """Return the shift of GXSY, which falls back to 0."""
    return epoch % -(-size // shift) * shift if shift else 0


def together(epoch, layers, size):
    """Return blocks whose boundaries all move by `epoch` mod X layers."""
    walls = [0, *(w for w in range(size + epoch % size, layers, size)), layers]
    return [(before + 1, wall) for before, wall in itertools.pairwise(walls)]


CASES = [
    dict(
        name="the shift", points=3, function="shift_at", returns=("the shift",),
        nudge="how many steps of Y fit below X? The way up and the way down have that many each",
        equation="with m = ⌊(X−1)/Y⌋ and r = epoch mod 2m, s = Y·min(r, 2m − r); s = 0 if m = 0 or Y = 0",
        trials=shifts,
        mistakes={"the shift falls back to 0, as in GXSY": falling},
    ),
    dict(
        name="the blocks", points=2, function="blocks_at", returns=("the list of blocks",),
        nudge="layers 1 … s are frozen, and everything follows from that; the last block may be short",
        equation="blocks begin at s + 1, s + 1 + X, s + 1 + 2X, …; each has X layers, or ends at the last layer",
        trials=blocks, helpers=("shift_at",),
    ),
    dict(
        name="the share of epochs", points=1, function="share_trained", returns=("the share",),
        nudge="a period is the way up and the way down",
        equation="the number of epochs among 2m with s < layer, over 2m; 1 if the shift is always 0",
        trials=layers, helpers=("shift_at",),
    ),
    dict(
        name="staggered boundaries", points=2, function="staggered", returns=("the list of blocks",),
        nudge="write down where each boundary lies; blocks are what lies between them",
        equation="boundaries at b·X + (e + b) mod X for b = 1, 2, … with b·X < K, if that is below K; 0 and K",
        trials=walls,
        mistakes={"all boundaries have the same shift": together},
    ),
]  # fmt: skip
