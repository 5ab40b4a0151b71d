"""Random numbers that depend on what they are for, never on the order of calls.

Each stream comes from the seed and a key such as (DROPOUT, step, layer). So freezing a layer, using more threads or
checking gradients changes no random number anywhere else.
"""

from __future__ import annotations

import numpy as np

INIT, AUXILIARY_INIT, ORDER, AUGMENT, DROPOUT, SPLIT, SIMILARITY_INIT, FLIPS = range(8)


def generator(seed: int, *key: int) -> np.random.Generator:
    """Return a stream's generator; the key is one of this module's constants, then numbers, such as a layer's."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def dropout_key(seed: int, step: int, layer: int) -> int:
    """Return the 62-bit key of a layer's dropout mask in a step; a layer with several dropouts starts from it."""
    sequence = np.random.SeedSequence(seed, spawn_key=(DROPOUT, step, layer))
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(2))


def following_key(key: int) -> int:
    """Return the key of the next dropout mask inside the same layer."""
    return dropout_key(key, 0, 0)
