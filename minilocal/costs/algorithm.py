"""What an algorithm costs on a network: a step at each boundary shift, the means over the shifts, and comparisons.

Source: tutorials/reference.md, "Cost model".
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import reduce
from operator import add

from minilocal.costs.sizes import classifier_sizes, layer_sizes
from minilocal.costs.step import Costs, StepCosts, step_costs
from minilocal.errors import InputError
from minilocal.networks.configs import Architecture, check_local_loss, check_task, fitting
from minilocal.schedule import Schedule, parse


@dataclass(frozen=True)
class AlgorithmCosts:
    """What an algorithm costs.

    Attributes:
        algo: its name, with the options that differ from the paper.
        steps: a step at each shift, in the order of the schedule.
        layer_weights: weights of all layers.
        classifier_weights: weights of all classifiers that the algorithm ever uses.
    """

    algo: str
    steps: tuple[StepCosts, ...]
    layer_weights: int
    classifier_weights: int

    @property
    def mean(self) -> Costs:
        """The mean of its steps' costs."""
        sums = {field.name: reduce(add, (getattr(step, field.name) for step in self.steps)) for field in fields(Costs)}
        return Costs(**{name: total / len(self.steps) for name, total in sums.items()})

    @property
    def macs(self) -> float:
        """All multiply-adds of a step per image, on average."""
        return self.mean.macs.total

    @property
    def off_chip(self) -> float:
        """Off-chip accesses of a step on average, words per minibatch."""
        return self.mean.off_chip

    @property
    def weights(self) -> int:
        """The weights of all layers and classifiers."""
        return self.layer_weights + self.classifier_weights


def algorithm_costs(
    architecture: Architecture,
    algo: str | Schedule,
    image_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    classifier: str = "a1",
    batch_size: int = 128,
    local_loss: str = "ce",
) -> AlgorithmCosts:
    """Return what an algorithm costs on a network.

    Raises `InputError` if a value is out of range, a block is larger than the network, or the images do not fit it.
    """
    check_task(image_shape, classes)
    if batch_size < 1:
        raise InputError(f"batch size is {batch_size}; it must be at least 1")
    schedule = parse(algo) if isinstance(algo, str) else algo
    check_local_loss(local_loss, schedule)
    with fitting(image_shape):
        layers = layer_sizes(architecture.stages, architecture.fc, image_shape)
        ends = schedule.classifiers(len(layers))
        classifiers = classifier_sizes(layers, ends, classes, classifier, architecture.features, local_loss)
    return AlgorithmCosts(
        schedule.title,
        tuple(step_costs(layers, classifiers, schedule, epoch, batch_size) for epoch in range(schedule.period)),
        sum(layer.weights for layer in layers),
        sum(size.weights for size in classifiers.values()),
    )


def reduction(ours: float, backprop: float) -> float:
    """Return the share by which a cost is lower than BP's.

    >>> reduction(85, 100)
    0.15
    """
    return (backprop - ours) / backprop


def pipeline_bound(algorithm: AlgorithmCosts, on_one_worker: AlgorithmCosts) -> float:
    """Return how many times faster a pipeline with one block per worker can be than an algorithm on one worker.

    This is the MACs of the latter (BP, say) divided by those of the costliest block, both as means over the shifts. It
    is an upper bound: it assumes that all workers compute equally fast and that passing features on takes no time.
    """
    return on_one_worker.macs / algorithm.mean.costliest
