"""How long it takes to make a minibatch ready, a worker process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from minilocal.bench.batch import CLASSES, IMAGE_SHAPE
from minilocal.bench.serve import serve
from minilocal.compute.compilation import COMPILING, on_first_compilation
from minilocal.compute.parallel import set_threads
from minilocal.datasets.batches import training_batches
from minilocal.datasets.prepare import Images, Normalisation

BATCHES = 32  # in the synthetic data set


class Loading:
    """A synthetic data set of uint8 images, cropped and flipped at random, epoch after epoch."""

    def __init__(self, note: Callable[[str], None], batch_size: int, threads: int) -> None:
        set_threads(threads)
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 256, (BATCHES * batch_size, *IMAGE_SHAPE), np.uint8)
        labels = rng.integers(0, CLASSES, len(pixels))
        self.images, self.batch_size = Images(pixels, labels, Normalisation.of(pixels)), batch_size
        self.batches = self.endless()
        with on_first_compilation(lambda: note(COMPILING)):
            self.batch()

    def endless(self) -> Iterator[object]:
        """Yield minibatches of one epoch after the other."""
        epoch = 0
        while True:
            yield from training_batches(self.images, self.batch_size, 0, epoch, crop=True, flip=True)
            epoch += 1

    def batch(self) -> float:
        """Return the seconds of the next minibatch."""
        start = time.perf_counter()
        next(self.batches)
        return time.perf_counter() - start


if __name__ == "__main__":
    serve(Loading)
