"""What to time: an algorithm's steps at each of its shifts, or inference, on one minibatch of random images.

Nothing here imports minilocal's layers or Numba, so PyTorch's processes can use it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minilocal.costs import AlgorithmCosts, algorithm_costs
from minilocal.costs.sizes import layer_sizes
from minilocal.networks.configs import architecture
from minilocal.schedule import Block

IMAGE_SHAPE = (32, 32, 3)
CLASSES = 10
LR = 0.01  # low, so that the loss does not diverge when every step takes the same batch
MOMENTUM, WEIGHT_DECAY, DROPOUT = 0.9, 5e-4, 0.05
TASK: dict[str, Any] = {"image_shape": IMAGE_SHAPE, "classes": CLASSES, "dropout": DROPOUT}
INFERENCE = "inference"


@dataclass(frozen=True)
class StepPlan:
    """A training step at one boundary shift, or inference.

    Attributes:
        shift: the boundary shift.
        blocks: the blocks that the step trains; none in inference.
        macs: multiply-adds per image, counted as im2col products with their padding, whatever is computed.
        own_numbers: how many numbers per image the layers of the largest block need themselves, see `own_numbers`.
    """

    shift: int
    blocks: Sequence[Block]
    macs: float
    own_numbers: int = 0


@dataclass(frozen=True)
class Plan:
    """An algorithm, or inference, with its step at each shift, and what these cost by formula."""

    algo: str
    steps: list[StepPlan]
    costs: AlgorithmCosts

    @property
    def trains(self) -> bool:
        """Return whether this is training, not inference."""
        return self.algo != INFERENCE


def plan_steps(algo: str, model: str, width: float, classifier: str) -> Plan:
    """Return the plan of an algorithm's training steps; raises `InputError` if the network doesn't suit it."""
    costs = algorithm_costs(architecture(model, width), algo, IMAGE_SHAPE, CLASSES, classifier)
    own = own_numbers(model, width)
    steps = [
        StepPlan(step.shift, step.blocks, step.macs.total, max(sum(own[b.first - 1 : b.last]) for b in step.blocks))
        for step in costs.steps
    ]
    return Plan(costs.algo, steps, costs)


def plan_inference(model: str, width: float, classifier: str) -> Plan:
    """Return the plan of inference: every layer's forward pass, and that of A_K."""
    costs = plan_steps("BP", model, width, classifier).costs
    macs = costs.steps[0].macs
    return Plan(INFERENCE, [StepPlan(0, (), macs.forward + macs.classifiers // 3)], costs)  # no gradients of A_K


def own_numbers(model: str, width: float) -> list[int]:
    """Return how many numbers per image each layer needs itself in a step.

    A CBRD layer needs the convolution's input for the weight gradient, BatchNorm's input, which is as large as the
    output, and the output. The same goes for FBRD, and for each convolution in a residual block.
    """
    config = architecture(model, width)
    return [layer.kept for layer in layer_sizes(config.stages, config.fc, IMAGE_SHAPE)]


def random_batch(batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return normal random images (N, 32, 32, 3), float32, and random labels (N,); the same in every process."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((batch_size, *IMAGE_SHAPE), np.float32), rng.integers(0, CLASSES, batch_size)
