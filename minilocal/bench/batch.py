"""The minibatch that every process trains on: the same random images and labels everywhere."""

from __future__ import annotations

import numpy as np

IMAGE_SHAPE = (32, 32, 3)
CLASSES = 10
LR = 0.01  # low: the same batch over and over must not make the loss diverge
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
DROPOUT = 0.05


def random_batch(batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return normal random images (N, 32, 32, 3), float32, and random labels (N,)."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((batch_size, *IMAGE_SHAPE), np.float32), rng.integers(0, CLASSES, batch_size)
