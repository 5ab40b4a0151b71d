"""Sums over an epoch's steps, from which its report is made; a checkpoint within an epoch saves them."""

from __future__ import annotations

from typing import Any

import numpy as np

from minilocal.errors import InputError
from minilocal.networks.network import Network
from minilocal.schedule import Schedule
from minilocal.training.evaluation import Score
from minilocal.training.outcome import StepOutcome, norm
from minilocal.training.reports import BlockReport, LayerReport, PartReport, Position


class PartSums:
    """Sums over the steps of an epoch that have the same blocks: those of a turn in a network of so many layers."""

    def __init__(self, schedule: Schedule, turn: int, layers: int) -> None:
        self.turn = turn % schedule.period  # of all turns with this shift, the first
        self.shift, self.blocks = schedule.shift_at(turn), schedule.blocks_at(turn, layers)
        self.steps = self.images = 0
        self.losses, self.correct = np.zeros(len(self.blocks)), np.zeros(len(self.blocks))
        trained = range(self.blocks[0].first, self.blocks[-1].last + 1)
        self.gradient_norms: dict[int, float] = dict.fromkeys(trained, 0.0)

    def add(self, outcome: StepOutcome, images: int) -> None:
        """Count a step."""
        self.steps += 1
        self.images += images
        self.losses += [result.loss for result in outcome.results]
        self.correct += [result.correct for result in outcome.results]
        for number in self.gradient_norms:
            self.gradient_norms[number] += outcome.gradient_norms[number]

    def report(self, held_out: dict[str, dict[int, Score]], network: Network) -> PartReport:
        """Return means over the steps, and the scores on held-out sets."""
        blocks = [
            BlockReport(
                block,
                Score(loss / self.steps, correct / self.images),
                {name: scores[block.last] for name, scores in held_out.items()},
            )
            for block, loss, correct in zip(self.blocks, self.losses, self.correct, strict=True)
        ]
        block_of = {layer: i for i, block in enumerate(self.blocks, 1) for layer in range(block.first, block.last + 1)}
        layers = [
            LayerReport(
                number,
                block_of.get(number, 0),
                self.gradient_norms.get(number, 0.0) / self.steps,
                norm(layer.params.values(), f"layer {number}'s weights"),
            )
            for number, layer in enumerate(network.layers, 1)
        ]
        return PartReport(self.shift, self.steps, blocks, layers)


class EpochSums:
    """What an epoch, counted from 0, has added up so far: its steps, the seconds they took, and sums by shift.

    There is one shift, unless boundaries move within epochs; then they stand in the order in which they first came.
    """

    def __init__(self, epoch: int) -> None:
        self.epoch, self.steps, self.seconds = epoch, 0, 0.0
        self.parts: dict[int, PartSums] = {}

    @property
    def position(self) -> Position:
        """Return how far training is with it."""
        return Position(self.epoch, self.steps)

    def part(self, schedule: Schedule, turn: int, layers: int) -> PartSums:
        """Return the sums for a turn's shift, begun when first asked for."""
        shift = schedule.shift_at(turn)
        if shift not in self.parts:
            self.parts[shift] = PartSums(schedule, turn, layers)
        return self.parts[shift]

    def as_dict(self) -> dict[str, Any]:
        """Return the sums ready for JSON, which keeps every bit of a float."""
        parts = [
            {
                "turn": part.turn,
                "steps": part.steps,
                "images": part.images,
                "losses": part.losses.tolist(),
                "correct": part.correct.tolist(),
                "gradient_norms": list(part.gradient_norms.values()),
            }
            for part in self.parts.values()
        ]
        return {"epoch": self.epoch, "steps": self.steps, "seconds": self.seconds, "parts": parts}

    @classmethod
    def from_dict(cls, content: Any, schedule: Schedule, layers: int) -> EpochSums:
        """Return the sums that `as_dict` gave; `InputError` if it gave something else."""
        position = position_in(content)
        sums = cls(position.epoch)
        try:
            sums.steps, sums.seconds = position.step, float(content["seconds"])
            for entry in content["parts"]:
                part = sums.part(schedule, int(entry["turn"]), layers)
                part.steps, part.images = int(entry["steps"]), int(entry["images"])
                part.losses[:], part.correct[:] = entry["losses"], entry["correct"]
                part.gradient_norms = dict(zip(part.gradient_norms, map(float, entry["gradient_norms"]), strict=True))
        except (KeyError, TypeError, ValueError, OverflowError):
            raise InputError("its sums over the epoch make no sense") from None
        if sums.steps != sum(part.steps for part in sums.parts.values()):
            raise InputError("its sums over the epoch are not of all steps")
        return sums


def position_in(content: Any) -> Position:
    """Return the position in what `EpochSums.as_dict` gave; `InputError` if there is none."""
    epoch, steps = (content.get("epoch"), content.get("steps")) if isinstance(content, dict) else (None, None)
    if not (type(epoch) is int and type(steps) is int and 0 <= epoch < 2**31 and 0 <= steps < 2**31):
        raise InputError("it does not say how far training was")
    return Position(epoch, steps)
