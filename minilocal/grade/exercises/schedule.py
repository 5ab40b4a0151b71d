"""The block schedule of GX and GXSY: shifts, blocks, and the classifiers they need."""

from __future__ import annotations

from typing import Any

import numpy as np

from minilocal.grade.case import Case, Exercise, WrongError
from minilocal.grade.student import Student
from minilocal.schedule import Schedule

MOST_EPOCHS = 12
FAMOUS = ((1, 0), (2, 1), (3, 1), (3, 2))  # X and Y of the paper's algorithms


def tasks(rng: np.random.Generator) -> list[tuple[int, Schedule]]:
    """Return the paper's algorithms and others, each with a number of layers."""
    pairs = [*FAMOUS, *((int(size), int(rng.integers(0, size))) for size in rng.integers(2, 8, 6))]
    return [(size + int(rng.integers(0, 12)), Schedule(size, shift)) for size, shift in pairs]


def check_shift(student: Student, rng: np.random.Generator) -> None:
    """Compare the shifts of the first epochs."""
    for _, schedule in tasks(rng):
        for epoch in range(MOST_EPOCHS):
            received = student.call("shift_at", epoch, schedule.block_size, schedule.shift)
            _same(f"the shift of {schedule.name} in epoch {epoch}", received, schedule.shift_at(epoch))


def check_fixed_blocks(student: Student, rng: np.random.Generator) -> None:
    """Compare the blocks of GX, whose boundaries never move."""
    for layers, schedule in tasks(rng):
        _check_blocks(student, int(rng.integers(MOST_EPOCHS)), layers, Schedule(schedule.block_size))


def check_moved_blocks(student: Student, rng: np.random.Generator) -> None:
    """Compare the blocks of GXSY."""
    for layers, schedule in tasks(rng):
        for epoch in range(schedule.period + 1):
            _check_blocks(student, epoch, layers, schedule)


def _check_blocks(student: Student, epoch: int, layers: int, schedule: Schedule) -> None:
    received = student.call("blocks_at", epoch, layers, schedule.block_size, schedule.shift)
    expected = [tuple(block) for block in schedule.blocks_at(epoch, layers)]
    _same(f"the blocks of {schedule.name} on {layers} layers in epoch {epoch}", received, expected)


def check_classifiers(student: Student, rng: np.random.Generator) -> None:
    """Compare the layers that ever end a block."""
    for layers, schedule in tasks(rng):
        received = student.call("classifiers", layers, schedule.block_size, schedule.shift)
        _same(f"the classifiers of {schedule.name} on {layers} layers", received, schedule.classifiers(layers))


def _same(name: str, received: Any, expected: Any) -> None:
    if _plain(received) != expected:
        raise WrongError(f"{name}: {_words(received)}, and should be {expected}")


def _plain(value: Any) -> Any:
    """Return whole numbers, tuples and lists as Python's own: NumPy's and named tuples are as good."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    return int(value) if isinstance(value, int | np.integer) and not isinstance(value, bool) else value


def _words(received: Any) -> str:
    if received is None:
        return "None (is there a `return`?)"
    words = repr(received)
    return words if len(words) < 200 else words[:200] + " …"


EXERCISE = Exercise(
    title="the block schedule",
    uses=(),
    cases=(
        Case(
            "the shift",
            3,
            ("shift_at",),
            "begin with 0; for every epoch that has passed add Y, and fall back to 0 once the sum is X or more",
            check_shift,
        ),
        Case(
            "blocks that stand still",
            2,
            ("shift_at", "blocks_at"),
            "blocks follow one another without gaps; the last one ends at the last layer, however short it gets",
            check_fixed_blocks,
        ),
        Case(
            "blocks that move",
            3,
            ("shift_at", "blocks_at"),
            "layers 1 … s rest, so the first block begins at s + 1; all others follow from it",
            check_moved_blocks,
        ),
        Case(
            "the classifiers",
            2,
            ("shift_at", "blocks_at", "classifiers"),
            "collect the last layer of every block of every epoch; a set keeps each once",
            check_classifiers,
        ),
    ),
)
