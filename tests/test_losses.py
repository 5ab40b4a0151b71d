import math

import numpy as np
import pytest

from minilocal.errors import InputError
from minilocal.losses import softmax_cross_entropy


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
def test_labels_that_are_no_integers_are_refused(labels):
    with pytest.raises(InputError, match="integers"):
        softmax_cross_entropy(np.zeros((2, 3)), np.array(labels))


def test_an_empty_batch_is_refused():
    with pytest.raises(InputError, match="at least one"):
        softmax_cross_entropy(np.zeros((0, 3)), np.zeros(0, int))


def test_labels_of_another_length_are_refused():
    with pytest.raises(InputError, match=r"shape \(3,\); 2 rows"):
        softmax_cross_entropy(np.zeros((2, 3)), np.zeros(3, int))
