"""From raw images to minibatches: shuffled, cropped, flipped and normalised."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from minilocal import memory, parallel
from minilocal.data import Images
from minilocal.kernels.images import crop_flip_normalise
from minilocal.streams import AUGMENT, ORDER, generator

MARGIN = 4  # black pixels around the raw image that a random crop may reach into


def training_batches(
    images: Images, batch_size: int, seed: int, epoch: int, crop: bool, flip: bool, first: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield an epoch's minibatches (x (B, H, W, C) float32, labels (B,)), from number `first` on (counted from 0).

    A last partial one is dropped.
    Order and augmentation depend on (seed, epoch) alone. A random crop is a shift by up to 4 pixels in each
    direction, another for each image, that fills in black.
    """
    n = len(images)
    order = generator(seed, ORDER, epoch).permutation(n)
    chance = generator(seed, AUGMENT, epoch)
    shifts = chance.integers(-MARGIN, MARGIN + 1, (n, 2)) if crop else np.zeros((n, 2), np.int64)
    flips = chance.random(n) < 0.5 if flip else np.zeros(n, bool)
    for start in range(first * batch_size, n - batch_size + 1, batch_size):
        which = order[start : start + batch_size]
        yield _prepare(images, which, shifts[which], flips[which]), images.labels[which]


def evaluation_batches(images: Images, batch_size: int = 128) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield all images in order, unaugmented, the last batch as small as it comes."""
    n = len(images)
    for start in range(0, n, batch_size):
        which = np.arange(start, min(start + batch_size, n))
        still = np.zeros((len(which), 2), np.int64)
        yield _prepare(images, which, still, np.zeros(len(which), bool)), images.labels[which]


def _prepare(images: Images, which: np.ndarray, shifts: np.ndarray, flips: np.ndarray) -> np.ndarray:
    pixels, normalisation = images.pixels, images.normalisation
    mean, inv_std = (a.astype(np.float32) for a in (normalisation.mean, 1 / normalisation.std))
    x = memory.empty((len(which), *pixels.shape[1:]), np.float32)
    parallel.run(
        lambda s: crop_flip_normalise(pixels, which[s], shifts[s], flips[s], mean, inv_std, x[s]),
        parallel.image_chunks(len(which), x[:1].nbytes),
    )
    return x
