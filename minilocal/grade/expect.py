"""Is what the student's code returned the right array, number or gradient? If not, what is wrong with it?"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minilocal import gradcheck
from minilocal.layers import Layer, Sequential

TOLERANCE = 1e-7  # relative to the largest entry: far above rounding in float64, far below the error of a wrong formula


class WrongError(Exception):
    """The student's code is wrong: the message says what it returns and what it should return."""


@contextlib.contextmanager
def about(what: str) -> Iterator[None]:
    """Begin the message of a `WrongError` raised in the `with` block with what it is about."""
    try:
        yield
    except WrongError as error:
        raise WrongError(f"{what}: {error}") from None


def array(name: str, received: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return what was received if it is an array of finite float64 numbers of that shape; else raise `WrongError`."""
    if not isinstance(received, np.ndarray | np.generic):
        raise WrongError(f"{name} should be an array of shape {shape}, but it is {_kind(received)}")
    if received.shape != shape:
        transposed = "; is it the transpose?" if received.shape == shape[::-1] else ""
        raise WrongError(f"{name} should have shape {shape}, but it has shape {received.shape}{transposed}")
    if received.dtype != np.float64:
        raise WrongError(f"{name} should be of type float64 like the inputs, but it is of type {received.dtype}")
    found = np.asarray(received)
    bad = ~np.isfinite(found)
    if bad.any():
        raise WrongError(f"{name}{_place(bad)} is {found[bad][0]}; it should be a finite number")
    return found


def number(name: str, received: Any) -> float:
    """Return what was received if it is one finite number; else raise `WrongError`."""
    if not isinstance(received, int | float | np.generic | np.ndarray) or np.asarray(received).dtype.kind not in "fiu":
        raise WrongError(f"{name} should be a number, but it is {_kind(received)}")
    if np.shape(received) != ():
        raise WrongError(f"{name} should be one number, but it has shape {np.shape(received)}")
    if not np.isfinite(received):
        raise WrongError(f"{name} is {received}; it should be a finite number")
    return float(received)


def pair(name: str, received: Any, values: str) -> tuple[Any, Any]:
    """Return what was received if it is a pair, as from `return a, b`; else raise `WrongError`."""
    if not isinstance(received, tuple | list) or len(received) != 2:
        raise WrongError(f"{name} should return two values, {values}, but it returns {_kind(received)}")
    return received[0], received[1]


def same(name: str, received: Any, expected: Any) -> None:
    """Raise `WrongError` unless an array, or a number, is the expected one up to rounding."""
    if np.ndim(expected) == 0:
        found = np.asarray(number(name, received))
    else:
        found = array(name, received, np.shape(expected))
    expected = np.asarray(expected, np.float64)
    wrong = ~(np.abs(found - expected) <= TOLERANCE * max(1e-3, float(np.abs(expected).max())))
    if wrong.any():
        raise WrongError(
            f"{name}{_place(wrong)} is {found[wrong][0]:.8g}, but it should be {expected[wrong][0]:.8g}"
            + _factor(found, expected)
        )


def gradient(
    name: str, received: Any, expected: np.ndarray, loss: Callable[[], float], by: np.ndarray, entries: int = 10
) -> None:
    """Raise `WrongError` unless the gradient of `loss()` by an array agrees with central differences and the library.

    `expected` is the library's gradient; `by` is the array, whose entries are changed and restored one by one.
    """
    found = array(name, received, by.shape)
    check = gradcheck.check_gradient("", name, loss, by, found, entries)
    if not check.passed():
        place = f"[{', '.join(map(str, check.index))}]" if check.index else ""
        raise WrongError(
            f"{name}{place} is {check.received:.8g}, but central differences give {check.expected:.8g}"
            + _factor(found, expected)
        )
    same(name, found, expected)


def layer_gradients(name: str, layer: Layer, x: np.ndarray) -> None:
    """Raise `WrongError` unless the student's layer has the gradients of its own forward pass on x (float64)."""
    for check in gradcheck.check_layer(name, layer, x):
        if not check.passed():
            raise WrongError(check.explain())


def released(name: str, layer: Layer) -> None:
    """Raise `WrongError` if a layer of the library still keeps what only its backward pass needs."""
    layers = layer.layers.values() if isinstance(layer, Sequential) else [layer]
    if kept := [attribute for inner in layers for attribute in inner.kept if getattr(inner, attribute) is not None]:
        raise WrongError(f"after the step {name} still keeps {', '.join(kept)}; release() forgets it")


class Trial:
    """A layer of the library that has run forward on x and backward on random dy.

    It has what a student's functions take, x, dy and params, and what they should return, y and the gradients.
    """

    def __init__(self, layer: Layer, x: np.ndarray, rng: np.random.Generator) -> None:
        self.layer, self.x, self.params = layer, x, layer.params
        self.y = layer.forward(x, training=True)
        self.dy = rng.standard_normal(self.y.shape)
        self.dx = layer.backward(self.dy)

    def loss(self) -> float:
        """Return Σ dy·y, whose gradient with respect to y is dy."""
        return float(np.sum(self.dy * self.layer.forward(self.x, training=True)))

    def check_gradient(self, of: str, received: Any) -> None:
        """Raise `WrongError` unless what was received is the gradient of "x" or of the parameter with that name."""
        by, expected = (self.x, self.dx) if of == "x" else (self.params[of], self.layer.grads[of])
        gradient(f"d{of}", received, expected, self.loss, by)


def _factor(found: np.ndarray, expected: np.ndarray) -> str:
    """Return a remark if all entries are wrong by the same factor: a mean instead of a sum, or a wrong sign."""
    size = float(np.vdot(expected, expected))
    factor = float(np.vdot(found, expected)) / size if size else 1.0
    if found.size < 2 or factor == 0 or abs(factor - 1) < 1e-3:
        return ""
    if not np.allclose(found, factor * expected, rtol=1e-6, atol=1e-12):
        return ""
    return f"; every entry is {factor:.4g} times what it should be"


def _place(where: np.ndarray) -> str:
    """Return the index of the first True as Python writes it, or nothing for a single number."""
    index = np.argwhere(where)[0]
    return f"[{', '.join(map(str, index))}]" if len(index) else ""


def _kind(received: Any) -> str:
    if received is None:
        return "None; is there a `return`?"
    if received is ...:
        return "still `...`"
    if isinstance(received, tuple | list):
        return f"a {type(received).__name__} of length {len(received)}"
    return f"of type {type(received).__name__}"
