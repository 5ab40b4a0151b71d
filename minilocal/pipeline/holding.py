"""The layers that a process holds at present, and how layers pass from one process to another.

A layer and its classifier, if it has one, stay together. With them go their parameters, running statistics and
momentum. A layer that a process doesn't hold is replaced by a stand-in, which knows its shapes but takes no memory.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeVar

import numpy as np

from minilocal.layers import Layer
from minilocal.networks.network import Network
from minilocal.optim import SGD
from minilocal.pipeline.plan import Plan
from minilocal.pipeline.transport import Transport

T = TypeVar("T")


class Move(NamedTuple):
    """Layer `number` passes from one process to another."""

    number: int
    source: int
    target: int


def moves(before: Mapping[int, int], after: Mapping[int, int]) -> list[Move]:
    """Return the layers that change owners, in ascending order.

    All processes go through this list in order, and each does the moves that concern it. This can't deadlock: the
    first move that is not done yet depends on no other.

    >>> moves({1: 0, 2: 0, 3: 1}, {1: 0, 2: 1, 3: 1})
    [Move(number=2, source=0, target=1)]
    """
    return [Move(number, before[number], after[number]) for number in sorted(after) if before[number] != after[number]]


def move_layers(plan: Plan, before: int | None, after: int, held: HeldLayers, transport: Transport) -> int:
    """When boundaries move between shifts, send and receive this process's layers; return the number of bytes sent."""
    sent = 0
    for number, source, target in moves(plan.owners(before), plan.owners(after)):
        if transport.is_same(source, target):
            continue
        if source == transport.me:
            sent += transport.send_all(target, held.arrays(number))
            held.drop(number)
        elif target == transport.me:
            held.hold(number)
            transport.receive_into(source, held.arrays(number))
    return sent


class HeldLayers:
    """The layers of a network, with their classifiers and momentum, that a process holds: at first all of them."""

    def __init__(self, network: Network, optimizer: SGD) -> None:
        self.network, self.optimizer = network, optimizer
        self.numbers = set(range(1, len(network) + 1))

    def arrays(self, number: int) -> list[np.ndarray]:
        """Return all arrays of a held layer and its classifier, always in the same order: no copies."""
        return [
            array
            for layer in self._layers(number)
            for group in (layer.params, layer.state, self.optimizer.velocity_of(layer))
            for array in group.values()
        ]

    def hold(self, number: int) -> None:
        """Make room for a layer: arrays of zeros, for the caller to fill."""
        if number not in self.numbers:
            self._replace(number, lambda array: np.zeros(array.shape, array.dtype))
            self.numbers.add(number)

    def drop(self, number: int) -> None:
        """Forget a layer and free its memory."""
        if number in self.numbers:
            self._replace(number, lambda array: np.broadcast_to(array.dtype.type(0), array.shape))
            self.numbers.discard(number)

    def keep_only(self, numbers: Iterable[int]) -> None:
        """Forget all layers except these."""
        for number in self.numbers - {*numbers}:
            self.drop(number)

    def _layers(self, number: int) -> list[Layer]:
        loss = self.network.losses.get(number)
        return [self.network.layer(number), *(loss.layers.values() if loss else ())]

    def _replace(self, number: int, make: Callable[[np.ndarray], np.ndarray]) -> None:
        """Replace a layer and the loss on it by copies with `make(array)` in place of each array."""
        network, loss = self.network, self.network.losses.get(number)
        network.layers[number - 1] = self._copy(network.layer(number), [network.layer(number)], make)
        if loss is not None:
            network.losses[number] = self._copy(loss, loss.layers.values(), make)

    def _copy(self, original: T, layers: Iterable[Layer], make: Callable[[np.ndarray], np.ndarray]) -> T:
        memo: dict[int, np.ndarray] = {}
        for layer in layers:
            self.optimizer.velocity.pop(layer, None)
            memo |= {id(a): make(a) for group in (layer.params, layer.grads, layer.state) for a in group.values()}
        # The deep copy takes our arrays for copies that it has already made, so shared arrays stay shared.
        return copy.deepcopy(original, memo)
