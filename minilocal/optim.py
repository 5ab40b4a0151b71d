"""Stochastic gradient descent with momentum and weight decay, and learning-rate schedules."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from minilocal.compute import parallel
from minilocal.errors import InputError, NonFiniteError
from minilocal.kernels.sgd import sgd
from minilocal.layers.base import Arrays, Layer


class SGD:
    """SGD with momentum and coupled weight decay; one momentum buffer ("velocity") per parameter.

        velocity ← momentum·velocity + gradient + weight_decay·weight        weight ← weight − lr·velocity

    For BatchNorm's beta, lr is multiplied by `beta_lr` and weight decay is divided by it.

    You may set `lr` before each step. `velocity` maps layer → name → array and starts at zero. It belongs to these
    layers and not to copies of them: copy an optimizer with its network, `copy.deepcopy((network, optimizer))`.
    Source: tutorials/reference.md, "Training recipe".
    """

    def __init__(
        self, lr: float = 0.1, momentum: float = 0.9, weight_decay: float = 5e-4, beta_lr: float = 1.0
    ) -> None:
        self.lr, self.momentum, self.weight_decay, self.beta_lr = lr, momentum, weight_decay, beta_lr
        self.velocity: dict[Layer, Arrays] = {}

    def update(self, layer: Layer) -> None:
        """Update a layer's parameters in place from its gradients.

        Raises `NonFiniteError` if a parameter is NaN or infinite after its update.
        """
        params, grads = layer.params, layer.grads
        for name, velocity in self.velocity_of(layer).items():
            arrays = params[name].reshape(-1), velocity.reshape(-1), grads[name].reshape(-1)
            number = velocity.dtype.type  # Python floats would make float32 arithmetic float64
            faster = self.beta_lr if name.split(".")[-1] == "beta" else 1
            factors = number(faster * self.lr), number(self.momentum), number(self.weight_decay / faster)
            chunks = parallel.chunks(velocity.size, 3 * velocity.itemsize)
            if not all(parallel.run(partial(_update, arrays, factors), chunks)):
                raise NonFiniteError(f"{name} is not finite after its update")

    def velocity_of(self, layer: Layer) -> Arrays:
        """Return the layer's momentum buffers by name; the first call makes them."""
        if layer not in self.velocity:
            self.velocity[layer] = Arrays({name: np.zeros_like(param) for name, param in layer.params.items()})
        return self.velocity[layer]


def _update(arrays: tuple, factors: tuple, chunk: slice) -> bool:
    weight, velocity, gradient = (array[chunk] for array in arrays)
    return sgd(weight, velocity, gradient, *factors)


def cosine(lr: float, step: int, steps: int) -> float:
    """Return lr/2·(1 + cos(π·step/steps)), which falls from lr at step 0 towards 0.

    >>> [round(cosine(0.1, t, 4), 4) for t in range(4)]
    [0.1, 0.0854, 0.05, 0.0146]
    """
    return lr / 2 * (1 + math.cos(math.pi * step / steps))


def step_decay(lr: float, step: int, steps: int) -> float:
    """Return lr, multiplied by 0.25 after each of 50, 75, 87.5 and 93.75 % of the steps.

    >>> [step_decay(1.0, t, 16) for t in (0, 7, 8, 12, 14, 15)]
    [1.0, 1.0, 0.25, 0.0625, 0.015625, 0.00390625]
    """
    return lr * 0.25 ** sum(step >= share * steps for share in (0.5, 0.75, 0.875, 0.9375))


def triangle(lr: float, step: int, steps: int) -> float:
    """Return the rate in the middle of a step, if it rises from 0 to lr for a quarter of the steps, then falls to 0.

    >>> [round(triangle(0.8, t, 8), 4) for t in range(8)]
    [0.2, 0.6, 0.7333, 0.6, 0.4667, 0.3333, 0.2, 0.0667]
    """
    done = (step + 0.5) / steps
    return lr * min(4 * done, 4 / 3 * (1 - done))


LR_SCHEDULES = {"cosine": cosine, "step": step_decay, "triangle": triangle}


def learning_rate(schedule: str, lr: float, step: int, steps: int) -> float:
    """Return the learning rate of a step (from 0) under a learning-rate schedule, one of `LR_SCHEDULES`.

    Raises `InputError` for an unknown schedule.
    """
    if schedule not in LR_SCHEDULES:
        raise InputError(f"learning-rate schedule {schedule!r} is unknown; choose from {', '.join(LR_SCHEDULES)}")
    return LR_SCHEDULES[schedule](lr, step, steps)
