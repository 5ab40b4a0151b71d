"""The images of a run: cut to size, split, and with the statistics that normalise them."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace

import numpy as np

from minilocal.compute import parallel
from minilocal.compute.streams import SPLIT, generator
from minilocal.datasets.dataset import Dataset
from minilocal.datasets.loading import load
from minilocal.errors import InputError


@dataclass(frozen=True)
class Normalisation:
    """Per-channel mean and standard deviation (C,) of raw pixels: x becomes (x − mean) / std."""

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
        return cls(mean, np.where(std > 1e-6 * np.abs(mean), std, 1.0))  # anything smaller is rounding


@dataclass(frozen=True)
class Images:
    """Raw images (N, H, W, C) of the network's input size, their labels (N,) and their normalisation."""

    pixels: np.ndarray
    labels: np.ndarray
    normalisation: Normalisation

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Data:
    """The images of a run: to train on, to choose options by (None without a validation split), and to report on.

    Attributes:
        raw_shape: (height, width, channels) of the data set's images, before padding.
        flip: whether mirrored images keep their meaning.
        by_class: whether images are ordered by class in the data set, so that `train_size` or `test_size` chose the
            first of each class.
        own_validation: whether the validation images are the data set's own, not a share of the training images.
        checksum: SHA-256 of all images and labels, in hexadecimal; the same for every share held out and every seed.
    """

    train: Images
    validation: Images | None
    test: Images
    classes: tuple[str, ...]
    raw_shape: tuple[int, int, int]
    flip: bool
    by_class: bool
    own_validation: bool
    checksum: str

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the network's input."""
        height, width, channels = self.train.pixels.shape[1:]
        return height, width, channels

    @property
    def held_out(self) -> dict[str, Images]:
        """The sets to evaluate after each epoch, by name."""
        return {"test": self.test} | ({"validation": self.validation} if self.validation else {})

    def without_pixels(self) -> Data:
        """Return a copy with labels only, for processes that never look at an image."""

        def bare(images: Images) -> Images:
            return replace(images, pixels=np.empty((len(images), 0), images.pixels.dtype))

        held_out = {name: bare(images) for name, images in self.held_out.items()}
        return replace(self, train=bare(self.train), **held_out)  # type: ignore[arg-type]


def prepare(
    dataset: Dataset | str,
    data_dir: str | None = None,
    train_size: int | None = None,
    test_size: int | None = None,
    validation: float = 0.0,
    seed: int = 0,
) -> Data:
    """Return a data set, given itself or by name, ready for training.

    28×28 images are zero-padded to 32×32. `train_size` and `test_size` limit both sets to their first images or, where
    the images are ordered by class, to the first of each class, as many of each as its share. A random share
    `validation` of the training images is held out. The remaining training images determine the normalisation.
    Raises `InputError` if a size or the share is out of range, and for numbers that float32 can't normalise.
    """
    if isinstance(dataset, str):
        dataset = load(dataset, data_dir)
    if dataset.validation and validation:
        own = f"{dataset.name} has validation images of its own"
        raise InputError(f"the validation share is {validation}, but {own}; leave --validation out")
    x_train, y_train, train_by_class = _first("train", dataset.x_train, dataset.y_train, train_size)
    x_test, y_test, test_by_class = _first("test", dataset.x_test, dataset.y_test, test_size)
    checksum = checksum_of(x_train, y_train, x_test, y_test, *dataset.validation or ())
    raw_shape, (x_train, x_test) = x_train.shape[1:], map(pad_to_32, (x_train, x_test))
    remaining, chosen = split(len(x_train), validation, seed)
    held_out = dataset.validation or (x_train[chosen], y_train[chosen])
    if len(chosen):
        x_train, y_train = x_train[remaining], y_train[remaining]
    normalisation = Normalisation.of(x_train)
    if not all(is_sane(number) for number in (*normalisation.mean, *normalisation.std)):
        statistics = f"mean {normalisation.mean.max():.1e} and deviation {normalisation.std.max():.1e}"
        raise InputError(f"{dataset.name}: pixels of {statistics} are out of range; scale them to 0 to 1 or 0 to 255")
    return Data(
        Images(x_train, y_train, normalisation),
        Images(pad_to_32(held_out[0]), held_out[1], normalisation) if len(held_out[1]) else None,
        Images(x_test, y_test, normalisation),
        dataset.classes,
        raw_shape,
        dataset.flip,
        by_class=train_by_class or test_by_class,
        own_validation=dataset.validation is not None,
        checksum=checksum,
    )


def checksum_of(*arrays: np.ndarray) -> str:
    """Return the SHA-256 of arrays of numbers, in hexadecimal: of their types, shapes and values, in this order.

    It is the same on every machine, and equal numbers in another memory layout have the same checksum.
    """
    checksum = hashlib.sha256()
    for array in arrays:
        a = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        checksum.update(f"{a.dtype.str}{a.shape}".encode())
        checksum.update(a)
    return checksum.hexdigest()


def pad_to_32(images: np.ndarray) -> np.ndarray:
    """Return 28×28 images (N, 28, 28, C) with a black frame of 2 pixels, and other images unchanged."""
    if images.shape[1:3] != (28, 28):
        return images
    return np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))


def split(count: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted indices of (training, validation) images: a random `share` of `count` is held out.

    Raises `InputError` unless 0 ≤ share < 1, or if a share above 0 would leave either set empty.
    """
    if not 0 <= share < 1:
        raise InputError(f"the validation share is {share}; it must be at least 0 and below 1")
    held_out = round(count * share)
    if share and not 0 < held_out < count:
        raise InputError(f"a validation share of {share} holds out {held_out} of {count} images; choose another")
    order = generator(seed, SPLIT).permutation(count)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def is_sane(number: float) -> bool:
    """Whether float32 arithmetic can work with a number and its inverse."""
    return number == 0 or (math.isfinite(number) and 1e-30 < abs(number) < 1e30)


def ordered_by_class(labels: np.ndarray) -> bool:
    """Whether neighbours have different labels less than half as often as in random order.

    >>> ordered_by_class(np.array([0, 0, 0, 1, 1, 1])), ordered_by_class(np.array([0, 1, 1, 0, 1, 0]))
    (True, False)
    """
    shares = np.bincount(labels) / len(labels)
    return bool(np.count_nonzero(np.diff(labels)) < len(labels) * (1 - (shares**2).sum()) / 2)


def _first(name: str, x: np.ndarray, y: np.ndarray, size: int | None) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return the first images and labels or, if they are ordered by class, the first of each class, in their order.

    The third value is whether they were chosen by class.
    """
    if size is None:
        return x, y, False
    if not 1 <= size <= len(x):
        raise InputError(f"{name} size is {size}; the data set has {len(x)} {name} images, so use 1 to {len(x)}")
    if size == len(x) or not ordered_by_class(y):
        return x[:size], y[:size], False
    order = y.argsort(kind="stable")
    start, stop = (np.searchsorted(y[order], y[order], side) for side in ("left", "right"))
    place = np.empty(len(y))  # of an image within its class: from 0, the first, to almost 1, the last
    place[order] = (np.arange(len(y)) - start) / (stop - start)
    chosen = np.sort(place.argsort(kind="stable")[:size])
    return x[chosen], y[chosen], True
