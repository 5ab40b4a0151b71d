"""An auxiliary classifier's step: softmax cross-entropy, and learning from it."""

from __future__ import annotations

import numpy as np

from minilocal import losses
from minilocal.grade.case import Case, Exercise, WrongError
from minilocal.grade.expect import about, array, gradient, number, pair, same
from minilocal.grade.student import Student
from minilocal.layers import Sequential
from minilocal.networks.auxiliary import a1
from minilocal.optim import SGD

TRIALS = 3
HUGE = 1000.0  # exp of it overflows


def batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return logits (N, C) and labels (N)."""
    n, classes = int(rng.integers(4, 8)), int(rng.integers(8, 12))
    return 2 * rng.standard_normal((n, classes)), rng.integers(0, classes, n)


def check_softmax(student: Student, rng: np.random.Generator) -> None:
    """Compare probabilities with exp(z) / Σ exp(z), of small logits and of huge ones."""
    for _ in range(TRIALS):
        logits, _ = batch(rng)
        expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        same("softmax", student.call("softmax", logits), expected)
    huge = logits + HUGE * np.arange(-1, len(logits) - 1)[:, None]  # rows shifted; that cancels
    try:
        same("softmax", student.call("softmax", huge), expected)
    except WrongError as error:
        raise WrongError(f"with logits near {huge.max():.0f}, {error}") from None


def check_cross_entropy(student: Student, rng: np.random.Generator) -> None:
    """Compare the loss with the library's."""
    for _ in range(TRIALS):
        logits, labels = batch(rng)
        expected = losses.softmax_cross_entropy(logits, labels)[0]
        same("the loss", student.call("cross_entropy", logits, labels), expected)


def check_logits_gradient(student: Student, rng: np.random.Generator) -> None:
    """Check dL/dlogits."""
    for _ in range(TRIALS):
        logits, labels = batch(rng)
        received = student.call("logits_gradient", logits, labels)
        expected = losses.softmax_cross_entropy(logits, labels)[1]

        def loss(logits: np.ndarray = logits, labels: np.ndarray = labels) -> float:
            return losses.softmax_cross_entropy(logits, labels)[0]

        gradient("dlogits", received, expected, loss, logits)


def task(rng: np.random.Generator) -> tuple[Sequential, Sequential, np.ndarray, np.ndarray]:
    """Return two equal classifiers, features (N, H, W, C) and labels."""
    seed = int(rng.integers(1000))
    one, other = (a1((4, 4, 3), 5, 12, seed, np.float64) for _ in range(2))
    return one, other, rng.standard_normal((8, 4, 4, 3)), rng.integers(0, 5, 8)


def library_step(classifier: Sequential, features: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Return what the student's step should return, and leave the gradients in the classifier."""
    loss, dlogits = losses.softmax_cross_entropy(classifier.forward(features, training=True), labels)
    return loss, classifier.backward(dlogits)


def check_step_returns(student: Student, rng: np.random.Generator) -> None:
    """Check the loss and dL/dfeatures of a step."""
    own, library, features, labels = task(rng)
    loss, dfeatures = library_step(library, features, labels)
    result = student.call("classifier_step", own, features, labels, SGD())
    received, dreceived = pair("classifier_step", result, "the loss and dfeatures")
    number("the loss", received)
    same("the loss", received, loss)
    array("dfeatures", dreceived, features.shape)
    gradient("dfeatures", dreceived, dfeatures, lambda: library_step(library, features, labels)[0], features)


def check_step_learns(student: Student, rng: np.random.Generator) -> None:
    """Compare the classifier after two steps with the library's, and see that it keeps nothing."""
    own, library, features, labels = task(rng)
    ours, theirs = SGD(lr=0.5), SGD(lr=0.5)
    for step in (1, 2):
        student.call("classifier_step", own, features, labels, ours)
        library_step(library, features, labels)
        theirs.update(library)
        for name, param in library.params.items():
            with about(f"the classifier after step {step}"):
                same(name, own.params[name], param)
    kept = [name for layer in own.layers.values() for name in layer.kept if getattr(layer, name) is not None]
    if kept:
        raise WrongError(f"after the step the classifier still keeps {', '.join(kept)}; release() forgets it")


EXERCISE = Exercise(
    title="an auxiliary classifier's step",
    uses=(),
    cases=(
        Case(
            "softmax",
            2,
            ("softmax",),
            "exp(z) over its row's sum; subtract the row's largest logit first, which cancels and keeps exp small",
            check_softmax,
        ),
        Case(
            "cross-entropy",
            1,
            ("softmax", "cross_entropy"),
            "take p[n, labels[n]] of each row n, minus its logarithm, and then the mean over the batch",
            check_cross_entropy,
        ),
        Case(
            "gradient of the logits",
            2,
            ("softmax", "logits_gradient"),
            "what the classifier believes minus what is true, softmax − onehot, over N, because the loss is a mean",
            check_logits_gradient,
        ),
        Case(
            "the step's loss and dfeatures",
            3,
            ("softmax", "cross_entropy", "logits_gradient", "classifier_step"),
            "forward(features, training=True), the loss, and then backward(dlogits), which returns dfeatures",
            check_step_returns,
        ),
        Case(
            "the classifier learns",
            2,
            ("softmax", "cross_entropy", "logits_gradient", "classifier_step"),
            "optimizer.update(classifier) once per step, after backward has left the gradients, and then release",
            check_step_learns,
        ),
    ),
)
