"""One pass of stochastic gradient descent over a flat parameter.

    gradient ──┐
    weight ────┼──► velocity' = momentum·velocity + gradient + decay·weight ──► weight' = weight − lr·velocity'
    velocity ──┘

Three reads and two writes per number: written as whole-array NumPy it would be nine reads and six writes, and SGD
waits for memory alone, which leaves time to look whether the weights are finite. Arrays are flat, of any length, all of
one dtype.
"""

from __future__ import annotations

import numpy as np

from minilocal.compute.compilation import kernel


@kernel
def sgd(
    weight: np.ndarray, velocity: np.ndarray, gradient: np.ndarray, lr: float, momentum: float, decay: float
) -> bool:
    """Update in place: velocity ← momentum·velocity + gradient + decay·weight; weight ← weight − lr·velocity.

    Return whether all weights are finite. A gradient or velocity that is not leaves a weight that is not.
    """
    bad = 0
    for i in range(weight.size):
        velocity[i] = momentum * velocity[i] + gradient[i] + decay * weight[i]
        new = weight[i] - lr * velocity[i]
        weight[i] = new
        bad += new - new != 0  # NaN for NaN and ±inf
    return bad == 0
