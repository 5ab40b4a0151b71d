"""Backward through batch normalisation, whose statistics depend on every value of the batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import minilocal as ml
from minilocal.grade.case import Exercise, case
from minilocal.grade.expect import Trial, WrongError, layer_gradients
from minilocal.grade.student import Student

TRIALS = 3
EPSILON = 1e-5


class BatchNormTrial(Trial):
    """A trial on rows x (M, C), with their statistics."""

    def __init__(self, x: np.ndarray, rng: np.random.Generator) -> None:
        layer = ml.BatchNorm(x.shape[1], np.float64)
        for param in layer.params.values():
            param += 0.5 * rng.standard_normal(param.shape)
        super().__init__(layer, x, rng)
        self.inv_std = 1 / np.sqrt(x.var(axis=0) + EPSILON)
        self.x_hat = (x - x.mean(axis=0)) * self.inv_std


def trials(rng: np.random.Generator) -> Iterator[BatchNormTrial]:
    """Yield trials whose channels all have different means and deviations."""
    for _ in range(TRIALS):
        rows, channels = int(rng.integers(5, 9)), int(rng.integers(2, 5))
        mean, deviation = rng.standard_normal(channels), rng.uniform(0.5, 2, channels)
        yield BatchNormTrial(mean + deviation * rng.standard_normal((rows, channels)), rng)


@case(
    "gradient of beta",
    2,
    ("beta_gradient",),
    "beta is added to all M rows of its channel, so sum over them: axis 0",
)
def check_beta_gradient(student: Student, rng: np.random.Generator) -> None:
    """Check dL/dbeta."""
    for t in trials(rng):
        t.check_gradient("beta", student.call("beta_gradient", t.dy))


@case(
    "gradient of gamma",
    2,
    ("gamma_gradient",),
    "y = gamma·x̂ + beta, so each row adds its own dy·x̂: sum over the rows",
)
def check_gamma_gradient(student: Student, rng: np.random.Generator) -> None:
    """Check dL/dgamma."""
    for t in trials(rng):
        t.check_gradient("gamma", student.call("gamma_gradient", t.dy, t.x_hat))


@case(
    "gradient of the input",
    4,
    ("input_gradient",),
    "there are three terms: dy itself, minus the mean of dy over the rows (because of the mean), minus x̂ times the "
    "mean of dy·x̂ (because of the variance); multiply their sum by gamma·inv_std",
)
def check_input_gradient(student: Student, rng: np.random.Generator) -> None:
    """Check dL/dx, and say which of the three terms is missing."""
    for t in trials(rng):
        dx = student.call("input_gradient", t.dy, t.x_hat, t.params["gamma"], t.inv_std)
        try:
            t.check_gradient("x", dx)
        except WrongError as error:
            raise WrongError(f"{error}{_missing(dx, t)}") from None


def _missing(dx: object, t: BatchNormTrial) -> str:
    """Return a remark if dx is right except that one or two of its terms are missing."""
    mean_dy, mean_dy_x_hat = t.dy.mean(axis=0), (t.dy * t.x_hat).mean(axis=0)
    incomplete = {
        "mean and variance were constants": t.dy,
        "the variance were a constant": t.dy - mean_dy,
        "the mean were a constant": t.dy - t.x_hat * mean_dy_x_hat,
    }
    for mistake, terms in incomplete.items():
        wrong = t.params["gamma"] * t.inv_std * terms
        if isinstance(dx, np.ndarray) and dx.shape == wrong.shape and np.allclose(dx, wrong):
            return f"; it is the gradient as if {mistake}"
    return ""


@case(
    "the layer on maps and vectors",
    2,
    ("beta_gradient", "gamma_gradient", "input_gradient", "BatchNorm"),
    "the class needs no changes; its gradients must be those of its own forward pass",
)
def check_layer_on_maps(student: Student, rng: np.random.Generator) -> None:
    """Check the class on maps and on vectors."""
    for shape in ((3, 4, 2, 5), (7, 3)):
        layer = student.call("BatchNorm", shape[-1])
        for param in layer.params.values():
            param += 0.3 * rng.standard_normal(param.shape)
        layer_gradients("BatchNorm", layer, rng.standard_normal(shape))


EXERCISE = Exercise(
    title="backward through batch normalisation",
    uses=("Layer",),
    cases=(check_beta_gradient, check_gamma_gradient, check_input_gradient, check_layer_on_maps),
)
