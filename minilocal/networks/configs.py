"""The networks in the usual notation, config lists. Reading one builds no network and no arrays.

    64        a conv layer of 64 channels: 3×3 kernels, stride 1
    64k5/2    the same with 5×5 kernels and stride 2
    R64/2     a residual block of two such convolutions, the first with stride 2
    P64/2     the same, with a projection as its shortcut
    M         a 2×2 max-pool in front of the next layer
    W         at the start: a frozen whitening of 2×2 patches in front of the first layer, a conv layer
    A         at the end: the network's own classifier sees each channel's mean

Source: Lee, Lee & Jeon 2021, section III; He et al. 2016, section 4.2; Jordan, "94% on CIFAR-10 in 3.29 Seconds on a
Single GPU", 2024 (the widths of vgg6); tutorials/reference.md, "Networks".
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

from minilocal.errors import InputError, ShapeError
from minilocal.schedule import Schedule

LOCAL_LOSSES = ("ce", "sim", "predsim")


@dataclass(frozen=True)
class Architecture:
    """A network's config list, its FC widths, and D, the most features that its A1 classifiers see.

    `dropout` is its dropout rate, unless the paper has another for the data set.
    """

    stages: str
    fc: tuple[int, ...]
    features: int
    dropout: float = 0.05


CONFIGS = {
    "vgg8b": Architecture("128 256 M 256 512 M 512 M 512 M", (1024,), 4096),
    "vgg11b": Architecture("128 128 128 256 M 256 512 M 512 512 M 512 M", (1024,), 4096),
    "vgg11bx2": Architecture("256 256 256 512 M 512 1024 M 1024 1024 M 1024 M", (1024,), 4096),
    "vgg16": Architecture("64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M", (1024, 1024), 2048),
    "vgg19": Architecture(
        "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M", (1024, 1024), 2048
    ),
    "vgg6": Architecture("64 M 64 256 M 256 256 M 256", (), 2048, dropout=0),
    "resnet20": Architecture("16 R16 R16 R16 R32/2 R32 R32 R64/2 R64 R64 A", (), 2048, dropout=0),
    "resnet32": Architecture(
        "16 R16 R16 R16 R16 R16 R32/2 R32 R32 R32 R32 R64/2 R64 R64 R64 R64 A", (), 2048, dropout=0
    ),
}
LAYER = re.compile(r"([RP]?)(\d+)(?:k(\d+))?(?:/(\d+))?", re.ASCII)  # a layer of a config list


def architecture(model: str, width: float = 1.0, whiten: bool = False) -> Architecture:
    """Return one of `CONFIGS`, with the widths of its layers and D multiplied by `width`, and with W if `whiten`.

    Raises `InputError` if the model is unknown, or if the width is above 8 or leaves no whole number of channels.

    >>> architecture("vgg8b", 0.125)
    Architecture(stages='16 32 M 32 64 M 64 M 64 M', fc=(128,), features=512, dropout=0.05)
    """
    if model not in CONFIGS:
        raise InputError(f"model {model!r} is unknown; choose from {', '.join(CONFIGS)}")
    if not 0 < width <= 8:
        raise InputError(f"width is {width}; it must be above 0 and at most 8")

    def scale(size: int) -> int:
        if size * width % 1:
            raise InputError(
                f"width is {width}, which leaves {size * width:g} channels of {model}'s {size}; choose one that leaves "
                "whole numbers, such as 0.125, 0.5 or 1.5"
            )
        return int(size * width)

    config = CONFIGS[model]
    stages = LAYER.sub(lambda layer: layer[0].replace(layer[2], str(scale(int(layer[2]))), 1), config.stages)
    fc, features = tuple(scale(size) for size in config.fc), scale(config.features)
    stages = f"W {stages}" if whiten else stages
    return replace(config, stages=stages, fc=fc, features=features)


class Stage(NamedTuple):
    """A layer in a config list.

    Attributes:
        kind: "conv", "residual", "projection" (a residual block whose shortcut is one) or "fc".
        width: how many channels, or numbers, its output has.
        pool: whether it begins with a max-pool.
        kernel: the side of its kernels.
        stride: the stride of its first convolution.
        average: whether the network's own classifier, which comes next, averages over the map.
        whiten: whether it begins with the whitening of images.
    """

    kind: str
    width: int
    pool: bool = False
    kernel: int = 3
    stride: int = 1
    average: bool = False
    whiten: bool = False


KINDS = {"": "conv", "R": "residual", "P": "projection"}


def parse_stages(stages: str | Sequence[int | str], fc: Sequence[int]) -> list[Stage]:
    """Return the K layers of a config list; raise `InputError` if they do not form a network.

    >>> for stage in parse_stages("16 M R32k5/2", [10]):
    ...     print(stage)
    Stage(kind='conv', width=16, pool=False, kernel=3, stride=1, average=False, whiten=False)
    Stage(kind='residual', width=32, pool=True, kernel=5, stride=2, average=False, whiten=False)
    Stage(kind='fc', width=10, pool=False, kernel=3, stride=1, average=False, whiten=False)
    """
    layers: list[Stage] = []
    listed = stages.split() if isinstance(stages, str) else [str(stage) for stage in stages]
    average, whiten = listed[-1:] == ["A"], listed[:1] == ["W"]
    listed = listed[whiten : len(listed) - average]
    pool = False  # whether the next layer begins with a max-pool
    for stage in listed:
        if stage != "M":
            layers.append(_conv_stage(stage, pool))
            if layers[-1].kind == "residual" and (not layers[:-1] or layers[-2].width > layers[-1].width):
                raise InputError(f"stages {stages!r}: {stage} must follow a layer that is not wider; use P{stage[1:]}")
            pool = False
        elif layers and not pool:
            pool = True
        else:
            raise InputError(f"stages {stages!r}: every 'M' must follow the width of a conv layer")
    for size in fc:
        if not str(size).isdecimal() or int(size) == 0:
            raise InputError(f"fc contains {size!r}; use positive whole widths")
        layers.append(Stage("fc", int(size), pool))
        pool = False
    if pool or not layers:
        raise InputError(f"stages {stages!r} and fc {list(fc)!r} must end with a layer")
    if average and fc:
        raise InputError(f"stages {stages!r} end with 'A', the mean over the map; leave it or fc {list(fc)!r} out")
    if whiten and layers[0].kind != "conv":
        raise InputError(f"stages {stages!r}: 'W' must stand in front of the width of a conv layer")
    layers[0] = layers[0]._replace(whiten=whiten)
    return [*layers[:-1], layers[-1]._replace(average=average)]


def _conv_stage(stage: str, pool: bool) -> Stage:
    """Return a conv layer or a residual block of a config list."""
    if match := LAYER.fullmatch(stage):
        width, kernel, stride = int(match[2]), int(match[3] or 3), int(match[4] or 1)
        if width and stride and kernel % 2:
            return Stage(KINDS[match[1]], width, pool, kernel, stride)
    raise InputError(
        f"stages contain {stage!r}; use positive whole widths, such as 64 or 64k5/2 (odd kernels, stride), R64 or P64 "
        "(residual blocks), 'M' for a max-pool, 'W' at the start for whitening, 'A' at the end for a mean over the map"
    )


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
