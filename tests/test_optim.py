import numpy as np
import pytest

from minilocal.errors import InputError, NonFiniteError
from minilocal.layers import BatchNorm, Linear, Sequential
from minilocal.optim import SGD, cosine, learning_rate, step_decay, triangle


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_sgd_follows_its_equation(rng, dtype, tolerance):
    layer = Linear(300, 40, dtype=dtype, rng=0)
    optimizer = SGD(momentum=0.9, weight_decay=0.01)
    expected = {name: p.astype(np.float64) for name, p in layer.params.items()}
    velocity = {name: np.zeros_like(p) for name, p in expected.items()}
    for lr in (0.1, 0.05, 0.2):
        optimizer.lr = lr
        for name, gradient in layer.grads.items():
            gradient[...] = rng.standard_normal(gradient.shape)
            velocity[name] = 0.9 * velocity[name] + gradient + 0.01 * expected[name]
            expected[name] = expected[name] - lr * velocity[name]
        optimizer.update(layer)
    for name, param in layer.params.items():
        assert param.dtype == dtype
        np.testing.assert_allclose(param, expected[name], rtol=10 * tolerance, atol=tolerance)
        np.testing.assert_allclose(optimizer.velocity[layer][name], velocity[name], rtol=10 * tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["grads", "params"])
def test_an_update_that_leaves_nan_or_infinity_is_an_error(dtype, bad, where):
    """Whichever chunk it is in: the first, the last or one in between."""
    for place in (0, 30_000, -1):
        layer, optimizer = Linear(400, 160, dtype=dtype, rng=0), SGD()
        getattr(layer, where)["weight"].flat[place] = bad
        with (
            np.errstate(invalid="ignore"),
            pytest.raises(NonFiniteError, match="weight is not finite after its update"),
        ):
            optimizer.update(layer)


def test_the_largest_number_is_finite_and_a_larger_one_is_not():
    layer, optimizer = Linear(3, 2, rng=0), SGD(lr=1, momentum=0, weight_decay=0)
    layer.params["weight"][...] = np.finfo(np.float32).max
    optimizer.update(layer)
    layer.grads["weight"][...] = -np.finfo(np.float32).max
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(NonFiniteError):
        optimizer.update(layer)


def test_only_beta_learns_faster_and_decays_as_much():
    layer = Sequential(linear=Linear(3, 4, rng=0), bn=BatchNorm(4))
    optimizer = SGD(lr=0.01, momentum=0, weight_decay=0.1, beta_lr=8)
    for name in layer.params:
        layer.params[name][...], layer.grads[name][...] = 2, 3
    optimizer.update(layer)
    for name, param in layer.params.items():
        step = 8 * 0.01 * (3 + 0.1 / 8 * 2) if name == "bn.beta" else 0.01 * (3 + 0.1 * 2)
        np.testing.assert_allclose(param, 2 - step, rtol=1e-6)


@pytest.mark.parametrize("steps", [1, 2, 7, 400])
def test_a_triangle_rises_for_a_quarter_of_the_steps_and_ends_near_zero(steps):
    rates = [triangle(1, t, steps) for t in range(steps)]
    peak = int(np.argmax(rates))
    assert rates == sorted(rates[: peak + 1]) + sorted(rates[peak + 1 :], reverse=True)
    assert all(0 < rate <= 1 for rate in rates)
    assert abs(peak - steps / 4) <= 1
    assert np.isclose(np.mean(rates), 0.5, atol=0.2 / steps + 1e-3) or steps < 3


def test_cosine_starts_at_lr_and_ends_near_zero():
    rates = [cosine(0.1, t, 100) for t in range(100)]
    assert rates[0] == 0.1
    assert rates == sorted(rates, reverse=True)
    assert np.isclose(rates[50], 0.05)
    assert 0 < rates[-1] < 1e-4


def test_step_decay_of_400_epochs():
    drops = [t for t in range(1, 400) if step_decay(1, t, 400) < step_decay(1, t - 1, 400)]
    assert drops == [200, 300, 350, 375]
    assert step_decay(1, 399, 400) == 0.25**4


def test_unknown_schedule_is_refused():
    with pytest.raises(InputError, match="'linear' is unknown; choose from cosine, step"):
        learning_rate("linear", 0.1, 0, 10)
