"""Instruments on a network's layers, for the duration of a `with` block: clocks, and a count of the bytes saved.

Neither layers nor steps know of them.
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from unittest.mock import patch

import numpy as np

from minilocal.layers import Conv2d
from minilocal.layers.sequential import leaves
from minilocal.losses import cross_entropy
from minilocal.networks.network import Network
from minilocal.optim import SGD

Seconds = dict[str, float]

CONV_KINDS = FORWARD, WEIGHT, INPUT = ("Conv2d forward", "Conv2d weight gradient", "Conv2d input gradient")


@contextlib.contextmanager
def instrumented(network: Network, optimizer: SGD) -> Iterator[Seconds]:
    """Yield a dict that gathers the seconds of training steps by kind of work, inside the `with` block.

    The kinds are the class names of the layers' operations, `CONV_KINDS` for convolutions; "classifiers", with all
    that they contain; "loss"; and "SGD".
    """
    seconds: Seconds = defaultdict(float, dict.fromkeys(CONV_KINDS, 0.0))
    with contextlib.ExitStack() as stack:

        def clock(thing: object, kind: str, *names: str) -> None:
            for name in names:
                stack.enter_context(patch.object(thing, name, timed(getattr(thing, name), kind, seconds)))

        for leaf in (leaf for layer in network.layers for leaf in leaves(layer)):
            if isinstance(leaf, Conv2d):
                clock(leaf, FORWARD, "forward")
                stack.enter_context(patch.object(leaf, "backward", _conv_backward(leaf, seconds)))
            else:
                clock(leaf, type(leaf).__name__, "forward", "backward")
        for classifier in network.auxiliary.values():
            clock(classifier, "classifiers", "forward", "backward")
        clock(cross_entropy, "loss", "softmax_cross_entropy")
        clock(optimizer, "SGD", "update")
        yield seconds


def timed(function: Callable, kind: str, seconds: Seconds, within: str | None = None) -> Callable:
    """Return the function with a clock that adds its time to `kind` and subtracts it from `within`, a caller's kind."""

    def clocked(*arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            taken = time.perf_counter() - start
            seconds[kind] += taken
            if within is not None:
                seconds[within] -= taken

    return clocked


def _conv_backward(conv: Conv2d, seconds: Seconds) -> Callable:
    """Return conv.backward with clocks: the input gradient has its own, and the rest is the weight gradient."""
    backward = timed(conv.backward, WEIGHT, seconds)

    def clocked_backward(dy: np.ndarray, need_dx: bool = True) -> Any:
        method = conv.method(conv.x.shape[1:])
        input_gradient = timed(method.input_gradient, INPUT, seconds, within=WEIGHT)
        with patch.object(method, "input_gradient", input_gradient):
            return backward(dy, need_dx)

    return clocked_backward


@contextlib.contextmanager
def saved_at_loss(network: Network) -> Iterator[list[int]]:
    """Yield a list that gets the bytes saved at the moment of each block's loss, inside the `with` block.

    The most is saved at that moment: the block's forward is done, and the classifier's backward, which comes next, has
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
    """Return the bytes of the arrays that the network's layers and classifiers keep for backward at present."""
    kept = (getattr(leaf, name) for _, layer in network.named_layers() for leaf in leaves(layer) for name in leaf.kept)
    return bytes_covered(value for value in kept if isinstance(value, np.ndarray))


def bytes_covered(arrays: Iterable[np.ndarray]) -> int:
    """Return how many bytes of memory the arrays cover; memory that several of them share counts once.

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
    """Return the address of an array's first byte and the one after its last; it has no negative strides."""
    first = array.__array_interface__["data"][0]
    reach = sum((size - 1) * stride for size, stride in zip(array.shape, array.strides, strict=True))
    return first, first + (reach + array.itemsize if array.size else 0)
