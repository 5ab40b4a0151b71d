"""Cases of the lab on losses beside cross-entropy."""

import numpy as np

TITLE, LESSON, WEEK = "losses beside cross-entropy", 1, 1


def batches(rng):
    """Yield logits (N, C) and labels (N)."""
    for _ in range(3):
        n, classes = rng.integers(4, 8), rng.integers(8, 12)
        yield 2 * rng.standard_normal((n, classes)), rng.integers(0, classes, n)


def logits(rng):
    """Yield logits, at last such whose exp overflows and underflows."""
    for z, _ in batches(rng):
        yield "", (z,)
    yield "logits around 3000", (z + 1000.0 * np.arange(-1, len(z) - 1)[:, None],)
    z = z.copy()
    z[:, 0] -= 900
    yield "one logit far below the others", (z,)


def votes(rng):
    """Yield logits and soft targets whose rows don't sum to 1."""
    for z, _ in batches(rng):
        yield "", (z, rng.uniform(0, 1, z.shape) * (rng.uniform(0, 1, z.shape) < 0.6))


def margins(rng):
    """Yield logits, labels and margins."""
    for z, labels in batches(rng):
        margin = float(rng.uniform(0.5, 2))
        yield f"margin {margin:.3g}", (z, labels, margin)


def softmax(z):
    """Return softmax without care for large logits."""
    with np.errstate(all="ignore"):
        return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


def with_own_class(z, labels, margin):
    """Return the margin loss if the sum includes the right class, whose term is the margin."""
    excess = np.maximum(0, margin + z - z[np.arange(len(z)), labels][:, None])
    return excess.sum() / len(z)


def one_for_all(z, labels, margin):
    """Return the margin loss's gradient if the right logit's entry is −1/N whatever the others are."""
    rows = np.arange(len(z))
    dz = (margin + z - z[rows, labels][:, None] > 0).astype(float)
    dz[rows, labels] = -1
    return dz / len(z)


def inside_log(by):
    """Return the mistake of adding a small number inside the logarithm."""
    return lambda z: np.log(softmax(z) + by)


EPSILONS = {
    f"{by:g} is added inside the logarithm, as in log(p + {by:g}); z − max − log Σ exp never takes the log of 0": by
    for by in (1e-6, 1e-7, 1e-8, 1e-9, 1e-10)
}

CASES = [
    dict(
        name="log softmax", points=2, function="log_softmax", returns=("log p",),
        nudge="take the logarithm on paper first, and see what remains of exp",
        equation="log p = z − log Σ exp(z), and the same for z − max z, whose exp can't overflow",
        trials=logits,
        mistakes={words: inside_log(by) for words, by in EPSILONS.items()},
    ),
    dict(
        name="soft loss", points=1, function="soft_loss", returns=("the loss",),
        nudge="one sum over classes and images, and one mean",
        equation="L = −Σ t·log p / N",
        trials=votes, helpers=("log_softmax",),
        mistakes={
            words: (lambda z, t, by=by: -np.sum(t * inside_log(by)(z)) / len(z)) for words, by in EPSILONS.items()
        },
    ),
    dict(
        name="gradient of the soft loss", points=2, function="soft_gradient", returns=("dz",),
        nudge="lesson 1 has p − onehot because a one-hot row sums to 1: which step of the derivation uses that?",
        equation="dz[n, c] = (p[n, c] · Σ_k t[n, k] − t[n, c]) / N",
        trials=votes, helpers=("log_softmax",),
        mistakes={"each row of targets sums to 1": lambda z, t: (softmax(z) - t) / len(z)},
    ),
    dict(
        name="margin loss", points=1, function="margin_loss", returns=("the loss",),
        nudge="the sum leaves the right class out",
        equation="add max(0, m + z[n, c] − z[n, y]) over all c ≠ y and all n, and divide by N",
        trials=margins,
        mistakes={"the sum includes the right class, c = y": with_own_class},
    ),
    dict(
        name="gradient of the margin loss", points=2, function="margin_gradient", returns=("dz",),
        nudge="each positive term contains two logits",
        equation="a positive term adds 1/N to dz[n, c] and subtracts 1/N from dz[n, y]",
        trials=margins,
        mistakes={"the right logit's entry doesn't count the positive terms": one_for_all},
    ),
]  # fmt: skip
