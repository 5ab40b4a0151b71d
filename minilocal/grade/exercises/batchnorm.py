"""Backward through batch normalisation, whose statistics depend on every value of the batch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minilocal import layers
from minilocal.gradcheck import check_layer
from minilocal.grade.case import Case, Exercise, WrongError
from minilocal.grade.expect import gradient
from minilocal.grade.student import Student

TRIALS = 3


class Trial(NamedTuple):
    """Random rows, and the library's layer that has seen them."""

    x: np.ndarray
    dy: np.ndarray
    library: layers.BatchNorm
    dx: np.ndarray

    @property
    def inv_std(self) -> np.ndarray:
        """Return 1/√(variance + ε), (C)."""
        return self.library.recall("inv_std")

    @property
    def x_hat(self) -> np.ndarray:
        """Return the normalised rows (M, C)."""
        return (self.x - self.library.recall("mean")) * self.inv_std

    @property
    def params(self) -> dict[str, np.ndarray]:
        """Return gamma and beta."""
        return self.library.params

    def loss(self) -> float:
        """Return Σ dy·y, whose gradient by y is dy."""
        return float(np.sum(self.dy * self.library.forward(self.x, training=True)))


def trial(rng: np.random.Generator) -> Trial:
    """Return rows whose channels have means and deviations of their own."""
    rows, channels = int(rng.integers(5, 9)), int(rng.integers(2, 5))
    library = layers.BatchNorm(channels, np.float64)
    for param in library.params.values():
        param += 0.5 * rng.standard_normal(channels)
    x = rng.standard_normal(channels) + rng.uniform(0.5, 2, channels) * rng.standard_normal((rows, channels))
    dy = rng.standard_normal(x.shape)
    library.forward(x, training=True)
    return Trial(x, dy, library, library.backward(dy))


def check_beta_gradient(student: Student, rng: np.random.Generator) -> None:
    """Check dL/dbeta."""
    for t in (trial(rng) for _ in range(TRIALS)):
        dbeta = student.call("beta_gradient", t.dy)
        gradient("dbeta", dbeta, t.library.grads["beta"], t.loss, t.params["beta"])


def check_gamma_gradient(student: Student, rng: np.random.Generator) -> None:
    """Check dL/dgamma."""
    for t in (trial(rng) for _ in range(TRIALS)):
        dgamma = student.call("gamma_gradient", t.dy, t.x_hat)
        gradient("dgamma", dgamma, t.library.grads["gamma"], t.loss, t.params["gamma"])


def check_input_gradient(student: Student, rng: np.random.Generator) -> None:
    """Check dL/dx, and say which of the three terms is missing."""
    for t in (trial(rng) for _ in range(TRIALS)):
        gamma, inv_std = t.params["gamma"], t.inv_std
        dx = student.call("input_gradient", t.dy, t.x_hat, gamma, inv_std)
        try:
            gradient("dx", dx, t.dx, t.loss, t.x)
        except WrongError as error:
            raise WrongError(f"{error}{_missing(dx, t)}") from None


def _missing(dx: object, t: Trial) -> str:
    """Return a remark if dx is what it is without one of its terms, or two."""
    scale = t.params["gamma"] * t.inv_std
    mean_dy, mean_dy_x_hat = t.dy.mean(axis=0), (t.dy * t.x_hat).mean(axis=0)
    partial = {
        "as if mean and variance were constants": t.dy,
        "as if the variance were a constant": t.dy - mean_dy,
        "as if the mean were a constant": t.dy - t.x_hat * mean_dy_x_hat,
    }
    for says, without in partial.items():
        if isinstance(dx, np.ndarray) and dx.shape == t.x.shape and np.allclose(dx, scale * without):
            return f"; it is {says}"
    return ""


def check_layer_on_maps(student: Student, rng: np.random.Generator) -> None:
    """Check the class on maps and on vectors."""
    for shape in ((3, 4, 2, 5), (7, 3)):
        layer = student.call("BatchNorm", shape[-1])
        for param in layer.params.values():
            param += 0.3 * rng.standard_normal(param.shape)
        for check in check_layer("BatchNorm", layer, rng.standard_normal(shape)):
            if not check.passed():
                raise WrongError(check.explain())


EXERCISE = Exercise(
    title="backward through batch normalisation",
    uses=("Layer",),
    cases=(
        Case(
            "gradient of beta",
            2,
            ("beta_gradient",),
            "beta is added to all M rows of its channel: sum over them, axis 0",
            check_beta_gradient,
        ),
        Case(
            "gradient of gamma",
            2,
            ("gamma_gradient",),
            "y = gamma·x̂ + beta, so each row gives dy·x̂ of its own; sum over the rows",
            check_gamma_gradient,
        ),
        Case(
            "gradient of the input",
            4,
            ("input_gradient",),
            "three terms: dy itself, what the mean takes back (the mean of dy over the rows), and what the variance "
            "takes back (x̂ times the mean of dy·x̂); all of it times gamma·inv_std",
            check_input_gradient,
        ),
        Case(
            "the layer on maps and vectors",
            2,
            ("beta_gradient", "gamma_gradient", "input_gradient", "BatchNorm"),
            "the class is whole as it was given; its gradients must be those of its own forward pass",
            check_layer_on_maps,
        ),
    ),
)
