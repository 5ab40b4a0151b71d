"""Cases of the lab on group normalisation."""

import numpy as np

TITLE, LESSON, WEEK = "group normalisation", 3, 1


def maps(rng):
    """Yield a label, x whose channels have different means and deviations, and the number of groups."""
    for groups, size in ((1, 3), (2, 2), (3, 1), (2, 3)):
        channels = groups * size
        shape = 3, int(rng.integers(2, 5)), int(rng.integers(2, 5)), channels
        x = rng.standard_normal(channels) + rng.uniform(0.5, 2, channels) * rng.standard_normal(shape)
        yield f"{channels} channels in {groups} group{'s' * (groups > 1)}", x, groups


def statistics(x, groups):
    """Return x̂ and 1/√(variance + ε)."""
    grouped = x.reshape(*x.shape[:3], groups, -1)
    inv_std = 1 / np.sqrt(grouped.var(axis=(1, 2, 4), keepdims=True) + 1e-5)
    return ((grouped - grouped.mean(axis=(1, 2, 4), keepdims=True)) * inv_std).reshape(x.shape), inv_std


def normalise(rng):
    """Yield what `normalise` gets."""
    for label, x, groups in maps(rng):
        yield label, (x, groups)


def parameters(rng):
    """Yield what `parameter_gradients` gets."""
    for label, x, groups in maps(rng):
        yield label, (rng.standard_normal(x.shape), statistics(x, groups)[0])


def inputs(rng):
    """Yield what `input_gradient` gets."""
    for label, x, groups in maps(rng):
        x_hat, inv_std = statistics(x, groups)
        yield label, (rng.standard_normal(x.shape), x_hat, inv_std, rng.uniform(0.5, 2, x.shape[3]))


def without(mean, variance, over=(1, 2, 4), gamma_outside=False):
    """Return the gradient of the input without some of its terms, or with means over other axes."""

    def gradient(dy, x_hat, inv_std, gamma):
        shape = *dy.shape[:3], inv_std.shape[3], -1
        dx_hat = (dy if gamma_outside else dy * gamma).reshape(shape)
        grouped = x_hat.reshape(shape)
        dx = dx_hat - mean * dx_hat.mean(axis=over, keepdims=True)
        dx = dx - variance * grouped * (dx_hat * grouped).mean(axis=over, keepdims=True)
        dx = (inv_std * dx).reshape(dy.shape)
        return dx * gamma if gamma_outside else dx

    return gradient


def unbiased(x, groups):
    """Return x̂ and 1/√(variance + ε) with the variance divided by one less than the count."""
    grouped = x.reshape(*x.shape[:3], groups, -1)
    inv_std = 1 / np.sqrt(grouped.var(axis=(1, 2, 4), keepdims=True, ddof=1) + 1e-5)
    return ((grouped - grouped.mean(axis=(1, 2, 4), keepdims=True)) * inv_std).reshape(x.shape), inv_std


CASES = [
    dict(
        name="normalised maps", points=2, function="normalise", returns=("x̂", "1/√(variance + ε)"),
        nudge="which axes of (N, H, W, G, C/G) belong to one group of one image?",
        equation="mean and variance over axes 1, 2 and 4, with keepdims; x̂ = (x − mean) / √(variance + ε)",
        trials=normalise,
        mistakes={"the variance is divided by one less than the number of values": unbiased},
    ),
    dict(
        name="gradients of gamma and beta", points=2, function="parameter_gradients", returns=("dgamma", "dbeta"),
        nudge="gamma and beta have one number for each channel, which all images and pixels share",
        equation="dgamma = Σ dy·x̂ and dbeta = Σ dy, over images and pixels",
        trials=parameters,
    ),
    dict(
        name="gradient of the input", points=4, function="input_gradient", returns=("dx",),
        nudge="as in BatchNorm, with two differences: over what the means go, and where gamma, which differs within a "
        "group, comes in",
        equation="with dx̂ = dy·gamma, dx = (dx̂ − mean of dx̂ − x̂ · mean of dx̂·x̂) / √(variance + ε), means over each "
        "group of each image",
        trials=inputs,
        mistakes={
            "mean and variance are constants": without(0, 0),
            "the variance is a constant": without(1, 0),
            "the mean is a constant": without(0, 1),
            "the means go over the batch, too": without(1, 1, (0, 1, 2, 4)),
            "the means go over each channel alone": without(1, 1, (1, 2)),
            "gamma is multiplied after the means are taken, though it differs within a group":
                without(1, 1, gamma_outside=True),
        },
    ),
]  # fmt: skip
