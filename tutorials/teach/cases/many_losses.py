"""Cases of the lab on a block with losses along the way."""

import numpy as np
from minilocal.grade.standins import Linear, Loss, Optimizer, Tanh

TITLE, LESSON, WEEK = "a block with losses along the way", 6, 2
WHERE = ((0,), (0, 1), (1, 3), (0, 1, 3), (2,))  # layers that have a loss; the last one is the block's last layer


def blocks(rng):
    """Yield a label, layers that have run forward, all their outputs, losses (or None), shares and labels."""
    for where in WHERE:
        n, features, classes = int(rng.integers(4, 7)), int(rng.integers(3, 5)), 3
        x, layers, outputs = rng.standard_normal((n, features)), [], []
        for number in range(where[-1] + 1):
            weight = rng.standard_normal((features, features)) / 2
            name = f"layer {number}"
            layers.append(Tanh(name, kept=x) if number % 2 else Linear(name, weight=weight, kept=x))
            x = np.tanh(x) if number % 2 else x @ weight
            outputs.append(x)
        losses = [_loss(rng, number, features, classes) if number in where else None for number in range(len(layers))]
        shares = [float(share) for share in rng.uniform(0.3, 2, len(layers))]
        label = f"losses on {', '.join(map(str, where))} of {len(layers)} layer{'s' * (len(layers) > 1)}"
        yield label, layers, outputs, losses, shares, rng.integers(0, classes, n)


def _loss(rng, number, features, classes):
    weight, targets = rng.standard_normal((features, 2)), rng.standard_normal((classes, 2))
    return Loss(f"the loss on layer {number}", weight=weight, targets=targets)


def sums(rng):
    """Yield what `block_loss` gets."""
    for label, _, outputs, losses, shares, labels in blocks(rng):
        yield label, (losses, shares, outputs, labels)


def backward(rng):
    """Yield what `block_backward` gets."""
    for label, layers, outputs, losses, _, _ in blocks(rng):
        dxs = [None if loss is None else rng.standard_normal(x.shape) for loss, x in zip(losses, outputs, strict=True)]
        yield label, (layers, dxs)


def updates(rng):
    """Yield what `block_update` gets; gradients are those that the layers begin with."""
    for label, layers, _, losses, _, _ in blocks(rng):
        yield label, (layers, losses, Optimizer("the optimizer", lr=0.5))


CASES = [
    dict(
        name="the sum of the losses", points=3, function="block_loss", returns=("L", "what the outputs get"),
        nudge="L_i is multiplied by its share, and so is everything that L_i's own layers and its output get from it",
        equation="L = Σ share·value; each output gets share·dx; in all loss.layers, grads[name] = share·grads[name]",
        trials=sums,
    ),
    dict(
        name="backward through the block", points=3, function="block_backward", returns=("what it returns",),
        nudge="a layer's output goes on to the next layer and to its own loss: a gradient comes back from both",
        equation="from the last layer down: dy = dxs[i] + (dx of layer i + 1); layer 0 is called with need_dx=False",
        trials=backward,
    ),
    dict(
        name="update and release", points=2, function="block_update", returns=("what it returns",),
        nudge="the losses have layers of their own, which learn with the block",
        equation="optimizer.update(layer) and layer.release(), once for each layer of the block and of the losses",
        trials=updates,
    ),
]  # fmt: skip
