"""What a run remembers about its data, so that its network can be used without the data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minilocal.datasets.dataset import white_level
from minilocal.datasets.prepare import Data, Normalisation, is_sane
from minilocal.errors import InputError

LARGEST_SIDE = 4096  # pixels; a configuration that claims more is damaged


@dataclass(frozen=True)
class Preprocessing:
    """Class names, image shapes, the raw value of white, the normalisation, and a checksum of the images and labels.

    `raw_shape` is the data set's, `image_shape` that of the network's input. Runs of older versions have no checksum.
    """

    classes: tuple[str, ...]
    raw_shape: tuple[int, int, int]
    image_shape: tuple[int, int, int]
    white_level: float | None
    normalisation: Normalisation
    checksum: str | None

    @classmethod
    def of(cls, data: Data) -> Preprocessing:
        """Return what to remember about the data."""
        normalisation = data.train.normalisation
        white = white_level(data.train.pixels)
        return cls(data.classes, data.raw_shape, data.image_shape, white, normalisation, data.checksum)

    def check(self, data: Data) -> None:
        """Raise `InputError` unless the data has the same images, labels and classes."""
        now, then = Preprocessing.of(data).as_dict(), self.as_dict()
        differing = [name.replace("_", " ") for name in then if now[name] != then[name] and name != "white_level"]
        if self.checksum is None:  # an older run
            differing = ["choice of images"] if data.by_class else [name for name in differing if name != "checksum"]
        if differing:
            raise InputError(
                "the data set has other images, labels or classes now than it had when the run began "
                f"({', '.join(differing)} differ); name the original with --data-dir"
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
            "checksum": self.checksum,
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
        mean = _entry(content, "mean", lambda v: _is_list(v, float, channels) and all(map(is_sane, v)))
        std = _entry(content, "std", lambda v: _is_list(v, float, channels) and all(x > 0 and is_sane(x) for x in v))
        white = _entry(content, "white_level", lambda v: v is None or (type(v) is float and v > 0 and is_sane(v)))
        checksum = _entry({"checksum": None} | content, "checksum", lambda v: v is None or type(v) is str)
        normalisation = Normalisation(np.array(mean), np.array(std))
        return cls(tuple(classes), shapes[0], shapes[1], white, normalisation, checksum)


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
