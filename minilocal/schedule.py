"""From "G3S2" to the layers that form each block in each epoch. Layers and blocks count from 1, epochs from 0.

G3S2 on 8 layers (█ joins the layers of a block, ░ is frozen):

    layer        1 2 3 4 5 6 7 8
    epoch 0      █████ █████ ███      shift 0: blocks 1–3, 4–6, 7–8
    epoch 1      ░ ░ █████ █████      shift 2: layers 1–2 frozen, blocks 3–5, 6–8
    epoch 2      █████ █████ ███      shift 4 would be ≥ 3, so 0 again

Source: Lee, Lee & Jeon 2021, Algorithm 1. For the options `front` and `idle`, which the paper does not have, see
tutorials/reference.md, "Variants of moving boundaries".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from minilocal.errors import InputError

OPTIONS = {"front": ("rest", "block"), "idle": ("rest", "learn")}


class Block(NamedTuple):
    """Layers first … last, trained by one loss; their classifier sits on the last one."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}" if self.first < self.last else str(self.first)


@dataclass(frozen=True)
class Schedule:
    """The boundaries of an algorithm: blocks of `block_size` layers that move by `shift` layers every epoch.

    >>> schedule = parse("G3S2")
    >>> for epoch in range(4):
    ...     print(epoch, schedule.shift_at(epoch), *schedule.blocks_at(epoch, layers=8))
    0 0 1-3 4-6 7-8
    1 2 3-5 6-8
    2 0 1-3 4-6 7-8
    3 2 3-5 6-8

    Attributes:
        block_size: X, the number of layers in a block; None for BP, which trains all layers as one block.
        shift: Y, the number of layers by which the boundaries move.
        front: what the layers before the first whole block do: "rest", as in the paper, or form a short "block".
        idle: what a classifier does while no block ends at it: "rest", as in the paper, or "learn" without training
            the layers before it.
    """

    block_size: int | None
    shift: int = 0
    front: str = "rest"
    idle: str = "rest"

    def __post_init__(self) -> None:
        size, shift = self.block_size, self.shift
        if size is not None or shift != 0:
            if size is None or size < 1:
                raise InputError(f"G{size or 0} has no layers in its blocks; the smallest block is one layer, G1")
            if shift < 0 or shift >= size:
                remedy = f"G{size}S{size - 1}" if size > 1 else "G1"
                raise InputError(
                    f"G{size}S{shift} shifts by {shift} layers, which must be less than its block size {size}; "
                    f"try {remedy}"
                )
        for name, choices in OPTIONS.items():
            if (value := getattr(self, name)) not in choices:
                raise InputError(f"{name} is {value!r}; choose from {', '.join(choices)}")
        if self.shift == 0 and self.options:
            raise InputError(
                f"{self.options[0]} has no effect on {self.name}, whose boundaries never move; "
                "leave it out, or use an algorithm such as G3S2"
            )

    @property
    def name(self) -> str:
        """The algorithm's name as the paper writes it.

        >>> parse("g2s1").name, parse("G2S0").name, parse("bp").name
        ('G2S1', 'G2', 'BP')
        """
        if self.block_size is None:
            return "BP"
        return f"G{self.block_size}" + (f"S{self.shift}" if self.shift else "")

    @property
    def options(self) -> list[str]:
        """The options that differ from the paper, in words.

        >>> parse("G3S2", front="block", idle="learn").options
        ['front block', 'idle learn']
        """
        return [f"{name} {value}" for name in OPTIONS if (value := getattr(self, name)) != "rest"]

    @property
    def title(self) -> str:
        """The name, and the options that differ from the paper.

        >>> parse("G3S2", front="block").title
        'G3S2 (front block)'
        """
        return f"{self.name} ({', '.join(self.options)})" if self.options else self.name

    @property
    def period(self) -> int:
        """The number of different shifts: after that many epochs the boundaries are back where they began.

        >>> [parse(name).period for name in ("BP", "G1", "G2S1", "G3S1", "G3S2")]
        [1, 1, 2, 3, 2]
        """
        if self.block_size is None or self.shift == 0:
            return 1
        return -(-self.block_size // self.shift)

    def shift_at(self, epoch: int) -> int:
        """Return the boundary shift s of an epoch: it grows by `shift` and falls back to 0 once s ≥ block_size.

        >>> [parse("G3S1").shift_at(epoch) for epoch in range(5)]
        [0, 1, 2, 0, 1]
        """
        return epoch % self.period * self.shift

    def blocks_at(self, epoch: int, layers: int) -> list[Block]:
        """Return an epoch's blocks in a network with that many layers; layers before the first block are frozen.

        >>> parse("G2S1").blocks_at(1, layers=4)
        [Block(first=2, last=3), Block(first=4, last=4)]
        >>> parse("BP").blocks_at(0, layers=4)
        [Block(first=1, last=4)]
        >>> parse("G3S2", front="block").blocks_at(1, layers=5)
        [Block(first=1, last=2), Block(first=3, last=5)]
        """
        self.check(layers)
        size, shift = self.block_size or layers, self.shift_at(epoch)
        front = [Block(1, shift)] if shift and self.front == "block" else []
        return front + [Block(first, min(first + size - 1, layers)) for first in range(shift + 1, layers + 1, size)]

    def classifiers(self, layers: int) -> list[int]:
        """Return the layers that end a block in some epoch: only these need an auxiliary classifier.

        >>> parse("G3S2").classifiers(layers=8)
        [3, 5, 6, 8]
        """
        return sorted({block.last for epoch in range(self.period) for block in self.blocks_at(epoch, layers)})

    def idle_at(self, epoch: int, layers: int) -> list[int]:
        """Return the layers whose classifiers learn in an epoch although no block ends there.

        >>> parse("G3S2", idle="learn").idle_at(1, layers=8)
        [3, 6]
        """
        if self.idle == "rest":
            return []
        return sorted({*self.classifiers(layers)} - {block.last for block in self.blocks_at(epoch, layers)})

    def check(self, layers: int) -> None:
        """Raise `InputError` if a block is larger than a network with that many layers."""
        if self.block_size is not None and self.block_size > layers:
            raise InputError(
                f"{self.name} has blocks of {self.block_size} layers, but the network has {layers}; "
                f"use G{layers} or smaller, or a deeper network"
            )


def parse(name: str, front: str = "rest", idle: str = "rest") -> Schedule:
    """Return the schedule of "BP", "GX" or "GXSY", in upper or lower case; for the options see `Schedule`.

    >>> schedule = parse("g3s2")
    >>> schedule.block_size, schedule.shift
    (3, 2)
    >>> parse("G2S2")
    Traceback (most recent call last):
    minilocal.errors.InputError: G2S2 shifts by 2 layers, which must be less than its block size 2; try G2S1

    Raises `InputError` if the name is none of these, X is 0, Y is not less than X, or an option is unknown or has
    no effect.
    """
    if name.upper() == "BP":
        return Schedule(None, front=front, idle=idle)
    match = re.fullmatch(r"[Gg]([0-9]{1,4})(?:[Ss]([0-9]{1,4}))?", name)
    if match is None:
        raise InputError(
            f"algorithm {name!r} is unknown; use BP, GX or GXSY with numbers X > Y, such as G1, G3 or G3S2"
        )
    return Schedule(int(match[1]), int(match[2] or 0), front, idle)
