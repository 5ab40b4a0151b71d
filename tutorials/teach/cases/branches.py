"""Cases of the lab on networks that branch."""

import numpy as np
from minilocal.grade.standins import Linear, Tanh

TITLE, LESSON, WEEK = "networks that branch", 4, 1


def chain(rng, features, x=None):
    """Return one to three layers that keep the number of features; if x is given, they have run forward on it."""
    layers = []
    for number in range(1, int(rng.integers(2, 4)) + 1):
        kept = {} if x is None else {"kept": x}
        weight = rng.standard_normal((features, features)) / 2
        layers.append(
            Linear(f"layer {number}", weight=weight, **kept) if number % 2 else Tanh(f"layer {number}", **kept)
        )
        x = None if x is None else x @ weight if number % 2 else np.tanh(x)
    return layers


def residuals(rng, ran):
    """Yield layers with what goes through them, forward or, if they have run, backward."""
    for _ in range(3):
        n, features = int(rng.integers(3, 6)), int(rng.integers(2, 5))
        x, dy = rng.standard_normal((2, n, features))
        layers = chain(rng, features, x if ran else None)
        yield f"{len(layers)} layers", (layers, dy if ran else x)


def gates(rng, ran):
    """Yield two layers with what goes through them."""
    for _ in range(3):
        n, d_in, d_out = int(rng.integers(3, 6)), int(rng.integers(2, 5)), int(rng.integers(2, 5))
        x, dy = rng.standard_normal((n, d_in)), rng.standard_normal((n, d_out))
        weights = rng.standard_normal((2, d_in, d_out))
        kept = {"kept": x} if ran else {}
        a, b = (Linear(name, weight=weight, **kept) for name, weight in zip("ab", weights, strict=True))
        yield "", (a, b, x @ weights[0], x @ weights[1], dy) if ran else (a, b, x)


def chain_only(layers, dy):
    """Return dL/dx without what goes past the layers."""
    for layer in reversed(layers):
        dy = layer.backward(dy)
    return dy


def own_output(a, b, y_a, y_b, dy):
    """Return dL/dx if each layer gets dy times its own output."""
    return a.backward(dy * y_a) + b.backward(dy * y_b)


CASES = [
    dict(
        name="residual forward", points=1, function="residual_forward", returns=("y",),
        nudge="the layers run one after the other; x is added once, at the end",
        equation="y = x + f_n(… f_1(x))",
        trials=lambda rng: residuals(rng, False),
    ),
    dict(
        name="residual backward", points=2, function="residual_backward", returns=("dx",),
        nudge="x reaches y in two ways, and a gradient comes back along each",
        equation="dx = dy + backward of f_1 (… backward of f_n (dy))",
        trials=lambda rng: residuals(rng, True),
        mistakes={"no gradient goes past the layers": chain_only},
    ),
    dict(
        name="gate forward", points=1, function="gate_forward", returns=("y", "a's output", "b's output"),
        nudge="both layers get x",
        equation="y = a(x) · b(x)",
        trials=lambda rng: gates(rng, False),
    ),
    dict(
        name="gate backward", points=3, function="gate_backward", returns=("dx",),
        nudge="what is the derivative of a product by one of its factors?",
        equation="dx = backward of a (dy · y_b) + backward of b (dy · y_a)",
        trials=lambda rng: gates(rng, True),
        mistakes={"each layer's dy is multiplied by its own output": own_output},
    ),
]  # fmt: skip
