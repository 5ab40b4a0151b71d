"""Lab 6: a block with losses along the way (needs lesson 6; 8 points).

A block's layers are 0 … n−1, and any of them may have a loss of its own on its output, with a
classifier of its own; the others have None in its place. The block learns from the weighted sum

    L = Σ_i shares[i] · L_i(output of layer i)

A loss is called as value, correct, dx = loss(x, labels). The call also leaves the gradients of L_i
in `grads` of the loss's own layers, which are loss.layers, a dictionary. For the block, everything
is a gradient of L, not of L_i.

A layer has forward(x, training=True), backward(dy, need_dx=True), which returns dx (None if need_dx
is False) and sets `grads`, and release(), which forgets what forward kept. An optimizer's
update(layer) changes a layer's parameters by its gradients. Two functions are complete.

Replace every `...` with your own code. Then run

    python -m minilocal.grade tutorials/labs/many_losses.py
"""


def block_forward(layers, x):
    """Return the list of all layers' outputs."""
    outputs = []
    for layer in layers:
        outputs.append(layer.forward(outputs[-1] if outputs else x, training=True))
    return outputs


def block_loss(losses, shares, outputs, labels):
    """Return L, and the list of what each output gets from its own loss: dL/doutput, or None.

    Afterwards, `grads` of the losses' own layers are gradients of L.
    """
    value, dxs = 0.0, []
    for loss, share, x in zip(losses, shares, outputs):
        ...
    return value, dxs


def block_backward(layers, dxs):
    """Set the gradients of the block's layers, given what `block_loss` returns.

    Call each layer's backward once. No gradient leaves the block. The last layer has a loss.
    """
    ...


def block_update(layers, losses, optimizer):
    """Update everything that the block trains, and let go of what forward kept."""
    ...


def block_step(layers, losses, shares, x, labels, optimizer):
    """Train the block on the output x of the layer before it; return (its own output, L)."""
    outputs = block_forward(layers, x)
    value, dxs = block_loss(losses, shares, outputs, labels)
    block_backward(layers, dxs)
    block_update(layers, losses, optimizer)
    return outputs[-1], value
