"""Cases of the lab on an auxiliary classifier with a hidden layer."""

import numpy as np

TITLE, LESSON, WEEK = "an auxiliary classifier with a hidden layer", 5, 2


def batches(rng):
    """Yield features, W1, W2 and dlogits."""
    for _ in range(3):
        n, c, d, classes = (
            int(rng.integers(4, 7)),
            int(rng.integers(2, 5)),
            int(rng.integers(4, 7)),
            3,
        )
        features = rng.standard_normal((n, int(rng.integers(2, 4)), int(rng.integers(2, 5)), c))
        yield (
            features,
            rng.standard_normal((c, d)),
            rng.standard_normal((d, classes)),
            rng.standard_normal((n, classes)),
        )


def hidden_of(features, w1):
    """Return the hidden layer's output."""
    return np.maximum(0, features.mean(axis=(1, 2)) @ w1)


def maps(rng):
    """Yield what `pool` gets."""
    for features, *_ in batches(rng):
        yield "", (features,)


def forward(rng):
    """Yield what `forward` gets."""
    for features, w1, w2, _ in batches(rng):
        yield "", (features, w1, w2)


def weights(rng):
    """Yield what `weight_gradients` gets."""
    for features, w1, w2, dlogits in batches(rng):
        yield "", (features, hidden_of(features, w1), w2, dlogits)


def inputs(rng):
    """Yield what `features_gradient` gets."""
    for features, w1, w2, dlogits in batches(rng):
        yield "", (features, hidden_of(features, w1), w1, w2, dlogits)


def no_relu(features, hidden, w2, dlogits):
    """Return both gradients if the ReLU passes everything back."""
    return features.mean(axis=(1, 2)).T @ (dlogits @ w2.T), hidden.T @ dlogits


def no_relu_features(features, hidden, w1, w2, dlogits):
    """Return dL/dfeatures if the ReLU passes everything back."""
    dpooled = dlogits @ w2.T @ w1.T
    pixels = features.shape[1] * features.shape[2]
    return np.broadcast_to(dpooled[:, None, None] / pixels, features.shape).copy()


def no_mean(features, hidden, w1, w2, dlogits):
    """Return dL/dfeatures if each pixel gets all of the mean's gradient."""
    dpooled = (dlogits @ w2.T * (hidden > 0)) @ w1.T
    return np.broadcast_to(dpooled[:, None, None], features.shape).copy()


CASES = [
    dict(
        name="pooling", points=1, function="pool", returns=("the mean",),
        nudge="which axes are the pixels?",
        equation="the mean over axes 1 and 2",
        trials=maps,
    ),
    dict(
        name="forward pass", points=2, function="forward", returns=("logits", "hidden"),
        nudge="hidden is what comes out of the ReLU",
        equation="hidden = max(0, pooled·W1), logits = hidden·W2",
        trials=forward, helpers=("pool",),
    ),
    dict(
        name="gradients of the weights", points=3, function="weight_gradients", returns=("dW1", "dW2"),
        nudge="first dhidden: what reaches pooled·W1 through W2 and through the ReLU?",
        equation="dhidden = dlogits·W2ᵀ where hidden > 0, else 0; dW1 = pooledᵀ·dhidden, dW2 = hiddenᵀ·dlogits",
        trials=weights, helpers=("pool",),
        mistakes={"the ReLU lets the whole gradient through": no_relu},
    ),
    dict(
        name="gradient of the features", points=2, function="features_gradient", returns=("dfeatures",),
        nudge="every pixel is a part of the mean: how large a part?",
        equation="dpooled = dhidden·W1ᵀ; every pixel of an image gets dpooled / (H·W)",
        trials=inputs, helpers=("pool",),
        mistakes={
            "the ReLU lets the whole gradient through": no_relu_features,
            "each pixel gets the whole gradient of the mean": no_mean,
        },
    ),
]  # fmt: skip
