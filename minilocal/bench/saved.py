"""How many bytes of activations a step saves for its backward passes: counted, not estimated."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any
from unittest.mock import patch

import numpy as np

from minilocal.bench.leaves import leaves
from minilocal.networks.network import Network


@contextlib.contextmanager
def saved_at_loss(network: Network) -> Iterator[list[int]]:
    """Yield a list that gets, inside the `with` block, the bytes saved at the moment of each block's loss.

    That is when most is saved: the block's forward is done and the classifier's backward, which comes next, has
    released nothing yet.
    """
    sizes: list[int] = []
    with contextlib.ExitStack() as stack:
        for classifier in network.auxiliary.values():

            def backward(*arguments: Any, original: Any = classifier.backward) -> Any:
                sizes.append(saved_bytes(network))
                return original(*arguments)

            stack.enter_context(patch.object(classifier, "backward", backward))
        yield sizes


def saved_bytes(network: Network) -> int:
    """Return the bytes of all arrays that the network's layers and classifiers keep at present."""
    return bytes_covered(
        array
        for _, part in network.named_layers()
        for leaf in leaves(part)
        for name in leaf.kept
        for array in _arrays(getattr(leaf, name))
    )


def bytes_covered(arrays: Iterable[np.ndarray]) -> int:
    """Return how many bytes of memory the arrays cover, those that several of them share once.

    >>> a = np.zeros((4, 6), np.float32)
    >>> bytes_covered([a, a.reshape(24), a[1:3]]), bytes_covered([a[:2], a[1:], a.copy()])
    (96, 192)
    """
    total = end = 0
    for first, last in sorted(_span(array) for array in arrays):
        total += max(last, end) - max(first, end)
        end = max(last, end)
    return total


def _span(array: np.ndarray) -> tuple[int, int]:
    """Return the addresses of an array's first byte and behind its last; it has no negative strides."""
    first = array.__array_interface__["data"][0]
    if array.size == 0:
        return first, first
    reach = sum((size - 1) * stride for size, stride in zip(array.shape, array.strides, strict=True))
    return first, first + reach + array.itemsize


def _arrays(value: Any) -> Iterator[np.ndarray]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        yield from _arrays(list(value.values()))
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _arrays(item)
