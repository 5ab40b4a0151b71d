"""A network of which a process holds some layers only, and passing layers from one process to another.

A *part* is a layer and the classifier on it, if it has one: they stay together. What belongs to a part are parameters,
running statistics and momentum. Where a part is not held, layers stand in its place that know their shapes but take no
memory.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np

from minilocal.layers import Layer
from minilocal.networks.network import Network
from minilocal.optim import SGD
from minilocal.pipeline.plan import Plan
from minilocal.pipeline.transport import ROOT, Transport


class Move(NamedTuple):
    """A part, by its layer's number, that passes from one process to another."""

    number: int
    source: int
    target: int


def owners(plan: Plan, shift: int | None, layers: int) -> dict[int, int]:
    """Return who holds each part at a shift; the root holds all before the first one."""
    return dict.fromkeys(range(1, layers + 1), ROOT) if shift is None else plan.owners(shift)


def moves(before: Mapping[int, int], after: Mapping[int, int]) -> list[Move]:
    """Return what has to move, in ascending order of layers, for the owners of parts to change.

    All processes go through this list in its order, each doing what concerns it. So none waits for ever: of all moves
    that are not done yet, nothing keeps the first from being done.

    >>> moves({1: 0, 2: 0, 3: 1}, {1: 0, 2: 1, 3: 1})
    [Move(number=2, source=0, target=1)]
    """
    return [Move(number, before[number], after[number]) for number in sorted(after) if before[number] != after[number]]


def carry_out(before: Mapping[int, int], after: Mapping[int, int], parts: Parts, transport: Transport) -> int:
    """Do what concerns this process of all moves from owners to others; return the bytes that it has given away."""
    given = 0
    for number, source, target in moves(before, after):
        if transport.is_same(source, target):
            continue
        if source == transport.me:
            given += transport.send_all(target, parts.arrays(number))
            parts.drop(number)
        elif target == transport.me:
            parts.hold(number)
            transport.receive_into(source, parts.arrays(number))
    return given


class Parts:
    """The parts of a network, with their momentum, that a process holds at present; all, to begin with."""

    def __init__(self, network: Network, optimizer: SGD) -> None:
        self.network, self.optimizer = network, optimizer
        self.held = set(range(1, len(network) + 1))

    def arrays(self, number: int) -> list[np.ndarray]:
        """Return all arrays of a part that is held, always in the same order: the arrays themselves."""
        return [
            array
            for layer in self._layers(number)
            for group in (layer.params, layer.state, self.optimizer.velocity_of(layer))
            for array in group.values()
        ]

    def hold(self, number: int) -> None:
        """Make room for a part, all zeros: what it holds is to be filled in."""
        if number not in self.held:
            self._replace(number, lambda array: np.zeros(array.shape, array.dtype))
            self.held.add(number)

    def drop(self, number: int) -> None:
        """Forget a part."""
        if number in self.held:
            self._replace(number, lambda array: np.broadcast_to(array.dtype.type(0), array.shape))
            self.held.discard(number)

    def keep_only(self, numbers: Iterable[int]) -> None:
        """Forget all parts but these."""
        for number in self.held - {*numbers}:
            self.drop(number)

    def _layers(self, number: int) -> list[Layer]:
        loss = self.network.losses.get(number)
        return [self.network.layer(number), *(loss.layers.values() if loss else ())]

    def _replace(self, number: int, make: Callable[[np.ndarray], np.ndarray]) -> None:
        """Put copies of a part's layers in their place, with `make(array)` for each of their arrays."""
        network = self.network
        network.layers[number - 1] = self._copy(network.layer(number), make)
        if number in network.losses:
            loss = network.losses[number]
            loss.layers = {name: self._copy(layer, make) for name, layer in loss.layers.items()}

    def _copy(self, layer: Layer, make: Callable[[np.ndarray], np.ndarray]) -> Layer:
        self.optimizer.velocity.pop(layer, None)
        arrays = [array for group in (layer.params, layer.grads, layer.state) for array in group.values()]
        # A deep copy that finds the arrays copied already: Sequentials and the layers in them share them again.
        return copy.deepcopy(layer, {id(array): make(array) for array in arrays})
