"""A linear layer: y = x·weight + bias and its three gradients."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minilocal import layers
from minilocal.gradcheck import check_layer
from minilocal.grade.case import Case, Exercise, WrongError
from minilocal.grade.expect import gradient, same
from minilocal.grade.student import Student
from minilocal.networks.network import Network
from minilocal.optim import SGD
from minilocal.schedule import Block
from minilocal.steps import local_step

TRIALS = 3


class Trial(NamedTuple):
    """Random arrays, and the library's layer that has seen them."""

    x: np.ndarray
    dy: np.ndarray
    library: layers.Linear
    dx: np.ndarray

    @property
    def weight(self) -> np.ndarray:
        """Return the weight (in, out)."""
        return self.library.params["weight"]

    @property
    def bias(self) -> np.ndarray:
        """Return the bias (out)."""
        return self.library.params["bias"]

    def loss(self) -> float:
        """Return Σ dy·y, whose gradient by y is dy."""
        return float(np.sum(self.dy * self.library.forward(self.x)))


def trial(rng: np.random.Generator) -> Trial:
    """Return arrays whose sizes all differ, so that a transpose in the wrong place has the wrong shape."""
    n, d_in, d_out = (int(size) for size in rng.permutation(np.arange(2, 9))[:3])
    library = layers.Linear(d_in, d_out, rng=rng, dtype=np.float64)
    library.params["bias"][...] = rng.standard_normal(d_out)
    x, dy = rng.standard_normal((n, d_in)), rng.standard_normal((n, d_out))
    library.forward(x, training=True)
    return Trial(x, dy, library, library.backward(dy))


def check_forward(student: Student, rng: np.random.Generator) -> None:
    """Compare y with the library's."""
    for t in (trial(rng) for _ in range(TRIALS)):
        same("y", student.call("forward", t.x, t.weight, t.bias), t.library.forward(t.x))


def check_weight_gradient(student: Student, rng: np.random.Generator) -> None:
    """Check dL/dweight."""
    for t in (trial(rng) for _ in range(TRIALS)):
        dweight = student.call("weight_gradient", t.x, t.dy)
        gradient("dweight", dweight, t.library.grads["weight"], t.loss, t.weight)


def check_bias_gradient(student: Student, rng: np.random.Generator) -> None:
    """Check dL/dbias."""
    for t in (trial(rng) for _ in range(TRIALS)):
        gradient("dbias", student.call("bias_gradient", t.dy), t.library.grads["bias"], t.loss, t.bias)


def check_input_gradient(student: Student, rng: np.random.Generator) -> None:
    """Check dL/dx."""
    for t in (trial(rng) for _ in range(TRIALS)):
        gradient("dx", student.call("input_gradient", t.dy, t.weight), t.dx, t.loss, t.x)


def check_layer_in_a_network(student: Student, rng: np.random.Generator) -> None:
    """Check the class by central differences, then train it by a local step beside the library's."""
    for check in check_layer("Linear", student.call("Linear", 4, 3), rng.standard_normal((5, 4))):
        if not check.passed():
            raise WrongError(check.explain())
    x, labels = rng.standard_normal((6, 5)), rng.integers(0, 3, 6)
    trained = []
    for kind in (layers.Linear(5, 4, dtype=np.float64), student.call("Linear", 5, 4)):
        kind.params["weight"][...] = np.random.default_rng(1).standard_normal((5, 4))
        classifier = layers.Linear(4, 3, dtype=np.float64)
        local_step(Network([kind], {1: classifier}, (5,)), [Block(1, 1)], x, labels, SGD(lr=0.5))
        trained.append(kind.params)
    library, own = trained
    same("the weight after a training step", own["weight"], library["weight"])
    same("the bias after a training step", own["bias"], library["bias"])


EXERCISE = Exercise(
    title="a linear layer",
    uses=("Layer",),
    cases=(
        Case(
            "forward pass",
            2,
            ("forward",),
            "y = x·weight + bias is one matrix product (@); NumPy adds the bias to every row by itself",
            check_forward,
        ),
        Case(
            "gradient of the weight",
            2,
            ("weight_gradient",),
            "dweight has weight's shape (in, out), and x is (N, in), dy (N, out): only one product fits; it sums over "
            "the batch",
            check_weight_gradient,
        ),
        Case(
            "gradient of the bias",
            2,
            ("bias_gradient",),
            "every row of y has the same bias, so each row of dy adds to its gradient: a sum over the batch, no mean",
            check_bias_gradient,
        ),
        Case(
            "gradient of the input",
            2,
            ("input_gradient",),
            "dx has x's shape (N, in), and dy is (N, out): turn the weight round",
            check_input_gradient,
        ),
        Case(
            "the layer in a training step",
            2,
            ("forward", "weight_gradient", "bias_gradient", "input_gradient", "Linear"),
            "the class is whole as it was given; its gradients must be those of its own forward pass",
            check_layer_in_a_network,
        ),
    ),
)
