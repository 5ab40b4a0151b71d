"""What is to be timed: an algorithm's steps at each of its shifts, or inference, worked out before any clock runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from minilocal.bench.leaves import leaves_with_shapes
from minilocal.bench.macs import inference_macs, step_macs
from minilocal.bench.operations import describe
from minilocal.networks.network import Network
from minilocal.schedule import Block, Schedule

INFERENCE = "inference"


@dataclass(frozen=True)
class Shift:
    """One epoch's step: its boundary shift, its blocks, and per image its multiply-adds and `own_numbers`."""

    shift: int
    blocks: list[Block]
    macs: int
    own_numbers: int


@dataclass(frozen=True)
class Plan:
    """An algorithm, or inference, on a network: what each process needs to know of it."""

    algo: str
    shifts: list[Shift]
    network: dict[str, Any]

    @property
    def trains(self) -> bool:
        """Return whether this is a training step, not inference."""
        return self.algo != INFERENCE


def plan_steps(network: Network, schedule: Schedule) -> Plan:
    """Return the plan of an algorithm's steps on a network that was built for it."""
    shifts = []
    for epoch in range(schedule.period):
        blocks = schedule.blocks_at(epoch, len(network))
        own = max(own_numbers(network, block) for block in blocks)
        shifts.append(Shift(schedule.shift_at(epoch), blocks, step_macs(network, blocks), own))
    return Plan(schedule.name, shifts, describe(network))


def plan_inference(network: Network) -> Plan:
    """Return the plan of inference on a network."""
    return Plan(INFERENCE, [Shift(0, [], inference_macs(network), 0)], describe(network))


def own_numbers(network: Network, block: Block) -> int:
    """Return how many numbers per image a block's layers need themselves in a step, summed over them.

    A CBRD layer needs the convolution's input for its weight gradient, BatchNorm's input (as large as the output),
    and its output; FBRD likewise.
    """
    shapes = [network.input_shape, *network.shapes]
    total = 0
    for number in range(block.first, block.last + 1):
        reached = leaves_with_shapes(network.layer(number), shapes[number - 1])
        product_input = next(shape for leaf, shape in reached if "weight" in leaf.params)  # behind a max-pool
        total += math.prod(product_input) + 2 * math.prod(shapes[number])
    return total
