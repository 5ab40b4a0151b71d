import math

import numpy as np
import pytest

from minilocal.errors import InputError
from minilocal.gradcheck import check_gradient
from minilocal.losses import CrossEntropy, softmax_cross_entropy
from minilocal.networks.auxiliary import a1


def test_worked_by_hand():
    # softmax([0, ln 3]) = [1/4, 3/4], label 1
    loss, dlogits = softmax_cross_entropy(np.array([[0.0, math.log(3)]]), np.array([1]))
    assert math.isclose(loss, -math.log(3 / 4))
    np.testing.assert_allclose(dlogits, [[1 / 4, -1 / 4]])


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


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0]])
def test_labels_out_of_range_are_refused(labels):
    with pytest.raises(InputError, match="3 logits allow 0 to 2"):
        softmax_cross_entropy(np.zeros((2, 3)), np.array(labels))


@pytest.mark.parametrize("labels", [[0.0, 1.0], [True, False]])
def test_labels_that_are_not_integers_are_refused(labels):
    with pytest.raises(InputError, match="integers"):
        softmax_cross_entropy(np.zeros((2, 3)), np.array(labels))


def test_an_empty_batch_is_refused():
    with pytest.raises(InputError, match="at least one"):
        softmax_cross_entropy(np.zeros((0, 3)), np.zeros(0, int))


def test_labels_of_another_length_are_refused():
    with pytest.raises(InputError, match=r"shape \(3,\); 2 rows"):
        softmax_cross_entropy(np.zeros((2, 3)), np.zeros(3, int))


def test_label_smoothing_worked_by_hand():
    # softmax([0, ln 3]) = [1/4, 3/4], label 1; smoothing 0.2 makes the target [0.1, 0.9]
    loss, dlogits = softmax_cross_entropy(np.array([[0.0, math.log(3)]]), np.array([1]), 0.2)
    assert math.isclose(loss, -0.1 * math.log(1 / 4) - 0.9 * math.log(3 / 4))
    np.testing.assert_allclose(dlogits, [[0.15, -0.15]])


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


def test_label_smoothing_agrees_with_central_differences(rng):
    logits, labels = rng.standard_normal((6, 4)), rng.integers(0, 4, 6)
    _, dlogits = softmax_cross_entropy(logits, labels, 0.3)
    check = check_gradient("loss", "logits", lambda: softmax_cross_entropy(logits, labels, 0.3)[0], logits, dlogits, 24)
    assert check.passed(), check.explain()


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


def test_cross_entropys_dx_agrees_with_central_differences(rng):
    loss = CrossEntropy(a1((4, 4, 2), 3, 8, rng=1, dtype=np.float64), smoothing=0.1)
    x, labels = rng.standard_normal((8, 4, 4, 2)), rng.integers(0, 3, 8)
    check = check_gradient("CrossEntropy", "x", lambda: loss(x, labels)[0], x, loss(x, labels)[2])
    assert check.passed(), check.explain()
