"""Is what a hand-in's function returned the right value? If not, what is wrong with it?"""

from __future__ import annotations

import contextlib
import itertools
from typing import Any

import numpy as np

from minilocal.grade.plain import Other

TOLERANCE = 1e-7  # relative to the largest entry: far above rounding in float64, far below the error of a wrong formula
FACTORS = {2.0: "twice", 0.5: "half of", -1.0: "minus"}


class WrongError(Exception):
    """The hand-in is wrong: the message says what it returns and what it should return."""


def same(name: str, received: Any, expected: Any, mistakes: dict[str, Any] | None = None) -> None:
    """Raise `WrongError` unless a value is the expected one: numbers up to rounding, a list as good as a tuple.

    `mistakes` are the values that well-known mistakes give. Anything will do where None is expected.
    """
    try:
        if isinstance(expected, tuple | list) and any(isinstance(item, np.ndarray) for item in expected):
            if not isinstance(received, tuple | list) or len(received) != len(expected):
                raise WrongError(f"{name} should be a list of length {len(expected)}, but it is {_kind(received)}")
            for number, item in enumerate(expected):
                same(f"{name}[{number}]", received[number], item)
        elif isinstance(expected, tuple | list | bool | str):
            found, right = _python(received), _python(expected)
            if not _matches(found, right):
                words = _kind(received) if received is None or isinstance(received, Other) else _shown(found)
                raise WrongError(f"{name} is {words}, but it should be {_shown(right)}")
        elif expected is not None:
            _same_numbers(name, received, expected)
    except WrongError as error:
        for words, value in (mistakes or {}).items():
            if _equal(received, value):
                raise WrongError(f"{error}; it is what comes out if {words}") from None
        raise


def _equal(received: Any, expected: Any) -> bool:
    with contextlib.suppress(WrongError):
        same("", received, expected)
        return True
    return False


def results(name: str, names: tuple[str, ...], received: Any, expected: Any, mistakes: dict[str, Any]) -> None:
    """Compare what a function returns with what it should return; `names` name its results in messages."""
    if len(names) == 1:
        received, expected, mistakes = [received], [expected], {words: [value] for words, value in mistakes.items()}
    if not isinstance(received, tuple | list) or len(received) != len(names):
        count, listed = ("two", "three")[len(names) - 2], f"{', '.join(names[:-1])} and {names[-1]}"
        raise WrongError(f"{name} should return {count} values, {listed}, but it returns {_kind(received)}")
    for number, (one, right) in enumerate(zip(names, expected, strict=True)):
        wrong = {words: all_[number] for words, all_ in mistakes.items() if not _equal(all_[number], right)}
        same(one, received[number], right, wrong)


def _matches(found: Any, right: Any) -> bool:
    """Compare numbers, truth values, texts and lists of them."""
    if isinstance(right, list) and isinstance(found, list):
        return len(found) == len(right) and all(map(_matches, found, right))
    if isinstance(found, bool) or isinstance(right, bool | str | list):
        return type(found) is type(right) and bool(found == right)
    return isinstance(found, int | float) and abs(found - right) <= TOLERANCE * max(1e-3, abs(right))


def _python(value: Any) -> Any:
    """Return tuples as lists, and arrays as the lists and numbers in them."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple | list) and not isinstance(value, Other):
        return [_python(item) for item in value]
    return value


def _shown(value: Any) -> str:
    return repr(value) if len(repr(value)) < 200 else f"{value!r:.200} …"


def _same_numbers(name: str, received: Any, expected: Any) -> None:
    """Compare a number or an array."""
    right = np.asarray(expected)
    found = _number(name, received) if right.ndim == 0 else _array(name, received, right)
    with np.errstate(all="ignore"):  # a hand-in may send 1e308
        away = np.subtract(found, right, dtype=np.float64)  # in integers, -2**63 is its own absolute value
        wrong = ~(np.abs(away) <= TOLERANCE * max(1e-3, float(np.abs(right).max(initial=0))))
        if wrong.any():
            raise WrongError(
                f"{name}{_place(wrong)} is {found[wrong][0]:.8g}, but it should be {right[wrong][0]:.8g}"
                + _pattern(found, right, wrong)
            )


def _array(name: str, received: Any, right: np.ndarray) -> np.ndarray:
    """Return what was received if it is an array of finite numbers of the right shape and type."""
    if not isinstance(received, np.ndarray):
        raise WrongError(f"{name} should be an array of shape {right.shape}, but it is {_kind(received)}")
    if received.shape != right.shape:
        transposed = "; is it the transpose?" if received.shape == right.shape[::-1] else ""
        raise WrongError(f"{name} should have shape {right.shape}, but it has shape {received.shape}{transposed}")
    if right.dtype == np.float64 and received.dtype != np.float64:
        raise WrongError(f"{name} should be of type float64 like the inputs, but it is of type {received.dtype}")
    bad = ~np.isfinite(received)
    if bad.any():
        raise WrongError(f"{name}{_place(bad)} is {received[bad][0]}; it should be a finite number")
    return received


def _number(name: str, received: Any) -> np.ndarray:
    """Return what was received if it is one finite number."""
    if not isinstance(received, int | float | np.ndarray) or np.asarray(received).dtype.kind not in "fiu":
        raise WrongError(f"{name} should be a number, but it is {_kind(received)}")
    if np.shape(received) != ():
        raise WrongError(f"{name} should be one number, but it has shape {np.shape(received)}")
    if not np.isfinite(received):
        raise WrongError(f"{name} is {received}; it should be a finite number")
    return np.asarray(received, np.float64)


def _pattern(found: np.ndarray, right: np.ndarray, wrong: np.ndarray) -> str:
    """Return a remark on where an array is wrong, or on how it differs, if that says something about the mistake."""
    if right.size < 2:
        return ""
    if factor := _factor(found, right):
        return factor
    for one, other in itertools.combinations(range(right.ndim), 2):
        if right.shape[one] == right.shape[other] and _close(found.swapaxes(one, other), right):
            return f"; it is the transpose of what it should be (axes {one} and {other})"
    for axis in range(right.ndim):
        if right.shape[axis] > 1 and _close(np.flip(found, axis), right):
            return f"; axis {axis} runs backwards"
    for axis, words in {0: "row {} of the batch", right.ndim - 1: "channel {}"}.items() if right.ndim > 1 else ():
        lines = np.unique(np.argwhere(wrong)[:, axis])
        if len(lines) == 1 and right.shape[axis] > 1:
            return f"; only {words.format(lines[0])} is wrong"
    if right.ndim == 4 and min(right.shape[1:3]) > 2 and not wrong[:, 1:-1, 1:-1].any():
        return "; only the border of the maps is wrong: look at the padding"
    if _close(found - (found - right).flat[0], right):
        return f"; every entry is too {'large' if (found - right).flat[0] > 0 else 'small'} by the same number"
    return ""


def _close(found: np.ndarray, right: np.ndarray) -> bool:
    return bool(np.allclose(found, right, rtol=1e-6, atol=1e-9 * max(1.0, float(np.abs(right).max()))))


def _factor(found: np.ndarray, right: np.ndarray) -> str:
    """Return a remark if all entries are wrong by the same factor: a mean instead of a sum, or a wrong sign."""
    size = float(np.vdot(right, right))
    factor = float(np.vdot(found, right)) / size if size else 0.0
    if factor == 0 or not _close(found, factor * right) or abs(factor - 1) < 1e-6:
        return ""
    n = right.shape[0]
    for value, words in {**FACTORS, float(n): f"{n} times", 1 / n: f"1/{n} of"}.items():
        if abs(factor / value - 1) < 1e-6:
            batch = " (its first axis has that length: a sum or a mean?)" if value in (n, 1 / n) else ""
            return f"; every entry is {words} what it should be{batch}"
    return f"; every entry is {factor:.4g} times what it should be"


def _place(where: np.ndarray) -> str:
    """Return the index of the first True as Python writes it, or nothing for a single number."""
    index = np.argwhere(where)[0]
    return f"[{', '.join(map(str, index))}]" if len(index) else ""


def _kind(received: Any) -> str:
    if received is None:
        return "None; is there a `return`?"
    if isinstance(received, Other):
        return received.words
    if isinstance(received, tuple | list):
        return f"a {type(received).__name__} of length {len(received)}"
    return f"of type {type(received).__name__}"
