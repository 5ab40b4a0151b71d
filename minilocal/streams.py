"""Random numbers keyed by what they are for, never ordered by calls.

Every stream comes from one seed and a key such as (DROPOUT, step, layer). So a frozen layer, another number of
threads or a gradient check sees the same numbers as a plain run.
"""

from __future__ import annotations

import numpy as np

INIT, AUXILIARY_INIT, ORDER, AUGMENT, DROPOUT, SPLIT = range(6)


def generator(seed: int, *key: int) -> np.random.Generator:
    """Return the generator of the stream `key`, one of this module's constants and then what it counts by."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def dropout_key(seed: int, step: int, layer: int) -> int:
    """Return the 62-bit key of a layer's dropout mask in a step."""
    sequence = np.random.SeedSequence(seed, spawn_key=(DROPOUT, step, layer))
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(2))
