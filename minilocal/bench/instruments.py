"""Where a step's time goes, by kind of layer: clocks around every layer's forward and backward.

They are put on the layer objects for the length of a `with` block; neither layers nor steps know of them.
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import numpy as np

from minilocal.bench.leaves import leaves
from minilocal.layers import Conv2d, Layer
from minilocal.networks.network import Network
from minilocal.optim import SGD

Seconds = dict[str, float]

CONV_KINDS = ("Conv2d forward", "Conv2d weight gradient", "Conv2d input gradient")


@contextlib.contextmanager
def instrumented(network: Network, optimizer: SGD) -> Iterator[Seconds]:
    """Yield a dict that gathers, inside the `with` block, seconds by kind of work.

    Kinds are the class names of the layers' operations, convolutions as "Conv2d forward", "Conv2d weight gradient"
    and "Conv2d input gradient"; "classifiers", all they contain; "loss"; and "SGD".
    """
    seconds: Seconds = defaultdict(float, dict.fromkeys(CONV_KINDS, 0.0))
    with contextlib.ExitStack() as stack:

        def replace(thing: object, name: str, function: Callable) -> None:
            stack.enter_context(patch.object(thing, name, function))

        for leaf in (leaf for layer in network.layers for leaf in leaves(layer)):
            if isinstance(leaf, Conv2d):
                replace(leaf, "forward", timed(leaf.forward, CONV_KINDS[0], seconds))
                replace(leaf, "backward", _conv_backward(leaf, seconds))
            else:
                for name in ("forward", "backward"):
                    replace(leaf, name, timed(getattr(leaf, name), type(leaf).__name__, seconds))
        for classifier in network.auxiliary.values():
            forward, backward = _classifier(classifier, seconds)
            replace(classifier, "forward", forward)
            replace(classifier, "backward", backward)
        replace(optimizer, "update", timed(optimizer.update, "SGD", seconds))
        yield seconds


def timed(function: Callable, name: str, seconds: Seconds) -> Callable:
    """Return the function with a clock around it that adds to seconds[name]."""

    def clocked(*arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            seconds[name] += time.perf_counter() - start

    return clocked


def _conv_backward(conv: Conv2d, seconds: Seconds) -> Callable:
    """Return conv.backward with clocks: one around the input gradient, what is left is the weight gradient's."""
    original = conv.backward

    def backward(dy: np.ndarray, need_dx: bool = True) -> Any:
        _, weight_gradient, input_gradient = CONV_KINDS
        before = seconds[input_gradient]
        algorithm = conv.algorithm(conv.recall("x").shape[1:])
        with patch.object(algorithm, "input_gradient", timed(algorithm.input_gradient, input_gradient, seconds)):
            dx = timed(original, weight_gradient, seconds)(dy, need_dx)
        seconds[weight_gradient] -= seconds[input_gradient] - before
        return dx

    return backward


def _classifier(classifier: Layer, seconds: Seconds) -> tuple[Callable, Callable]:
    """Return a classifier's forward and backward with clocks; the loss is what lies between the two."""
    forward, backward = (
        timed(function, "classifiers", seconds) for function in (classifier.forward, classifier.backward)
    )
    behind_forward = 0.0

    def clocked_forward(*arguments: Any, **options: Any) -> Any:
        nonlocal behind_forward
        logits = forward(*arguments, **options)
        behind_forward = time.perf_counter()
        return logits

    def clocked_backward(*arguments: Any) -> Any:
        seconds["loss"] += time.perf_counter() - behind_forward
        return backward(*arguments)

    return clocked_forward, clocked_backward
