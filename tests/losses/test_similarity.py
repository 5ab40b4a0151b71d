import math

import numpy as np
import pytest

from minilocal.errors import InputError
from minilocal.gradcheck import check_gradient
from minilocal.losses import CrossEntropy, PredSim, SimilarityMatching, similarity_matching
from minilocal.networks.auxiliary import a1, similarity_branch


def test_worked_by_hand():
    # Less their means, the rows are (1, 0, −1), (1, −2, 1) and (−2, 0, 2): cosines 0, −1 and 0.
    h = np.array([[2.0, 1, 0], [1, -2, 1], [0, 2, 4]])
    loss, _ = similarity_matching(h, np.array([0, 0, 1]), classes=3)
    assert loss == pytest.approx((2 * 1 + 2 * (1 / 2) ** 2 + 2 * (1 / 2) ** 2) / 9)  # targets 1, −1/2 and −1/2


@pytest.mark.parametrize("labels", [[0, 0, 1, 2, 1, 3], [2] * 6], ids=["several classes", "one class"])
def test_it_is_the_square_of_the_difference_from_the_labels_own_similarity(rng, labels):
    h, labels = rng.standard_normal((6, 5)), np.array(labels)

    def similarity(rows):
        return np.corrcoef(rows)  # cosines of rows less their means

    loss, dh = similarity_matching(h, labels, classes=4)
    assert loss == pytest.approx(np.mean((similarity(h) - similarity(np.eye(4)[labels])) ** 2), rel=1e-12)
    smoothed = similarity(0.9 * np.eye(4)[labels] + 0.1 / 4)
    np.testing.assert_allclose(smoothed, similarity(np.eye(4)[labels]), atol=1e-12)
    assert check_gradient("sim", "h", lambda: similarity_matching(h, labels, 4)[0], h, dh, entries=30).passed()


def test_scale_and_shift_of_a_row_change_nothing(rng):
    h, labels = rng.standard_normal((6, 5)), np.array([0, 1, 0, 2, 1, 2])
    loss, dh = similarity_matching(h, labels, 3)
    moved, dmoved = similarity_matching(7 * h + 3, labels, 3)
    assert moved == pytest.approx(loss)
    np.testing.assert_allclose(dmoved, dh / 7, atol=1e-15)
    np.testing.assert_allclose([(h * dh).sum(axis=1), dh.sum(axis=1)], 0, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_without_direction_has_similarity_and_gradient_zero(rng, dtype):
    h = rng.standard_normal((4, 5)).astype(dtype)
    h[1], h[2] = 0, 2
    loss, dh = similarity_matching(h, np.array([0, 1, 1, 1]), 2)
    assert dh.dtype == dtype
    assert math.isfinite(loss)
    assert not dh[1:3].any()
    assert dh[[0, 3]].any(axis=1).all()


def test_nan_is_not_hidden():
    h = np.eye(3)
    h[0, 0] = np.nan
    assert math.isnan(similarity_matching(h, np.array([0, 1, 2]), 3)[0])


@pytest.mark.parametrize("labels", [[0, 3], [0.0, 1.0], [0, 1, 2]])
def test_bad_labels_are_refused(labels):
    with pytest.raises(InputError, match="labels"):
        similarity_matching(np.ones((2, 4)), np.array(labels), 3)


@pytest.mark.parametrize("shape", [(2,), (4, 4, 2), (1, 1, 1)])
def test_too_few_features_are_refused(shape):
    with pytest.raises(InputError, match=f"at least 3 features, not {shape[-1]}; use a larger width"):
        similarity_branch(shape, rng=0)


SHAPES = [(6, 4, 5), (1, 1, 5), (7,)]


@pytest.mark.parametrize("need_dx", [True, False])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_both_losses_train_their_layers_and_pass_on_the_sum(rng, shape, need_dx):
    branch, classifier = similarity_branch(shape, 1, np.float64), a1(shape, 3, 32, 2, np.float64)
    x, labels = rng.standard_normal((8, *shape)), rng.integers(0, 3, 8)
    sim, _, dx_sim = SimilarityMatching(branch, 3)(x, labels, need_dx)
    ce, correct, dx_ce = CrossEntropy(classifier, smoothing=0.1)(x, labels, need_dx)
    separate = [g.copy() for layer in (branch, classifier) for g in layer.grads.values()]

    both = PredSim(classifier, branch, 3, smoothing=0.1)
    assert both.layers == {"aux": classifier, "sim": branch}
    value, count, dx = both(x, labels, need_dx)
    assert (value, count) == (pytest.approx(0.01 * ce + 0.99 * sim), correct)
    if need_dx:
        np.testing.assert_allclose(dx, 0.01 * dx_ce + 0.99 * dx_sim, rtol=1e-12)
    else:
        assert dx is dx_sim is None
    weights = [0.99] * len(branch.grads) + [0.01] * len(classifier.grads)
    together = [g for layer in (branch, classifier) for g in layer.grads.values()]
    for mine, alone, weight in zip(together, separate, weights, strict=True):
        np.testing.assert_allclose(mine, weight * alone, rtol=1e-12)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradients_of_a_branch_and_its_loss_together(rng, shape):
    branch = similarity_branch(shape, 1, np.float64)
    loss, x, labels = SimilarityMatching(branch, 3), rng.standard_normal((6, *shape)), np.array([0, 1, 2, 0, 1, 1])
    _, correct, dx = loss(x, labels)
    assert correct is None
    (weight,), (gradient,) = branch.params.values(), branch.grads.values()
    for name, array, received in (("x", x, dx), ("weight", weight, gradient.copy())):
        check = check_gradient("sim", name, lambda: loss(x, labels, need_dx=False)[0], array, received)
        assert check.passed(), check.explain()
