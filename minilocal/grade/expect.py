"""Is what a student's code returned the right array, number or gradient? If not, what is wrong with it?"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minilocal import gradcheck
from minilocal.grade.case import WrongError

TOLERANCE = 1e-7  # relative to the largest entry; float64 rounding is far below, and wrong formulas are far above


@contextlib.contextmanager
def about(what: str) -> Iterator[None]:
    """Have a `WrongError` of the block inside say what it is about."""
    try:
        yield
    except WrongError as error:
        raise WrongError(f"{what}: {error}") from None


def array(name: str, received: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return what was received if it is an array of finite float64 numbers of that shape; else `WrongError`."""
    if not isinstance(received, np.ndarray | np.generic):
        raise WrongError(f"{name} should be an array of shape {shape}, and is {_kind(received)}")
    if received.shape != shape:
        transposed = "; is it the transpose?" if received.shape == shape[::-1] else ""
        raise WrongError(f"{name} should have the shape {shape}, and has {received.shape}{transposed}")
    if received.dtype != np.float64:
        raise WrongError(f"{name} should be of type float64, as the inputs are, and is of type {received.dtype}")
    found = np.asarray(received)
    bad = ~np.isfinite(found)
    if bad.any():
        raise WrongError(f"{name}{_place(bad)} is {found[bad][0]}, which is no finite number")
    return found


def number(name: str, received: Any) -> float:
    """Return what was received if it is one finite number; else `WrongError`."""
    if not isinstance(received, int | float | np.generic | np.ndarray) or np.asarray(received).dtype.kind not in "fiu":
        raise WrongError(f"{name} should be a number, and is {_kind(received)}")
    if np.shape(received) != ():
        raise WrongError(f"{name} should be one number, and has the shape {np.shape(received)}")
    if not np.isfinite(received):
        raise WrongError(f"{name} is {received}, which is no finite number")
    return float(received)


def pair(name: str, received: Any, parts: str) -> tuple[Any, Any]:
    """Return what was received if it is a pair, as from `return a, b`; else `WrongError`."""
    if not isinstance(received, tuple | list) or len(received) != 2:
        raise WrongError(f"{name} should return two things, {parts}, and returns {_kind(received)}")
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
            f"{name}{_place(wrong)} is {found[wrong][0]:.8g}, and should be {expected[wrong][0]:.8g}"
            + _factor(found, expected)
        )


def gradient(
    name: str, received: Any, expected: np.ndarray, loss: Callable[[], float], by: np.ndarray, entries: int = 10
) -> None:
    """Raise `WrongError` unless the gradient of `loss()` by an array agrees with central differences and the library.

    `expected` is the library's; `by` is the array, changed in place and restored, entry by entry, so many of them.
    """
    found = array(name, received, by.shape)
    check = gradcheck.compare("", name, loss, by, found, entries)
    if not check.passed():
        place = f"[{', '.join(map(str, check.index))}]" if check.index else ""
        raise WrongError(
            f"{name}{place} is {check.received:.8g}, and central differences give {check.expected:.8g}"
            + _factor(found, expected)
        )
    same(name, found, expected)


def _factor(found: np.ndarray, expected: np.ndarray) -> str:
    """Return a remark if all entries are wrong by the same factor: a mean for a sum, a sign."""
    size = float(np.vdot(expected, expected))
    factor = float(np.vdot(found, expected)) / size if size else 1.0
    if (
        found.size < 2
        or factor == 0
        or abs(factor - 1) < 1e-3
        or not np.allclose(found, factor * expected, rtol=1e-6, atol=1e-12)
    ):
        return ""
    return f"; all its entries are {factor:.4g} times what they should be"


def _place(where: np.ndarray) -> str:
    """Return the index of the first True as it is written, nothing for a single number."""
    index = np.argwhere(where)[0]
    return f"[{', '.join(map(str, index))}]" if len(index) else ""


def _kind(received: Any) -> str:
    if received is None:
        return "None; is there a `return`?"
    if received is ...:
        return "still `...`"
    if isinstance(received, tuple | list):
        return f"a {type(received).__name__} of {len(received)}"
    return f"of type {type(received).__name__}"
