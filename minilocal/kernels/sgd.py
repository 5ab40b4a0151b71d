"""One pass of stochastic gradient descent over a flat parameter.

    gradient ──┐
    weight ────┼──► velocity' = momentum·velocity + gradient + decay·weight ──► weight' = weight − lr·velocity'
    velocity ──┘

Three reads and two writes per number: written as whole-array NumPy it would be nine reads and six writes, and SGD
waits for memory alone. Arrays are flat, of any length, all of one dtype.
"""

from __future__ import annotations

import numpy as np

from minilocal.kernels import kernel


@kernel
def sgd(
    weight: np.ndarray, velocity: np.ndarray, gradient: np.ndarray, lr: float, momentum: float, decay: float
) -> None:
    """Update in place: velocity ← momentum·velocity + gradient + decay·weight; weight ← weight − lr·velocity."""
    for i in range(weight.size):
        velocity[i] = momentum * velocity[i] + gradient[i] + decay * weight[i]
        weight[i] -= lr * velocity[i]
