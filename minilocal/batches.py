"""From raw images to minibatches: padding, normalisation, splitting, shuffling, cropping and flipping."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from minilocal import parallel
from minilocal.errors import InputError
from minilocal.kernels.images import crop_flip_normalise
from minilocal.streams import AUGMENT, ORDER, SPLIT, generator

MARGIN = 4  # black pixels around the raw image that a random crop may reach into


@dataclass(frozen=True)
class Normalisation:
    """Per-channel mean and standard deviation of raw pixels, subtracted and divided by."""

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def of(cls, images: np.ndarray) -> Normalisation:
        """Return the statistics of images (N, H, W, C); a channel without any contrast keeps its scale."""
        total = np.zeros((2, images.shape[-1]))
        for s in parallel.chunks(len(images), images[:1].nbytes):
            pixels = images[s].reshape(-1, images.shape[-1]).astype(np.float64)
            total += pixels.sum(axis=0), (pixels**2).sum(axis=0)
        mean, square = total / (images.size / images.shape[-1])
        std = np.sqrt(np.maximum(square - mean**2, 0))
        return cls(mean, np.where(std > 0, std, 1.0))


@dataclass(frozen=True)
class Images:
    """Raw images (N, H, W, C), as large as the network takes them, with labels (N,) and their normalisation."""

    pixels: np.ndarray
    labels: np.ndarray
    normalisation: Normalisation

    def __len__(self) -> int:
        return len(self.labels)


def pad_to_32(images: np.ndarray) -> np.ndarray:
    """Return 28×28 images (N, 28, 28, C) in a black frame of 2 pixels, others as they are."""
    if images.shape[1:3] != (28, 28):
        return images
    return np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))


def split(count: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of (training, validation) images: a random `share` of `count` is held out.

    Raises `InputError` if either part would be empty although share is above 0.
    """
    held_out = round(count * share)
    if share > 0 and not 0 < held_out < count:
        raise InputError(f"a validation share of {share} leaves {held_out} of {count} images; choose another")
    order = generator(seed, SPLIT).permutation(count)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def training_batches(
    images: Images, batch_size: int, seed: int, epoch: int, crop: bool, flip: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield an epoch's minibatches (x (B, H, W, C) float32, labels (B,)); a last partial one is dropped.

    Order and augmentation depend on (seed, epoch) alone. A random crop is a shift by up to 4 pixels in each
    direction, another for each image, that fills in black.
    """
    n = len(images)
    order = generator(seed, ORDER, epoch).permutation(n)
    chance = generator(seed, AUGMENT, epoch)
    shifts = chance.integers(-MARGIN, MARGIN + 1, (n, 2)) if crop else np.zeros((n, 2), np.int64)
    flips = chance.random(n) < 0.5 if flip else np.zeros(n, bool)
    for start in range(0, n - batch_size + 1, batch_size):
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
    x = np.empty((len(which), *pixels.shape[1:]), np.float32)
    parallel.run(
        lambda s: crop_flip_normalise(pixels, which[s], shifts[s], flips[s], mean, inv_std, x[s]),
        parallel.image_chunks(len(which), x[:1].nbytes),
    )
    return x
