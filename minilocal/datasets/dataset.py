"""The result of every reader: a training set, a test set and what their labels mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # x_train, y_train, x_test, y_test


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images and labels of one data set, at the images' original size.

    `x_train` and `x_test` are (N, H, W, C), uint8 (0 to 255) or float32; `y_train` and `y_test` are (N,) int64, from 0
    to `len(classes) - 1`. `flip` says whether a mirrored image keeps its meaning. Digits don't; for your own images it
    is unknown, so False. `validation`: images and labels that the data set itself sets aside, if it does.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: tuple[str, ...]
    flip: bool
    validation: tuple[np.ndarray, np.ndarray] | None = None

    def __repr__(self) -> str:
        shape = "×".join(str(size) for size in self.x_train.shape[1:])
        return (
            f"Dataset({self.name!r}: {len(self.x_train):,} training and {len(self.x_test):,} test images of "
            f"{shape} {self.x_train.dtype}, {len(self.classes)} classes)"
        )


def white_level(pixels: np.ndarray) -> float | None:
    """Return the raw value of white: 1 or 255, if no pixel is outside 0 to white and one is brighter than half of it.

    Otherwise it is unknown, so None: images from 0 to 16 may be dark, or have 16 as white.
    """
    low, high = pixels.min(), pixels.max()
    return next((white for white in (1.0, 255.0) if low >= 0 and white / 2 < high <= white), None)
