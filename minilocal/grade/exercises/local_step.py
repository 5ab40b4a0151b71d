"""A step of block-wise local learning beside the library's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from minilocal import steps
from minilocal.grade.case import Case, Exercise, WrongError
from minilocal.grade.expect import about, gradient, pair, same
from minilocal.grade.student import Student
from minilocal.layers import Layer, Sequential
from minilocal.losses import softmax_cross_entropy
from minilocal.networks.network import Network
from minilocal.networks.vgg import build_network
from minilocal.optim import SGD
from minilocal.schedule import Block, parse

K = 6


def networks(algo: str, rng: np.random.Generator) -> tuple[Network, Network]:
    """Return two equal networks of four convolutional and two FC layers, in float64."""
    seed = int(rng.integers(1000))
    own, library = (
        build_network("4 4 M 6 6 M", [8, 8], (8, 8, 2), 3, algo, features=32, dropout=0.2, dtype=np.float64, seed=seed)
        for _ in range(2)
    )
    return own, library


def batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels."""
    return rng.standard_normal((12, 8, 8, 2)), rng.integers(0, 3, 12)


class Still(SGD):
    """An optimizer that updates nothing."""

    def update(self, layer: Layer) -> None:
        """Leave the layer as it is."""


def check_block_forward(student: Student, rng: np.random.Generator) -> None:
    """Compare a block's features and its loss with the library's."""
    x, labels = batch(rng)
    own, library = networks("G2", rng)
    for block in parse("G2").blocks_at(0, K):
        with about(f"block {block}"):
            received = student.call("block_step", own, block, x, labels, Still())
            features, loss = pair("block_step", received, "the features and the loss")
            x, result = steps.block_step(library, block, x, labels)
            same("the features behind it", features, x)
            same("the loss", loss, result.loss)


def check_block_gradients(student: Student, rng: np.random.Generator) -> None:
    """Check the gradients that a block leaves in its layers and in its classifier."""
    images, labels = batch(rng)
    own, library = networks("G3", rng)
    for block in parse("G3").blocks_at(0, K):
        x = steps.frozen_forward(library, block.first - 1, images, labels)
        student.call("block_step", own, block, x, labels, Still())
        steps.block_step(library, block, x, labels)
        parts = {f"layer {n}": (own.layer(n), library.layer(n)) for n in range(block.first, block.last + 1)}
        parts["the classifier"] = own.classifier(block.last), library.classifier(block.last)
        expected = {part: {n: g.copy() for n, g in theirs.grads.items()} for part, (_, theirs) in parts.items()}
        loss = partial(_block_loss, library, block, x, labels)
        for part, (mine, theirs) in parts.items():
            for name, param in theirs.params.items():
                with about(f"block {block}, {part}"):
                    gradient(f"the gradient of {name}", mine.grads[name], expected[part][name], loss, param, entries=3)


def _block_loss(network: Network, block: Block, x: np.ndarray, labels: np.ndarray) -> float:
    """Return a block's loss for the features x in front of it: forward only."""
    for layer in network.layers[block.first - 1 : block.last]:
        x = layer.forward(x, training=True)
    return softmax_cross_entropy(network.classifier(block.last).forward(x, training=True), labels)[0]


def check_gradient_stops(student: Student, rng: np.random.Generator) -> None:
    """See which layers run backward, and which of them compute an input gradient."""
    images, labels = batch(rng)
    own, library = networks("G3", rng)
    for block in parse("G3").blocks_at(0, K):
        x = steps.frozen_forward(library, block.first - 1, images, labels)
        with backward_calls() as calls:
            student.call("block_step", own, block, x, labels, Still())
        for number, layer in enumerate(own.layers, 1):
            asked = [need_dx for called, need_dx in calls if called is layer]
            with about(f"block {block}"):
                _check_backward(number, block, asked)


def _check_backward(number: int, block: Block, asked: list[bool]) -> None:
    """Check a layer's calls of backward: once inside the block, with need_dx except for its first layer."""
    inside = block.first <= number <= block.last
    if len(asked) != inside:
        raise WrongError(f"layer {number} runs backward {len(asked)} times, and should {int(inside)} times")
    if inside and number == block.first and asked[0]:
        raise WrongError(f"layer {number}, its first, computes an input gradient that nobody needs; ask for none")
    if inside and number > block.first and not asked[0]:
        raise WrongError(f"layer {number} hands no input gradient to layer {number - 1}")


def check_fixed_blocks(student: Student, rng: np.random.Generator) -> None:
    """Compare networks after two steps of GX."""
    for algo in ("G1", "G2", "G4"):
        with about(algo):
            _compare_steps(student, algo, 0, rng)


def check_frozen_layers(student: Student, rng: np.random.Generator) -> None:
    """Compare networks after two steps of GXSY at shifts that freeze layers."""
    for algo, epoch in (("G2S1", 1), ("G3S1", 1), ("G3S2", 1)):
        with about(f"{algo} at shift {parse(algo).shift_at(epoch)}"):
            _compare_steps(student, algo, epoch, rng)


def _compare_steps(student: Student, algo: str, epoch: int, rng: np.random.Generator) -> None:
    own, library = networks(algo, rng)
    blocks = parse(algo).blocks_at(epoch, K)
    ours, theirs = SGD(), SGD()
    for step in (1, 2):
        x, labels = batch(rng)
        losses = student.call("local_step", own, blocks, x, labels, ours, 7, step)
        expected = [result.loss for result in steps.local_step(library, blocks, x, labels, theirs, 7, step)]
        if not isinstance(losses, list | tuple) or len(losses) != len(expected):
            raise WrongError(f"local_step should return {len(expected)} losses, one per block, not {losses!r:.80}")
        with about(f"step {step}"):
            for block, mine, loss in zip(blocks, losses, expected, strict=True):
                same(f"the loss of block {block}", mine, loss)
            arrays = own.arrays()
            for name, array in library.arrays().items():
                same(name, arrays[name], array)
    for part, layer in own.named_layers():
        if kept := [name for inner in _leaves(layer) for name in inner.kept if getattr(inner, name) is not None]:
            raise WrongError(f"after the step {part} still keeps {', '.join(kept)}; release() forgets it")


def _leaves(layer: Layer) -> Iterator[Layer]:
    if isinstance(layer, Sequential):
        yield from layer.layers.values()
    else:
        yield layer


@contextlib.contextmanager
def backward_calls() -> Iterator[list[tuple[Layer, bool]]]:
    """Yield a list that fills with (layer, need_dx) whenever a layer of a network runs backward in the block."""
    calls: list[tuple[Layer, bool]] = []
    original = Sequential.backward

    def backward(self: Sequential, dy: np.ndarray, need_dx: bool = True) -> Any:
        calls.append((self, need_dx))
        return original(self, dy, need_dx)

    Sequential.backward = backward  # type: ignore[method-assign]
    try:
        yield calls
    finally:
        Sequential.backward = original  # type: ignore[method-assign]


EXERCISE = Exercise(
    title="a step of block-wise local learning",
    uses=("softmax_cross_entropy",),
    cases=(
        Case(
            "a block's features and loss",
            2,
            ("block_step",),
            "each layer takes what the one in front gave: x = layer.forward(x, training=True); then the classifier",
            check_block_forward,
        ),
        Case(
            "a block's gradients",
            2,
            ("block_step",),
            "backward goes the other way: first the classifier, then the layers from the last to the first, each with "
            "the dx of the one behind",
            check_block_gradients,
        ),
        Case(
            "the gradient stops at the block's front",
            2,
            ("block_step",),
            "layers[1:] hand dx on; layers[0] is called with need_dx=False, and no layer outside the block is called",
            check_gradient_stops,
        ),
        Case(
            "steps of G1, G2 and G4",
            2,
            ("block_step", "local_step"),
            "update and release every layer of the block and its classifier; the next block gets the features as they "
            "were computed, before the update",
            check_fixed_blocks,
        ),
        Case(
            "frozen layers: G2S1, G3S1 and G3S2",
            2,
            ("block_step", "local_step"),
            "layers in front of the first block run forward with training=True and are released, and nothing of them "
            "is updated",
            check_frozen_layers,
        ),
    ),
)
