"""What an algorithm costs on a network: a step at each shift that its schedule visits, the means, and comparisons.

Source: tutorials/reference.md, "Cost model".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from minilocal.costs.sizes import classifier_sizes, layer_sizes
from minilocal.costs.step import Macs, StepCosts, step_costs
from minilocal.errors import InputError
from minilocal.networks.configs import Architecture, check_task, fitting
from minilocal.schedule import Schedule, parse


@dataclass(frozen=True)
class AlgorithmCosts:
    """An algorithm's costs: a step at each shift that its schedule visits, and means over them.

    Attributes:
        algo: its name, with what is not as in the paper.
        steps: a step at each shift, in the order of the schedule.
        layer_weights: weights of all layers.
        classifier_weights: weights of all classifiers that the algorithm ever uses.
    """

    algo: str
    steps: tuple[StepCosts, ...]
    layer_weights: int
    classifier_weights: int

    @property
    def mean_macs(self) -> Macs:
        """Return the MACs per image, by what they are for."""
        sums, count = sum((step.macs for step in self.steps), Macs()), len(self.steps)
        return Macs(*(n / count for n in (sums.forward, sums.weight_gradient, sums.input_gradient, sums.classifiers)))

    @property
    def macs(self) -> float:
        """Return the MACs per image."""
        return self.mean_macs.total

    @property
    def costliest(self) -> float:
        """Return the MACs per image of the costliest block."""
        return _mean(step.costliest for step in self.steps)

    @property
    def trained(self) -> float:
        """Return the weights of layers that a step trains."""
        return _mean(step.trained for step in self.steps)

    @property
    def frozen(self) -> float:
        """Return the weights of layers that a step only runs forward."""
        return _mean(step.frozen for step in self.steps)

    @property
    def classifiers(self) -> float:
        """Return the weights of classifiers that a step trains."""
        return _mean(step.classifiers for step in self.steps)

    @property
    def stored(self) -> float:
        """Return the activations kept for backward, in numbers per image."""
        return _mean(step.stored for step in self.steps)

    @property
    def off_chip(self) -> float:
        """Return the off-chip accesses, in words per minibatch."""
        return _mean(step.off_chip for step in self.steps)

    @property
    def weights(self) -> int:
        """Return the weights of all layers and classifiers."""
        return self.layer_weights + self.classifier_weights


def algorithm_costs(
    architecture: Architecture,
    algo: str | Schedule,
    image_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    classifier: str = "a1",
    batch_size: int = 128,
) -> AlgorithmCosts:
    """Return what an algorithm costs on a network.

    Raises `InputError` if something is out of range, the network has fewer layers than a block, or does not fit the
    images.
    """
    check_task(image_shape, classes)
    if batch_size < 1:
        raise InputError(f"batch size is {batch_size}; it must be at least 1")
    schedule = parse(algo) if isinstance(algo, str) else algo
    with fitting(image_shape):
        layers = layer_sizes(architecture.stages, architecture.fc, image_shape)
        ends = schedule.classifiers(len(layers))
        classifiers = classifier_sizes(layers, ends, classes, classifier, architecture.features)
    return AlgorithmCosts(
        schedule.title,
        tuple(step_costs(layers, classifiers, schedule, turn, batch_size) for turn in range(schedule.period)),
        sum(layer.weights for layer in layers),
        sum(size.weights for size in classifiers.values()),
    )


def reduction(ours: float, backprop: float) -> float:
    """Return by which share one cost is lower than BP's.

    >>> reduction(85, 100)
    0.15
    """
    return (backprop - ours) / backprop


def pipeline_bound(algorithm: AlgorithmCosts, on_one_worker: AlgorithmCosts) -> float:
    """Return how many times faster a pipeline with one block per worker can be than an algorithm on one worker.

    The MACs of the latter, BP's say, over those of the costliest block, both as means over the shifts. It is a bound:
    workers are taken to compute equally fast and to pass features on for nothing.
    """
    return on_one_worker.macs / algorithm.costliest


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)
