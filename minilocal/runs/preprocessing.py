"""What a run remembers about its data, so that its network can be used without the data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minilocal.datasets.prepare import LARGEST, SMALLEST, Data, Normalisation
from minilocal.errors import InputError

LARGEST_SIDE = 4096  # pixels; a configuration that claims more is damaged


@dataclass(frozen=True)
class Preprocessing:
    """Class names, image shapes (raw, and at the network's input), the raw value of white, and the normalisation."""

    classes: tuple[str, ...]
    raw_shape: tuple[int, int, int]
    image_shape: tuple[int, int, int]
    white_level: float | None
    normalisation: Normalisation

    @classmethod
    def of(cls, data: Data) -> Preprocessing:
        """Return what to remember about the data."""
        return cls(data.classes, data.raw_shape, data.image_shape, data.white_level, data.train.normalisation)

    def check(self, data: Data) -> None:
        """Raise `InputError` unless the data has these classes, shapes and statistics."""
        if Preprocessing.of(data).as_dict() != self.as_dict():
            raise InputError(
                "the data set has other images or classes now than it had when the run began; "
                "name the original with --data-dir"
            )

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {
            "classes": list(self.classes),
            "raw_shape": list(self.raw_shape),
            "image_shape": list(self.image_shape),
            "white_level": self.white_level,
            "mean": self.normalisation.mean.tolist(),
            "std": self.normalisation.std.tolist(),
        }

    @classmethod
    def from_dict(cls, content: Any) -> Preprocessing:
        """Return what `as_dict` wrote; `InputError` names an entry that is missing or makes no sense."""
        if not isinstance(content, dict):
            raise InputError("data is not an object")
        classes = _entry(content, "classes", lambda v: _is_list(v, str) and len(v) >= 2 and _is_text(v))
        shapes = []
        for name in ("raw_shape", "image_shape"):
            sane = _entry(content, name, lambda v: _is_list(v, int, 3) and all(0 < side <= LARGEST_SIDE for side in v))
            shapes.append((sane[0], sane[1], sane[2]))
        channels = shapes[1][2]
        mean = _entry(content, "mean", lambda v: _is_list(v, float, channels) and all(abs(x) < LARGEST for x in v))
        std = _entry(content, "std", lambda v: _is_list(v, float, channels) and all(map(_is_sane, v)))
        white = _entry(content, "white_level", lambda v: v is None or (type(v) is float and _is_sane(v)))
        return cls(tuple(classes), shapes[0], shapes[1], white, Normalisation(np.array(mean), np.array(std)))


def _entry(content: dict[str, Any], name: str, is_good: Any) -> Any:
    if name not in content or not is_good(content[name]):
        raise InputError(f"data.{name} is {content.get(name, 'missing')!r:.80}")
    return content[name]


def _is_list(value: Any, kind: type, length: int | None = None) -> bool:
    return isinstance(value, list) and all(type(x) is kind for x in value) and length in (None, len(value))


def _is_text(names: list[str]) -> bool:
    """Whether names are valid Unicode; JSON also allows halves of surrogate pairs."""
    try:
        "".join(names).encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_sane(number: float) -> bool:
    """Whether float32 arithmetic can work with a positive number and its inverse."""
    return SMALLEST < number < LARGEST
