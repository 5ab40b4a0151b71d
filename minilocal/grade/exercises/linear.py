"""A linear layer: y = x·weight + bias and its three gradients."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import minilocal as ml
from minilocal.grade.case import Exercise, case
from minilocal.grade.expect import Trial, layer_gradients, same
from minilocal.grade.student import Student

TRIALS = 3


def trials(rng: np.random.Generator) -> Iterator[Trial]:
    """Yield trials whose sizes all differ, so that a transpose in the wrong place gives the wrong shape."""
    for _ in range(TRIALS):
        n, d_in, d_out = (int(size) for size in rng.permutation(np.arange(2, 9))[:3])
        layer = ml.Linear(d_in, d_out, rng=rng, dtype=np.float64)
        layer.params["bias"][...] = rng.standard_normal(d_out)
        yield Trial(layer, rng.standard_normal((n, d_in)), rng)


@case(
    "forward pass",
    2,
    ("forward",),
    "y = x·weight + bias needs one matrix product (@); NumPy adds the bias to every row for you",
)
def check_forward(student: Student, rng: np.random.Generator) -> None:
    """Compare y with the library's."""
    for t in trials(rng):
        same("y", student.call("forward", t.x, t.params["weight"], t.params["bias"]), t.y)


@case(
    "gradient of the weight",
    2,
    ("weight_gradient",),
    "dweight has weight's shape (in, out), x is (N, in) and dy is (N, out): only one product of x and dy fits, and it "
    "sums over the batch",
)
def check_weight_gradient(student: Student, rng: np.random.Generator) -> None:
    """Check dL/dweight."""
    for t in trials(rng):
        t.check_gradient("weight", student.call("weight_gradient", t.x, t.dy))


@case(
    "gradient of the bias",
    2,
    ("bias_gradient",),
    "the bias is added to every row of y, so every row of dy adds to its gradient: sum over the batch, not mean",
)
def check_bias_gradient(student: Student, rng: np.random.Generator) -> None:
    """Check dL/dbias."""
    for t in trials(rng):
        t.check_gradient("bias", student.call("bias_gradient", t.dy))


@case(
    "gradient of the input",
    2,
    ("input_gradient",),
    "dx has x's shape (N, in), and dy is (N, out): transpose the weight",
)
def check_input_gradient(student: Student, rng: np.random.Generator) -> None:
    """Check dL/dx."""
    for t in trials(rng):
        t.check_gradient("x", student.call("input_gradient", t.dy, t.params["weight"]))


@case(
    "the layer in a training step",
    2,
    ("forward", "weight_gradient", "bias_gradient", "input_gradient", "Linear"),
    "the class needs no changes; its gradients must be those of its own forward pass",
)
def check_layer_in_a_network(student: Student, rng: np.random.Generator) -> None:
    """Check the class by central differences, then compare it with the library's after a training step."""
    layer_gradients("Linear", student.call("Linear", 4, 3), rng.standard_normal((5, 4)))
    x, labels = rng.standard_normal((6, 5)), rng.integers(0, 3, 6)
    own, library = student.call("Linear", 5, 4), ml.Linear(5, 4, dtype=np.float64, rng=0)
    for layer in (own, library):
        layer.params["weight"][...] = np.random.default_rng(1).standard_normal((5, 4))
        classifier = ml.Linear(4, 3, dtype=np.float64, rng=0)
        ml.local_step(ml.Network([layer], {1: classifier}, (5,)), [ml.Block(1, 1)], x, labels, ml.SGD(lr=0.5))
    for name in ("weight", "bias"):
        same(f"the {name} after a training step", own.params[name], library.params[name])


EXERCISE = Exercise(
    title="a linear layer",
    uses=("Layer",),
    cases=(
        check_forward,
        check_weight_gradient,
        check_bias_gradient,
        check_input_gradient,
        check_layer_in_a_network,
    ),
)
