"""One training step, written out: backpropagation, and block-wise local learning.

Both functions do the same four things: forward, loss, backward, update. They differ in how far a gradient travels: in
`backprop_step` from A_K back to layer 1, in `local_step` from each block's loss back to the block's first layer, where
it stops.

    backprop_step      x ─► f_1 ─► f_2 ─► f_3 ─► f_4 ─► A_4 ─► loss
                            ◄───────────────────────────────── gradient

    local_step, G2     x ─► f_1 ─► f_2 ─► A_2 ─► loss
                            ◄───────────────────────── gradient of block 1-2
                                    │
                                    └───► f_3 ─► f_4 ─► A_4 ─► loss
                                          ◄───────────────────────── gradient of block 3-4

A loss is an object (see losses/): called with a block's output x_j and the labels, it returns its value and dx_j.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from minilocal.compute.parallel import one_blas_thread
from minilocal.errors import InputError, NonFiniteError
from minilocal.networks.network import Network
from minilocal.optim import SGD
from minilocal.schedule import Block


@dataclass(frozen=True)
class BlockResult:
    """A block's mean loss over the batch in one step, and how many images it classified correctly.

    `correct` is None if its loss has no class scores.
    """

    block: Block
    loss: float
    correct: int | None


def backprop_step(
    network: Network,
    x: np.ndarray,
    labels: np.ndarray,
    optimizer: SGD | None = None,
    seed: int = 0,
    step: int = 0,
) -> list[BlockResult]:
    """Train all K layers by the loss on the last one; return one result, for the block 1 … K.

    x is (N, H, W, C), labels (N,) integers. Dropout masks depend on (seed, step). Gradients stay in every layer's
    `grads`; with optimizer=None nothing is updated. Raises `NonFiniteError` before any update if the loss is not
    finite, and during the update of a layer whose weights become NaN or infinite.
    """
    network.set_dropout_keys(seed, step)
    loss = network.loss(len(network))
    with one_blas_thread():
        for layer in network.layers:
            x = layer.forward(x, training=True)

        value, correct, dx = loss(x, labels)
        result = _checked(Block(1, len(network)), value, correct)

        for layer in reversed(network.layers[1:]):
            dx = layer.backward(dx)  # all the way back …
        network.layers[0].backward(dx, need_dx=False)  # … to layer 1: images need no gradient

        for layer in (*network.layers, *loss.layers.values()):
            if optimizer is not None:
                optimizer.update(layer)
            layer.release()
    return [result]


def local_step(
    network: Network,
    blocks: Sequence[Block],
    x: np.ndarray,
    labels: np.ndarray,
    optimizer: SGD | None = None,
    seed: int = 0,
    step: int = 0,
    idle: Collection[int] = (),
) -> list[BlockResult]:
    """Train each block by its own local loss; return one result per block.

    This is the body of Algorithm 1's inner loop (Lee, Lee & Jeon 2021). Layers before the first block are frozen: they
    run forward as in training and keep their parameters. Blocks must follow one another without gaps up to layer K, as
    those of `Schedule.blocks_at` do; the other arguments are those of `backprop_step`.

    Classifiers on the layers in `idle`, where no block ends, learn too, without training the layers before them; in the
    paper they rest. See tutorials/reference.md, "Variants of moving boundaries".

    Raises `InputError` if the blocks leave a gap, and `NonFiniteError` before the update of a block whose loss is
    not finite (the blocks before it are updated by then), or during the update of a layer whose weights become NaN or
    infinite.
    """
    check_blocks(blocks, len(network))
    network.set_dropout_keys(seed, step)
    results = []
    with one_blas_thread():
        x = frozen_forward(network, blocks[0].first - 1, x, labels, optimizer, idle)
        for block in blocks:
            x, result = block_step(network, block, x, labels, optimizer, idle)
            results.append(result)
    return results


def block_step(
    network: Network,
    block: Block,
    x: np.ndarray,
    labels: np.ndarray,
    optimizer: SGD | None = None,
    idle: Collection[int] = (),
) -> tuple[np.ndarray, BlockResult]:
    """Train one block on the output x of the layer before it; return the block's own output, for the next block.

    A block reads only x, labels, its own layers and their losses, and trains only these layers and losses.
    """
    layers = network.layers[block.first - 1 : block.last]
    loss = network.loss(block.last)

    for number, layer in enumerate(layers, block.first):
        x = layer.forward(x, training=True)
        if number in idle:
            _learn_alone(network, number, x, labels, optimizer)

    value, correct, dx = loss(x, labels)
    result = _checked(block, value, correct)

    for layer in reversed(layers[1:]):
        dx = layer.backward(dx)
    layers[0].backward(dx, need_dx=False)  # the gradient stops here: no dx for the block before

    for layer in (*layers, *loss.layers.values()):
        if optimizer is not None:
            optimizer.update(layer)
        layer.release()
    return x, result  # x as computed above, before the update: the next block need not wait for it


def frozen_forward(
    network: Network,
    last: int,
    x: np.ndarray,
    labels: np.ndarray,
    optimizer: SGD | None = None,
    idle: Collection[int] = (),
) -> np.ndarray:
    """Run the frozen layers 1 … last forward, as in training, and return their output."""
    for number, layer in enumerate(network.layers[:last], 1):
        x = layer.forward(x, training=True)
        layer.release()
        if number in idle:
            _learn_alone(network, number, x, labels, optimizer)
    return x


def check_blocks(blocks: Sequence[Block], layers: int) -> None:
    """Raise `InputError`, naming the blocks, unless they follow one another without gaps up to the last layer."""
    listed = ", ".join(map(str, blocks))
    if not blocks:
        raise InputError(f"there are no blocks; they must reach from some layer up to layer {layers}")
    if blocks[0].first < 1 or blocks[-1].last != layers:
        raise InputError(f"blocks {listed} must lie in layers 1 to {layers} and end at layer {layers}")
    if empty := [tuple(block) for block in blocks if block.first > block.last]:
        raise InputError(f"block {empty[0]} has no layers; its first layer must not be above its last")
    for block, following in zip(blocks, (*blocks[1:], Block(layers + 1, layers + 1)), strict=True):
        if following.first != block.last + 1:
            raise InputError(f"blocks {listed} must follow one another: after {block} comes layer {block.last + 1}")


def _learn_alone(network: Network, number: int, x: np.ndarray, labels: np.ndarray, optimizer: SGD | None) -> None:
    """Train an idle classifier on features x that it takes as given: no gradient reaches the layers before it."""
    loss = network.loss(number)
    value, _, _ = loss(x, labels, need_dx=False)
    if not math.isfinite(value):
        raise NonFiniteError(f"the loss of the idle classifier A_{number} is {value}", number)
    for layer in loss.layers.values():
        if optimizer is not None:
            optimizer.update(layer)
        layer.release()


def _checked(block: Block, value: float, correct: int | None) -> BlockResult:
    if not math.isfinite(value):
        raise NonFiniteError(f"the loss of block {block} is {value} at A_{block.last}", block.last)
    return BlockResult(block, value, correct)
