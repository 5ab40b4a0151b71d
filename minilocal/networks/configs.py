"""The networks in the usual notation, config lists. Reading one builds no network and no arrays.

Source: Lee, Lee & Jeon 2021, section III; tutorials/reference.md, "Networks".
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from minilocal.errors import InputError, ShapeError
from minilocal.schedule import Schedule

LOCAL_LOSSES = ("ce", "sim", "predsim")


@dataclass(frozen=True)
class Architecture:
    """A network's config list, its FC widths, and D, the most features that its A1 classifiers see."""

    stages: str
    fc: tuple[int, ...]
    features: int


CONFIGS = {
    "vgg8b": Architecture("128 256 M 256 512 M 512 M 512 M", (1024,), 4096),
    "vgg11b": Architecture("128 128 128 256 M 256 512 M 512 512 M 512 M", (1024,), 4096),
    "vgg11bx2": Architecture("256 256 256 512 M 512 1024 M 1024 1024 M 1024 M", (1024,), 4096),
    "vgg16": Architecture("64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M", (1024, 1024), 2048),
    "vgg19": Architecture(
        "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M", (1024, 1024), 2048
    ),
}


def architecture(model: str, width: float = 1.0) -> Architecture:
    """Return one of `CONFIGS`, with its conv and FC widths and D multiplied by `width`.

    Raises `InputError` if the model is unknown, or if the width is not a power of two up to 8 or is too small.

    >>> architecture("vgg8b", 0.125)
    Architecture(stages='16 32 M 32 64 M 64 M 64 M', fc=(128,), features=512)
    """
    if model not in CONFIGS:
        raise InputError(f"model {model!r} is unknown; choose from {', '.join(CONFIGS)}")
    if not 0 < width <= 8 or math.frexp(width)[0] != 0.5:
        raise InputError(f"width is {width}; it must be a power of two up to 8, such as 0.125, 0.5, 1 or 2")

    def scale(size: int) -> int:
        if size * width < 1:
            raise InputError(f"width {width} leaves {size * width} channels of {model}'s {size}; use a larger one")
        return int(size * width)

    config = CONFIGS[model]
    stages = " ".join(stage if stage == "M" else str(scale(int(stage))) for stage in config.stages.split())
    return Architecture(stages, tuple(scale(size) for size in config.fc), scale(config.features))


class Stage(NamedTuple):
    """A layer in a config list: whether it is conv or fully connected, its width, whether it begins with a max-pool."""

    conv: bool
    width: int
    pool: bool


def parse_stages(stages: str | Sequence[int | str], fc: Sequence[int]) -> list[Stage]:
    """Return the K layers of a config list; raise `InputError` if they do not form a network.

    >>> parse_stages("16 M", [10])
    [Stage(conv=True, width=16, pool=False), Stage(conv=False, width=10, pool=True)]
    """
    layers: list[Stage] = []
    pool = False  # whether the next layer begins with a max-pool
    for stage in stages.split() if isinstance(stages, str) else stages:
        if stage != "M":
            layers.append(Stage(True, _width(stage), pool))
            pool = False
        elif layers and not pool:
            pool = True
        else:
            raise InputError(f"stages {stages!r}: every 'M' must follow the width of a conv layer")
    for size in fc:
        layers.append(Stage(False, _width(size), pool))
        pool = False
    if pool or not layers:
        raise InputError(f"stages {stages!r} and fc {list(fc)!r} must end with a layer")
    return layers


def _width(size: int | str) -> int:
    if not str(size).isdecimal() or int(size) == 0:
        raise InputError(f"stages and fc contain {size!r}; use positive whole widths, and 'M' for a max-pool")
    return int(size)


def a1_window(shape: tuple[int, ...], features: int) -> tuple[int, int]:
    """Return A1's pooling window for a map (H, W, C): the smallest that leaves at most `features` numbers, or a pixel.

    Starting from 1×1, its height and its width double in turn. Source: tutorials/reference.md, "Auxiliary classifiers".
    If that window does not divide the map, it is the smallest of those that do, and of these the squarest.

    >>> a1_window((32, 32, 64), 2048), a1_window((2, 2, 512), 2048), a1_window((12, 12, 256), 2048)
    ((8, 4), (1, 1), (6, 3))
    """
    height, width, channels = shape

    def small_enough(h: int, w: int) -> bool:
        pooled = math.ceil(height / h), math.ceil(width / w)
        return pooled == (1, 1) or pooled[0] * pooled[1] * channels <= features

    h = w = 1
    while not small_enough(h, w):
        h, w = (2 * h, w) if h == w else (h, 2 * w)
    if height % h or width % w:
        dividing = (window for window in product(_divisors(height), _divisors(width)) if small_enough(*window))
        h, w = min(dividing, key=lambda window: (math.prod(window), abs(window[0] - window[1]), window[1]))
    return h, w


def a2_windows(shape: tuple[int, ...]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return A2's two pooling windows for a map (H, W, C), where the largest is 4×4 and the second leaves at most 2×2.

    >>> a2_windows((16, 16, 64)), a2_windows((12, 6, 64))
    (((4, 4), (2, 2)), ((4, 3), (3, 1)))
    """
    h1, w1 = (max(d for d in _divisors(side) if d <= 4) for side in shape[:2])
    h2, w2 = (min(d for d in _divisors(side) if side <= 2 * d) for side in (shape[0] // h1, shape[1] // w1))
    return (h1, w1), (h2, w2)


def _divisors(side: int) -> list[int]:
    return [d for d in range(1, side + 1) if side % d == 0]


def check_task(image_shape: Sequence[int], classes: int) -> None:
    """Raise `InputError` unless images have three dimensions and there are at least 2 classes."""
    if len(image_shape) != 3 or min(image_shape) < 1:
        raise InputError(f"image shape is {image_shape}; it must be (height, width, channels)")
    if classes < 2:
        raise InputError(f"classes is {classes}; a classifier needs at least 2")


def check_local_loss(local_loss: str, schedule: Schedule) -> None:
    """Raise `InputError` if a local loss is unknown, or if it is not cross-entropy and there are no local losses."""
    if local_loss not in LOCAL_LOSSES:
        raise InputError(f"local_loss is {local_loss!r}; choose from {', '.join(LOCAL_LOSSES)}")
    if local_loss != "ce" and schedule.block_size is None:
        raise InputError(
            f"local_loss is {local_loss}, but BP has only the network's own loss; leave it out, or use an algorithm "
            "such as G1"
        )


@contextlib.contextmanager
def fitting(image_shape: Sequence[int]) -> Iterator[None]:
    """Make a `ShapeError` in the `with` block say that the images do not fit the network, and what to do."""
    try:
        yield
    except ShapeError as error:
        size = "×".join(map(str, image_shape))
        raise ShapeError(f"{size} images do not fit the network: {error}; resize or pad them, say to 32×32") from None
