"""The images a run works on: sized, split and with the statistics to normalise them by."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from minilocal.compute import parallel
from minilocal.datasets import Dataset, load
from minilocal.errors import InputError
from minilocal.streams import SPLIT, generator


@dataclass(frozen=True)
class Normalisation:
    """Per-channel mean and standard deviation (C,) of raw pixels, subtracted and divided by."""

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def of(cls, images: np.ndarray) -> Normalisation:
        """Return the statistics of images (N, H, W, C); a channel without any contrast keeps its scale."""
        channels = images.shape[-1]
        total = np.zeros((2, channels))
        for s in parallel.chunks(len(images), images[:1].nbytes):
            pixels = images[s].reshape(-1, channels).astype(np.float64)
            total += pixels.sum(axis=0), (pixels**2).sum(axis=0)
        mean, square = total / (images.size / channels)
        std = np.sqrt(np.maximum(square - mean**2, 0))
        return cls(mean, np.where(std > 1e-6 * np.abs(mean), std, 1.0))  # below that it is rounding


@dataclass(frozen=True)
class Images:
    """Raw images (N, H, W, C), as large as the network takes them, with labels (N,) and their normalisation."""

    pixels: np.ndarray
    labels: np.ndarray
    normalisation: Normalisation

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Data:
    """What a run trains on, what it makes choices on (None without a validation split), and what it reports on."""

    train: Images
    validation: Images | None
    test: Images
    classes: tuple[str, ...]
    raw_shape: tuple[int, int, int]
    flip: bool

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Return (height, width, channels) of the network's input."""
        height, width, channels = self.train.pixels.shape[1:]
        return height, width, channels

    @property
    def white_level(self) -> float | None:
        """Return the raw value of white, 255 for uint8 and 1 for floats in 0 … 1; None if that can't be told."""
        pixels = self.train.pixels
        if pixels.dtype == np.uint8:
            return 255.0
        return 1.0 if pixels.min() >= 0 and pixels.max() <= 1 else None

    def without_pixels(self) -> Data:
        """Return the data of who needs labels alone."""
        bare = {
            name: replace(images, pixels=np.empty((len(images), 0), images.pixels.dtype))
            for name in ("train", "validation", "test")
            if (images := getattr(self, name)) is not None
        }
        return replace(self, **bare)

    @property
    def held_out(self) -> dict[str, Images]:
        """Return the sets that are evaluated after each epoch, by name."""
        return {"test": self.test} | ({"validation": self.validation} if self.validation else {})


def prepare(
    dataset: Dataset | str,
    data_dir: str | None = None,
    train_size: int | None = None,
    test_size: int | None = None,
    validation: float = 0.0,
    seed: int = 0,
) -> Data:
    """Return a data set (or the one of that name) ready for training.

    28×28 images are zero-padded to 32×32. train_size and test_size keep only the first images of each part.
    A random share `validation` of the training images is held out. The normalisation is that of the images left
    to train on. Raises `InputError` if a size or the share is out of range.
    """
    if isinstance(dataset, str):
        dataset = load(dataset, data_dir)
    x_train, y_train = _first("train", dataset.x_train, dataset.y_train, train_size)
    x_test, y_test = _first("test", dataset.x_test, dataset.y_test, test_size)
    raw_shape, (x_train, x_test) = x_train.shape[1:], map(pad_to_32, (x_train, x_test))
    kept, held_out = split(len(x_train), validation, seed)
    if len(held_out):
        x_train, y_train, x_held_out, y_held_out = (
            x_train[kept],
            y_train[kept],
            x_train[held_out],
            y_train[held_out],
        )
    normalisation = Normalisation.of(x_train)
    return Data(
        train=Images(x_train, y_train, normalisation),
        validation=Images(x_held_out, y_held_out, normalisation) if len(held_out) else None,
        test=Images(x_test, y_test, normalisation),
        classes=dataset.classes,
        raw_shape=raw_shape,
        flip=dataset.flip,
    )


def pad_to_32(images: np.ndarray) -> np.ndarray:
    """Return 28×28 images (N, 28, 28, C) in a black frame of 2 pixels, others as they are."""
    if images.shape[1:3] != (28, 28):
        return images
    return np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))


def split(count: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted indices of (training, validation) images: a random `share` of `count` is held out.

    Raises `InputError` if either part would be empty although share is above 0.
    """
    if not 0 <= share < 1:
        raise InputError(f"the validation share is {share}; it must be at least 0 and below 1")
    held_out = round(count * share)
    if share and not 0 < held_out < count:
        raise InputError(f"a validation share of {share} holds out {held_out} of {count} images; choose another")
    order = generator(seed, SPLIT).permutation(count)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def _first(part: str, x: np.ndarray, y: np.ndarray, size: int | None) -> tuple[np.ndarray, np.ndarray]:
    if size is None:
        return x, y
    if not 1 <= size <= len(x):
        raise InputError(f"{part} size is {size}; the data set has {len(x)} {part} images, so use 1 to {len(x)}")
    return x[:size], y[:size]
