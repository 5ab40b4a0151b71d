"""The block schedule of GX and GXSY: shifts, blocks, and the layers that need a classifier."""

from __future__ import annotations

from typing import Any

import numpy as np

import minilocal as ml
from minilocal.grade.case import Exercise, case
from minilocal.grade.expect import WrongError
from minilocal.grade.student import Student

MOST_EPOCHS = 12
PAPER = ((1, 0), (2, 1), (3, 1), (3, 2))  # X and Y of the paper's algorithms


def tasks(rng: np.random.Generator) -> list[tuple[int, ml.Schedule]]:
    """Return the paper's algorithms and random ones, each with a number of layers."""
    pairs = [*PAPER, *((int(size), int(rng.integers(0, size))) for size in rng.integers(2, 8, 6))]
    return [(size + int(rng.integers(0, 12)), ml.Schedule(size, shift)) for size, shift in pairs]


@case(
    "the shift",
    3,
    ("shift_at",),
    "start at 0; for every epoch that has passed add Y, and go back to 0 whenever the sum is X or more",
)
def check_shift(student: Student, rng: np.random.Generator) -> None:
    """Compare the shifts of the first epochs."""
    for _, schedule in tasks(rng):
        for epoch in range(MOST_EPOCHS):
            received = student.call("shift_at", epoch, schedule.block_size, schedule.shift)
            _same(f"the shift of {schedule.name} in epoch {epoch}", received, schedule.shift_at(epoch))


@case(
    "fixed blocks",
    2,
    ("shift_at", "blocks_at"),
    "blocks follow one another without gaps; the last one ends at the last layer, however short it is",
)
def check_fixed_blocks(student: Student, rng: np.random.Generator) -> None:
    """Compare the blocks of GX, whose boundaries never move."""
    for layers, schedule in tasks(rng):
        _check_blocks(student, int(rng.integers(MOST_EPOCHS)), layers, ml.Schedule(schedule.block_size))


@case(
    "moving blocks",
    3,
    ("shift_at", "blocks_at"),
    "layers 1 … s are frozen, so the first block begins at layer s + 1; all the others follow from that",
)
def check_moving_blocks(student: Student, rng: np.random.Generator) -> None:
    """Compare the blocks of GXSY."""
    for layers, schedule in tasks(rng):
        for epoch in range(schedule.period + 1):
            _check_blocks(student, epoch, layers, schedule)


def _check_blocks(student: Student, epoch: int, layers: int, schedule: ml.Schedule) -> None:
    received = student.call("blocks_at", epoch, layers, schedule.block_size, schedule.shift)
    expected = [tuple(block) for block in schedule.blocks_at(epoch, layers)]
    _same(f"the blocks of {schedule.name} on {layers} layers in epoch {epoch}", received, expected)


@case(
    "the classifiers",
    2,
    ("shift_at", "blocks_at", "classifiers"),
    "collect the last layer of every block in every epoch; a set keeps each of them once",
)
def check_classifiers(student: Student, rng: np.random.Generator) -> None:
    """Compare the layers that end a block in some epoch."""
    for layers, schedule in tasks(rng):
        received = student.call("classifiers", layers, schedule.block_size, schedule.shift)
        _same(f"the classifiers of {schedule.name} on {layers} layers", received, schedule.classifiers(layers))


def _same(name: str, received: Any, expected: Any) -> None:
    if _plain(received) == expected:
        return
    words = "None (is there a `return`?)" if received is None else repr(received)
    words = words if len(words) < 200 else words[:200] + " …"
    raise WrongError(f"{name}: {words}, but it should be {expected}")


def _plain(value: Any) -> Any:
    """Return integers, tuples and lists as Python's own types: NumPy's and named tuples count as equal."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    return int(value) if isinstance(value, int | np.integer) and not isinstance(value, bool) else value


EXERCISE = Exercise(
    title="the block schedule",
    uses=(),
    cases=(check_shift, check_fixed_blocks, check_moving_blocks, check_classifiers),
)
