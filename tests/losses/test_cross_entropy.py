import math

import numpy as np
import pytest

from minilocal.errors import InputError
from minilocal.losses import CrossEntropy, softmax_cross_entropy
from minilocal.networks.auxiliary import a1


@pytest.mark.parametrize(("smoothing", "target"), [(0.0, [0, 1]), (0.2, [0.1, 0.9])])
def test_worked_by_hand(smoothing, target):
    # softmax([0, ln 3]) = [1/4, 3/4], label 1
    loss, dlogits = softmax_cross_entropy(np.array([[0.0, math.log(3)]]), np.array([1]), smoothing)
    assert math.isclose(loss, -target[0] * math.log(1 / 4) - target[1] * math.log(3 / 4))
    np.testing.assert_allclose(dlogits, [[1 / 4 - target[0], 3 / 4 - target[1]]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("classes", [2, 10, 100])
def test_equal_logits_give_ln_classes(dtype, classes):
    loss, dlogits = softmax_cross_entropy(np.zeros((5, classes), dtype), np.arange(5) % classes)
    assert math.isclose(loss, math.log(classes), rel_tol=1e-6)
    assert dlogits.dtype == dtype
    np.testing.assert_allclose(dlogits.sum(axis=1), 0, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_logits_neither_overflow_nor_vanish(dtype):
    logits = np.array([[1e4, -1e4], [1e4, -1e4]], dtype)
    loss, dlogits = softmax_cross_entropy(logits, np.array([0, 1]))
    assert loss == 1e4  # the mean of 0 and 20000
    np.testing.assert_array_equal(dlogits, [[0, 0], [0.5, -0.5]])


def test_nan_is_not_hidden():
    assert math.isnan(softmax_cross_entropy(np.array([[0.0, np.nan]]), np.array([0]))[0])


@pytest.mark.parametrize(
    ("rows", "labels", "says"),
    [
        (2, [0, 3], "3 logits allow 0 to 2"),
        (2, [-1, 0], "3 logits allow 0 to 2"),
        (2, [0.0, 1.0], "integers"),
        (2, [True, False], "integers"),
        (2, [0, 0, 0], r"shape \(3,\); 2 rows"),
        (0, np.zeros(0, int), "at least one"),
    ],
)
def test_bad_labels_are_refused(rows, labels, says):
    with pytest.raises(InputError, match=says):
        softmax_cross_entropy(np.zeros((rows, 3)), np.array(labels))


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-12)])
def test_label_smoothing_is_cross_entropy_with_the_smoothed_target(rng, dtype, tolerance):
    logits, labels = rng.standard_normal((7, 5)).astype(dtype), rng.integers(0, 5, 7)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for smoothing in (0.0, 0.1, 0.9):
        t = (1 - smoothing) * np.eye(5)[labels] + smoothing / 5
        loss, dlogits = softmax_cross_entropy(logits, labels, smoothing)
        assert math.isclose(loss, -np.sum(t * np.log(p)) / 7, rel_tol=10 * tolerance)
        assert dlogits.dtype == dtype
        np.testing.assert_allclose(dlogits, (p - t) / 7, atol=tolerance)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_trains_its_classifier_and_returns_value_correct_and_dx(rng, smoothing):
    classifier = a1((6,), 3, 32, rng=1, dtype=np.float64)
    loss = CrossEntropy(classifier, smoothing)
    assert loss.layers == {"aux": classifier}
    x, labels = rng.standard_normal((8, 6)), rng.integers(0, 3, 8)
    logits = classifier.forward(x, training=True)
    expected, dlogits = softmax_cross_entropy(logits, labels, smoothing)
    expected_dx = classifier.backward(dlogits)
    gradients = {name: gradient.copy() for name, gradient in classifier.grads.items()}

    for need_dx in (True, False):
        for gradient in classifier.grads.values():
            gradient[...] = np.nan
        value, correct, dx = loss(x, labels, need_dx)
        assert value == expected
        assert correct == np.sum(logits.argmax(axis=1) == labels)
        assert isinstance(correct, int)
        if need_dx:
            np.testing.assert_array_equal(dx, expected_dx)
        else:
            assert dx is None
        for name, gradient in classifier.grads.items():
            np.testing.assert_array_equal(gradient, gradients[name], err_msg=name)
