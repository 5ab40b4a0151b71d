"""A step of block-wise local learning, compared with the library's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np

import minilocal as ml
from minilocal.grade.case import Exercise, case
from minilocal.grade.expect import WrongError, about, gradient, pair, released, same
from minilocal.grade.student import Student

K = 6


def networks(algo: str, rng: np.random.Generator) -> tuple[ml.Network, ml.Network]:
    """Return two equal networks of four convolutional and two FC layers, in float64."""
    seed = int(rng.integers(1000))
    config = "4 4 M 6 6 M", [8, 8], (8, 8, 2), 3, algo
    own, library = (ml.build_network(*config, features=32, dropout=0.2, dtype=np.float64, seed=seed) for _ in range(2))
    for network in (own, library):
        network.set_dropout_keys(0, 0)
    return own, library


def batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels."""
    return rng.standard_normal((12, 8, 8, 2)), rng.integers(0, 3, 12)


def output(network: ml.Network, layer: int, images: np.ndarray) -> np.ndarray:
    """Return the output of a layer in training mode, or the images for layer 0."""
    x = images
    for earlier in network.layers[:layer]:
        x = earlier.forward(x, training=True)
    return x


def block_loss(network: ml.Network, block: ml.Block, images: np.ndarray, labels: np.ndarray) -> float:
    """Return the loss of a block: forward only."""
    logits = network.classifier(block.last).forward(output(network, block.last, images), training=True)
    return ml.softmax_cross_entropy(logits, labels)[0]


class Still(ml.SGD):
    """An optimizer that updates nothing."""

    def update(self, layer: ml.Layer) -> None:
        """Leave the layer as it is."""


@case(
    "a block's features and loss",
    2,
    ("block_step",),
    "each layer takes the output of the one before it: x = layer.forward(x, training=True); the classifier comes last",
)
def check_block_forward(student: Student, rng: np.random.Generator) -> None:
    """Compare a block's features and its loss with the library's."""
    images, labels = batch(rng)
    own, library = networks("G2", rng)
    for block in ml.parse_schedule("G2").blocks_at(0, K):
        x = output(library, block.first - 1, images)
        with about(f"block {block}"):
            received = student.call("block_step", own, block, x, labels, Still())
            features, loss = pair("block_step", received, "the features and the loss")
            same("its features", features, output(library, block.last, images))
            same("its loss", loss, block_loss(library, block, images, labels))


@case(
    "a block's gradients",
    2,
    ("block_step",),
    "backward runs in the opposite order: first the classifier, then the layers from the last to the first, each with "
    "the dx of the one after it",
)
def check_block_gradients(student: Student, rng: np.random.Generator) -> None:
    """Check the gradients that a block leaves in its layers and in its classifier."""
    images, labels = batch(rng)
    own, library = networks("G3", rng)
    blocks = ml.parse_schedule("G3").blocks_at(0, K)
    ml.local_step(library, blocks, images, labels)
    for block in blocks:
        student.call("block_step", own, block, output(library, block.first - 1, images), labels, Still())
        layers = {f"layer {n}": (own.layer(n), library.layer(n)) for n in range(block.first, block.last + 1)}
        layers["the classifier"] = own.classifier(block.last), library.classifier(block.last)
        loss = partial(block_loss, library, block, images, labels)
        for layer, (mine, theirs) in layers.items():
            for name, param in theirs.params.items():
                with about(f"block {block}, {layer}"):
                    received, expected = mine.grads[name], theirs.grads[name]
                    gradient(f"the gradient of {name}", received, expected, loss, param, entries=3)


@case(
    "the gradient stops at the block's first layer",
    2,
    ("block_step",),
    "layers[1:] pass dx on; call layers[0] with need_dx=False, and call no layer outside the block",
)
def check_gradient_stops(student: Student, rng: np.random.Generator) -> None:
    """Check which layers run backward, and which of them compute an input gradient."""
    images, labels = batch(rng)
    own, library = networks("G3", rng)
    for block in ml.parse_schedule("G3").blocks_at(0, K):
        x = output(library, block.first - 1, images)
        with backward_calls() as calls:
            student.call("block_step", own, block, x, labels, Still())
        for number, layer in enumerate(own.layers, 1):
            asked = [need_dx for called, need_dx in calls if called is layer]
            with about(f"block {block}"):
                _check_backward(number, block, asked)


@contextlib.contextmanager
def backward_calls() -> Iterator[list[tuple[ml.Layer, bool]]]:
    """Yield a list that gets (layer, need_dx) whenever a layer of a network runs backward in the `with` block."""
    calls: list[tuple[ml.Layer, bool]] = []
    original = ml.Sequential.backward

    def backward(self: ml.Sequential, dy: np.ndarray, need_dx: bool = True) -> Any:
        calls.append((self, need_dx))
        return original(self, dy, need_dx)

    with patch.object(ml.Sequential, "backward", backward):
        yield calls


def _check_backward(number: int, block: ml.Block, asked: list[bool]) -> None:
    """Check a layer's calls of backward: one if it is in the block, with need_dx unless it is the first layer."""
    times = int(block.first <= number <= block.last)
    if len(asked) != times:
        raise WrongError(f"layer {number} runs backward {len(asked)} times; the correct number is {times}")
    if times and number == block.first and asked[0]:
        raise WrongError(f"its first layer, {number}, computes an input gradient that nobody needs; use need_dx=False")
    if times and number > block.first and not asked[0]:
        raise WrongError(f"layer {number} passes no input gradient to layer {number - 1}")


@case(
    "steps of G1, G2 and G4",
    2,
    ("block_step", "local_step"),
    "update and release every layer of the block and its classifier; the next block gets the features as they were "
    "computed, before the update",
)
def check_fixed_blocks(student: Student, rng: np.random.Generator) -> None:
    """Compare networks after two steps of GX."""
    for algo in ("G1", "G2", "G4"):
        with about(algo):
            _compare_steps(student, algo, 0, rng)


@case(
    "frozen layers: G2S1, G3S1 and G3S2",
    2,
    ("block_step", "local_step"),
    "layers before the first block run forward with training=True and are released, but they are never updated",
)
def check_frozen_layers(student: Student, rng: np.random.Generator) -> None:
    """Compare networks after two steps of GXSY at shifts that freeze layers."""
    for algo, epoch in (("G2S1", 1), ("G3S1", 1), ("G3S2", 1)):
        with about(f"{algo} at shift {ml.parse_schedule(algo).shift_at(epoch)}"):
            _compare_steps(student, algo, epoch, rng)


def _compare_steps(student: Student, algo: str, epoch: int, rng: np.random.Generator) -> None:
    own, library = networks(algo, rng)
    blocks = ml.parse_schedule(algo).blocks_at(epoch, K)
    ours, theirs = ml.SGD(), ml.SGD()
    for step in (1, 2):
        x, labels = batch(rng)
        losses = student.call("local_step", own, blocks, x, labels, ours, 7, step)
        results = ml.local_step(library, blocks, x, labels, theirs, 7, step)
        if not isinstance(losses, list | tuple) or len(losses) != len(results):
            raise WrongError(
                f"local_step should return {len(results)} losses, one per block, but returns {losses!r:.80}"
            )
        with about(f"step {step}"):
            for loss, result in zip(losses, results, strict=True):
                same(f"the loss of block {result.block}", loss, result.loss)
            arrays = own.arrays()
            for name, array in library.arrays().items():
                same(name, arrays[name], array)
    for number, layer in enumerate(own.layers, 1):
        released(f"layer {number}", layer)
    for block in blocks:
        released(f"the classifier on layer {block.last}", own.classifier(block.last))


EXERCISE = Exercise(
    title="a step of block-wise local learning",
    uses=("softmax_cross_entropy",),
    cases=(
        check_block_forward,
        check_block_gradients,
        check_gradient_stops,
        check_fixed_blocks,
        check_frozen_layers,
    ),
)
