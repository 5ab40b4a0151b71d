"""Loss, accuracy and predictions on held-out images, for the network's own classifier and any others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from minilocal.compute.parallel import one_blas_thread
from minilocal.datasets.batches import evaluation_batches
from minilocal.datasets.prepare import Images
from minilocal.losses import softmax_cross_entropy
from minilocal.networks.network import Network


class Score(NamedTuple):
    """Mean cross-entropy and accuracy (0 … 1) on a set of images."""

    loss: float
    accuracy: float


def evaluate(
    network: Network,
    images: Images,
    classifiers: Iterable[int] | None = None,
    after_batch: Callable[[], None] = lambda: None,
) -> dict[int, Score]:
    """Return the scores of the classifiers on these layers (default: A_K alone), from one pass over the images.

    `after_batch` is called after each batch.
    """
    numbers = sorted(classifiers) if classifiers is not None else [len(network)]
    losses, correct = dict.fromkeys(numbers, 0.0), dict.fromkeys(numbers, 0)
    for x, labels in evaluation_batches(images):
        for number, logits in all_logits(network, x, numbers).items():
            loss, right = batch_sums(logits, labels)
            losses[number] += loss
            correct[number] += right
        after_batch()
    return {number: Score(losses[number] / len(images), correct[number] / len(images)) for number in numbers}


def batch_sums(logits: np.ndarray, labels: np.ndarray) -> tuple[float, int]:
    """Return the sum of a batch's losses and the number of correct predictions, from logits (N, classes)."""
    return softmax_cross_entropy(logits, labels)[0] * len(labels), int(np.sum(logits.argmax(axis=1) == labels))


def all_logits(network: Network, x: np.ndarray, classifiers: Iterable[int]) -> dict[int, np.ndarray]:
    """Return each classifier's logits (N, classes) for inputs x (N, H, W, C), with running statistics."""
    wanted, logits = set(classifiers), {}
    with one_blas_thread():
        for number in range(1, max(wanted) + 1):
            x = network.layer(number).forward(x)
            if number in wanted:
                logits[number] = network.classifier(number).forward(x)
    return logits


def predictions(network: Network, images: Images, flips: bool = False) -> np.ndarray:
    """Return (N,): for each image, the class that A_K finds most likely.

    With `flips` the logits of its mirror image are added first.
    """

    def logits(x: np.ndarray) -> np.ndarray:
        return network.predict(x) + network.predict(x[:, :, ::-1]) if flips else network.predict(x)

    return np.concatenate([logits(x).argmax(axis=1) for x, _ in evaluation_batches(images)])
