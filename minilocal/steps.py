"""One training step, written out: backpropagation, and block-wise local learning.

Both functions do the same four things, forward, loss, backward, update. They differ in how far a gradient
travels: in `backprop_step` from A_K down to layer 1, in `local_step` from each block's classifier A_j down to
the block's first layer, where it stops.

    backprop_step      x ─► f_1 ─► f_2 ─► f_3 ─► f_4 ─► A_4 ─► loss
                            ◄───────────────────────────────── gradient

    local_step, G2     x ─► f_1 ─► f_2 ─► A_2 ─► loss
                            ◄───────────────────────── gradient of block 1-2
                                    │
                                    └───► f_3 ─► f_4 ─► A_4 ─► loss
                                          ◄───────────────────────── gradient of block 3-4
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from minilocal.compute.parallel import one_blas_thread
from minilocal.errors import NonFiniteError
from minilocal.losses import softmax_cross_entropy
from minilocal.networks.network import Network
from minilocal.optim import SGD
from minilocal.schedule import Block


@dataclass(frozen=True)
class BlockResult:
    """What a block did in one step: its mean loss over the batch and how many images it classified rightly."""

    block: Block
    loss: float
    correct: int


def backprop_step(
    network: Network,
    x: np.ndarray,
    labels: np.ndarray,
    optimizer: SGD | None = None,
    seed: int = 0,
    step: int = 0,
) -> list[BlockResult]:
    """Train all K layers by the loss of A_K; return the result as that of one block 1 … K.

    x is (N, H, W, C), labels (N,) integers. Dropout masks follow (seed, step). Gradients stay in every layer's
    `grads`; with optimizer=None nothing is updated. Raises `NonFiniteError` before any update if the loss is not
    finite, and in the update of a layer whose weights are not.
    """
    network.set_dropout_keys(seed, step)
    classifier = network.classifier()
    with one_blas_thread():
        for layer in network.layers:
            x = layer.forward(x, training=True)
        logits = classifier.forward(x, training=True)

        result, dlogits = _loss(Block(1, len(network)), logits, labels)

        dx = classifier.backward(dlogits)
        for layer in reversed(network.layers[1:]):
            dx = layer.backward(dx)  # all the way down …
        network.layers[0].backward(dx, need_dx=False)  # … to layer 1: images need no gradient

        for layer in (*network.layers, classifier):
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
    """Train each block by the loss of its own classifier; return one result per block.

    The body of Algorithm 1's inner loop (Lee, Lee & Jeon 2021). Layers in front of the first block are frozen:
    they run forward as in training and keep their parameters. Blocks follow one another without gaps, as
    `Schedule.blocks_at` gives them; other arguments are `backprop_step`'s. Raises `NonFiniteError` before the update of
    a block whose loss is not finite, and after those in front of it; or in the update of a layer whose weights are not.

    Classifiers of the layers in `idle`, where no block ends, learn too, each for itself; the paper's rest meanwhile.
    See tutorials/reference.md, "Variants of moving boundaries".
    """
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
    """Train one block, and return the features for the next one; x are those of the layer in front.

    All that a block needs, and all that it changes, is its own: x, labels, its layers and its classifier.
    """
    layers = network.layers[block.first - 1 : block.last]
    classifier = network.classifier(block.last)

    for number, layer in enumerate(layers, block.first):
        x = layer.forward(x, training=True)
        if number in idle:
            _learn_alone(network, number, x, labels, optimizer)
    logits = classifier.forward(x, training=True)

    result, dlogits = _loss(block, logits, labels)

    dx = classifier.backward(dlogits)
    for layer in reversed(layers[1:]):
        dx = layer.backward(dx)
    layers[0].backward(dx, need_dx=False)  # the gradient stops here: no dx for the block in front

    for layer in (*layers, classifier):
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
    """Run the frozen layers 1 … last forward, as in training, and return the features behind them."""
    for number, layer in enumerate(network.layers[:last], 1):
        x = layer.forward(x, training=True)
        layer.release()
        if number in idle:
            _learn_alone(network, number, x, labels, optimizer)
    return x


def _learn_alone(network: Network, number: int, x: np.ndarray, labels: np.ndarray, optimizer: SGD | None) -> None:
    """Train a layer's classifier on features x that it takes as given: no gradient for the layers beneath it."""
    classifier = network.classifier(number)
    loss, dlogits = softmax_cross_entropy(classifier.forward(x, training=True), labels)
    if not math.isfinite(loss):
        raise NonFiniteError(f"the loss of the idle classifier A_{number} is {loss}", number)
    classifier.backward(dlogits, need_dx=False)
    if optimizer is not None:
        optimizer.update(classifier)
    classifier.release()


def _loss(block: Block, logits: np.ndarray, labels: np.ndarray) -> tuple[BlockResult, np.ndarray]:
    loss, dlogits = softmax_cross_entropy(logits, labels)
    if not math.isfinite(loss):
        raise NonFiniteError(f"the loss of block {block} is {loss} at A_{block.last}", block.last)
    return BlockResult(block, loss, int(np.sum(logits.argmax(axis=1) == labels))), dlogits
