"""Exercise 6: a step of block-wise local learning, the body of Algorithm 1 (lessons 5 to 7).

A block consists of the layers block.first … block.last, with a classifier on the last one. It runs
forward, computes its loss, runs backward, and updates. No gradient leaves it: its first layer
computes no dx. Frozen layers, those before the first block, run forward as in training and keep
their parameters.

Every layer of minilocal has forward(x, training=True), backward(dy, need_dx=True), which returns
dx (None if need_dx=False) and sets the parameters' gradients, and release(), which forgets what
forward kept for backward. optimizer.update(layer) changes a layer's parameters by its gradients.

Replace every `...` with your own code. Then run

    python -m minilocal.grade tutorials/exercises/local_step.py
"""

import minilocal as ml


def block_step(network, block, x, labels, optimizer):
    """Train one block on the output x of the layer before it; return (the block's output, loss)."""
    layers = network.layers[block.first - 1 : block.last]
    classifier = network.classifier(block.last)

    for layer in layers:
        x = layer.forward(x, training=True)
    logits = classifier.forward(x, training=True)

    loss, dlogits = ml.softmax_cross_entropy(logits, labels)

    dx = classifier.backward(dlogits)
    for layer in reversed(layers[1:]):
        dx = layer.backward(dx)
    # The gradient stops here: the first layer learns, but passes no dx to the block before.
    layers[0].backward(dx, need_dx=False)

    for layer in (*layers, classifier):
        optimizer.update(layer)
        layer.release()
    return x, loss


def local_step(network, blocks, x, labels, optimizer, seed=0, step=0):
    """Train all blocks on a batch; return the list of their losses."""
    network.set_dropout_keys(seed, step)
    for layer in network.layers[: blocks[0].first - 1]:  # frozen
        x = layer.forward(x, training=True)
        layer.release()

    losses = []
    for block in blocks:
        x, loss = block_step(network, block, x, labels, optimizer)
        losses.append(loss)
    return losses
