"""One pass of stochastic gradient descent over a flat parameter.

    gradient ──┐
    weight ────┼──► velocity' = momentum·velocity + gradient + decay·weight ──► weight' = weight − lr·velocity'
    velocity ──┘

Each number costs three reads and two writes; as whole-array NumPy it would be nine reads and six writes. SGD does
little but wait for memory, so checking that the weights are finite is free. Arrays are flat, of any length, and all
have the same dtype.
"""

from __future__ import annotations

from minilocal.compute.compilation import Array, kernel


@kernel
def sgd(weight: Array, velocity: Array, gradient: Array, lr: float, momentum: float, decay: float) -> bool:
    """Update in place: velocity ← momentum·velocity + gradient + decay·weight; weight ← weight − lr·velocity.

    Return whether all weights are finite. A gradient or velocity that is not finite leaves a weight that is not.
    """
    bad = 0
    for i in range(weight.size):
        velocity[i] = momentum * velocity[i] + gradient[i] + decay * weight[i]
        new = weight[i] - lr * velocity[i]
        weight[i] = new
        bad += new - new != 0  # NaN for NaN and ±inf
    return bad == 0
