"""An auxiliary classifier's training step: softmax cross-entropy, its gradient, and the update."""

from __future__ import annotations

import numpy as np

import minilocal as ml
from minilocal.grade.case import Exercise, case
from minilocal.grade.expect import about, gradient, pair, released, same
from minilocal.grade.student import Student

TRIALS = 3
HUGE = 1000.0  # its exp overflows
STEP = ("softmax", "cross_entropy", "logits_gradient", "classifier_step")  # the functions that a whole step needs


def batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return logits (N, C) and labels (N)."""
    n, classes = int(rng.integers(4, 8)), int(rng.integers(8, 12))
    return 2 * rng.standard_normal((n, classes)), rng.integers(0, classes, n)


@case(
    "softmax",
    2,
    ("softmax",),
    "exp(z) over the sum of its row; subtract the row's largest logit first, which cancels out and keeps exp small",
)
def check_softmax(student: Student, rng: np.random.Generator) -> None:
    """Compare probabilities with exp(z) / Σ exp(z), for small logits and for huge ones."""
    for _ in range(TRIALS):
        logits, _ = batch(rng)
        expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        same("softmax", student.call("softmax", logits), expected)
    huge = logits + HUGE * np.arange(-1, len(logits) - 1)[:, None]  # each row is shifted, which cancels out
    with about(f"for logits near {huge.max():.0f}"):
        same("softmax", student.call("softmax", huge), expected)


@case(
    "cross-entropy",
    1,
    ("softmax", "cross_entropy"),
    "take −log p[n, labels[n]] of each row n, and then the mean over the batch",
)
def check_cross_entropy(student: Student, rng: np.random.Generator) -> None:
    """Compare the loss with the library's."""
    for _ in range(TRIALS):
        logits, labels = batch(rng)
        expected, _ = ml.softmax_cross_entropy(logits, labels)
        same("the loss", student.call("cross_entropy", logits, labels), expected)


@case(
    "gradient of the logits",
    2,
    ("softmax", "logits_gradient"),
    "the predicted probabilities minus the true ones, softmax − onehot, over N, because the loss is a mean",
)
def check_logits_gradient(student: Student, rng: np.random.Generator) -> None:
    """Check dL/dlogits."""
    for _ in range(TRIALS):
        logits, labels = batch(rng)
        received = student.call("logits_gradient", logits, labels)
        _, expected = ml.softmax_cross_entropy(logits, labels)

        def loss(logits: np.ndarray = logits, labels: np.ndarray = labels) -> float:
            return ml.softmax_cross_entropy(logits, labels)[0]

        gradient("dlogits", received, expected, loss, logits)


def task(rng: np.random.Generator) -> tuple[ml.Sequential, ml.Sequential, np.ndarray, np.ndarray]:
    """Return two equal classifiers, features (N, H, W, C) and labels."""
    seed = int(rng.integers(1000))
    own, library = (ml.a1((4, 4, 3), 5, 12, seed, np.float64) for _ in range(2))
    return own, library, rng.standard_normal((8, 4, 4, 3)), rng.integers(0, 5, 8)


def library_step(classifier: ml.Sequential, features: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the loss and dL/dfeatures, and leave the gradients in the classifier."""
    loss, dlogits = ml.softmax_cross_entropy(classifier.forward(features, training=True), labels)
    return loss, classifier.backward(dlogits)


@case(
    "the step's loss and dfeatures",
    3,
    STEP,
    "call forward(features, training=True), compute the loss, then call backward(dlogits), which returns dfeatures",
)
def check_step_returns(student: Student, rng: np.random.Generator) -> None:
    """Check the loss and dL/dfeatures of a step."""
    own, library, features, labels = task(rng)
    expected_loss, expected = library_step(library, features, labels)
    result = student.call("classifier_step", own, features, labels, ml.SGD())
    loss, dfeatures = pair("classifier_step", result, "the loss and dfeatures")
    same("the loss", loss, expected_loss)
    gradient("dfeatures", dfeatures, expected, lambda: library_step(library, features, labels)[0], features)


@case(
    "the classifier learns",
    2,
    STEP,
    "call optimizer.update(classifier) once per step, after backward has set the gradients, and release() at the end",
)
def check_step_learns(student: Student, rng: np.random.Generator) -> None:
    """Compare the classifier after two steps with the library's, and check that it keeps nothing."""
    own, library, features, labels = task(rng)
    ours, theirs = ml.SGD(lr=0.5), ml.SGD(lr=0.5)
    for step in (1, 2):
        student.call("classifier_step", own, features, labels, ours)
        library_step(library, features, labels)
        theirs.update(library)
        for name, param in library.params.items():
            with about(f"the classifier after step {step}"):
                same(name, own.params[name], param)
    released("the classifier", own)


EXERCISE = Exercise(
    title="an auxiliary classifier's step",
    uses=(),
    cases=(check_softmax, check_cross_entropy, check_logits_gradient, check_step_returns, check_step_learns),
)
