"""From raw images to minibatches: shuffled, cropped, flipped and normalised."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from minilocal.compute import memory, parallel
from minilocal.compute.streams import AUGMENT, FLIPS, ORDER, generator
from minilocal.datasets.prepare import Images
from minilocal.errors import InputError
from minilocal.kernels.images import crop_flip_normalise

EVALUATED = 128  # images in a batch for evaluation


class Minibatches:
    """The minibatches of one epoch, numbered from 0: their images, and how these are cropped and flipped.

    A random crop shifts each image by up to `margin` pixels in each direction, and fills in black or, with `mirror`,
    the mirrored image; None means `margin_of` the images. A random half of the images is flipped or, with `alternate`,
    that of epoch 0 and the other half in turns. A last, smaller minibatch is dropped. Everything depends on `seed` and
    `epoch` alone and is drawn when this object is made, so any minibatch, or only its labels, can be made without the
    others. Epochs count from 0. Raises `InputError` if a mirrored border would be wider than the image.
    """

    def __init__(
        self,
        images: Images,
        batch_size: int,
        seed: int,
        epoch: int,
        crop: bool,
        flip: bool,
        margin: int | None = None,
        mirror: bool = False,
        alternate: bool = False,
    ) -> None:
        n, shape = len(images), images.pixels.shape[1:3]
        margin = margin_of(shape) if margin is None else margin
        if mirror and crop and len(shape) == 2 and margin >= min(shape):
            raise InputError(
                f"crop_margin is {margin}, but images of {shape[0]}×{shape[1]} pixels are mirrored; use less"
            )
        self.images, self.batch_size, self.mirror = images, batch_size, mirror
        self.order = generator(seed, ORDER, epoch).permutation(n)
        chance = generator(seed, AUGMENT, epoch)
        self.shifts = chance.integers(-margin, margin + 1, (n, 2)) if crop else np.zeros((n, 2), np.int64)
        half = (generator(seed, FLIPS) if alternate else chance).random(n) < 0.5
        self.flips = half ^ (alternate and epoch % 2 == 1) if flip else np.zeros(n, bool)

    def __len__(self) -> int:
        return len(self.images) // self.batch_size

    def labels(self, number: int) -> np.ndarray:
        """Return a minibatch's labels (B,)."""
        return self.images.labels[self._which(number)]

    def pixels(self, number: int) -> np.ndarray:
        """Return a minibatch's images (B, H, W, C), float32, cropped, flipped and normalised."""
        which = self._which(number)
        return _prepare(self.images, which, self.shifts[which], self.flips[which], self.mirror)

    def _which(self, number: int) -> np.ndarray:
        return self.order[number * self.batch_size : (number + 1) * self.batch_size]


def margin_of(image_shape: tuple[int, ...]) -> int:
    """Return how far crops shift images (H, W, …): by an eighth of the shorter side, in whole pixels.

    >>> margin_of((32, 32, 3)), margin_of((16, 24))
    (4, 2)
    """
    return min(image_shape[:2]) // 8


def training_batches(
    images: Images, batch_size: int, seed: int, epoch: int, crop: bool, flip: bool, first: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the `Minibatches` of an epoch, starting with number `first`: x (B, H, W, C) float32, labels (B,)."""
    batches = Minibatches(images, batch_size, seed, epoch, crop, flip)
    for number in range(first, len(batches)):
        yield batches.pixels(number), batches.labels(number)


def evaluation_batches(images: Images, batch_size: int = EVALUATED) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield all images in order, neither cropped nor flipped; the last batch may be smaller."""
    for number in range(-(-len(images) // batch_size)):
        yield evaluation_batch(images, number, batch_size)


def evaluation_batch(images: Images, number: int, batch_size: int = EVALUATED) -> tuple[np.ndarray, np.ndarray]:
    """Return one of the `evaluation_batches` by its number, counted from 0."""
    which = np.arange(len(images))[number * batch_size : (number + 1) * batch_size]
    shifts, flips = np.zeros((len(which), 2), np.int64), np.zeros(len(which), bool)
    return _prepare(images, which, shifts, flips), images.labels[which]


def evaluation_labels(images: Images, number: int, batch_size: int = EVALUATED) -> np.ndarray:
    """Return only the labels of an `evaluation_batch`."""
    return images.labels[number * batch_size : (number + 1) * batch_size]


def _prepare(
    images: Images, which: np.ndarray, shifts: np.ndarray, flips: np.ndarray, mirror: bool = False
) -> np.ndarray:
    pixels, normalisation = images.pixels, images.normalisation
    mean, inv_std = (a.astype(np.float32) for a in (normalisation.mean, 1 / normalisation.std))
    x = memory.empty((len(which), *pixels.shape[1:]), np.float32)
    parallel.run(
        lambda s: crop_flip_normalise(pixels, which[s], shifts[s], flips[s], mirror, mean, inv_std, x[s]),
        parallel.image_chunks(len(which), x[:1].nbytes),
    )
    return x
