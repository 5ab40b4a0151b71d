"""Central differences against every hand-written backward: `python -m minilocal.gradcheck`.

For a scalar L(θ) and one entry of θ, the central difference

    (L(θ + h) − L(θ − h)) / 2h

tells dL/dθ up to O(h²) without knowing how backward works. Taking it at h and h/2 and extrapolating leaves O(h⁴);
where the two disagree there is a kink in between (a ReLU switching, a max-pool changing its mind) and another
entry is taken. The relative error is |a − n| / max(|a|, |n|, 0.001·largest |gradient|) in float64.

A layer is checked on L = Σ r·y with random r, a training step on each block's own loss.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from minilocal.compute.compilation import COMPILING, on_first_compilation
from minilocal.console.cli import Parser, command
from minilocal.errors import InputError
from minilocal.layers import (
    AvgPool2d,
    BatchNorm,
    BatchNormReLUDropout,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
)
from minilocal.losses import softmax_cross_entropy
from minilocal.networks.auxiliary import a1, a2
from minilocal.networks.network import Network
from minilocal.networks.vgg import build_network, cbrd, fbrd
from minilocal.schedule import Block, parse
from minilocal.steps import backprop_step, local_step

STEP = 1e-4
TOLERANCE = 1e-6
FLOOR = 1e-3  # of the largest gradient: smaller ones are compared on that scale
ALGORITHMS = ("BP", "G1", "G2", "G2S1", "G3", "G3S2")


@dataclass(frozen=True)
class Check:
    """One row of the table: an argument of a function, how many entries were checked, and the worst of them."""

    function: str
    argument: str
    shape: tuple[int, ...]
    checked: int
    worst: float
    index: tuple[int, ...]
    received: float
    expected: float

    def passed(self, tolerance: float = TOLERANCE) -> bool:
        """Return whether entries were checked and all within the tolerance."""
        return self.checked > 0 and self.worst <= tolerance

    def explain(self) -> str:
        """Return what a failure says: function, argument, index, received and expected value."""
        if not self.checked:
            return f"{self.function}: no entry of {self.argument} lies away from kinks"
        place = ", ".join(map(str, self.index))
        return (
            f"{self.function}: {self.argument}[{place}] received {self.received:.10g} from backward, "
            f"expected {self.expected:.10g} from central differences (relative error {self.worst:.1e})"
        )


def compare(
    function: str,
    argument: str,
    loss: Callable[[], float],
    array: np.ndarray,
    gradient: np.ndarray,
    entries: int = 10,
    seed: int = 0,
) -> Check:
    """Compare `gradient` with central differences of `loss()` with respect to entries of `array`.

    `array` (float64) is changed in place and restored; `loss` must read it anew at each call.
    """
    if array.shape != gradient.shape:
        raise InputError(f"{function}: the gradient of {argument} has shape {gradient.shape}, not {array.shape}")
    floor = max(FLOOR * float(np.nanmax(np.abs(gradient), initial=0)), 1e-12)
    checked, worst = 0, Check(function, argument, array.shape, 0, -1.0, (), 0.0, 0.0)
    for flat in np.random.default_rng(seed).permutation(array.size)[: 4 * entries]:
        index = tuple(int(i) for i in np.unravel_index(flat, array.shape))
        coarse, fine = (_central_difference(loss, array, index, h) for h in (STEP, STEP / 2))
        expected, received = (4 * fine - coarse) / 3, float(gradient[index])
        if abs(coarse - fine) > 1e-5 * max(abs(coarse), abs(fine), floor):
            continue  # a kink within ±STEP
        error = abs(received - expected) / max(abs(received), abs(expected), floor)
        checked += 1
        if math.isnan(error):
            error = math.inf
        if error > worst.worst:
            worst = Check(function, argument, array.shape, checked, error, index, received, expected)
        if checked == entries:
            break
    return replace(worst, checked=checked)


def _central_difference(loss: Callable[[], float], array: np.ndarray, index: tuple[int, ...], h: float) -> float:
    value = array[index]
    array[index] = value + h
    above = loss()
    array[index] = value - h
    below = loss()
    array[index] = value
    return (above - below) / (2 * h)


def check_layer(name: str, layer: Layer, x: np.ndarray, entries: int = 10, seed: int = 0) -> Iterator[Check]:
    """Check a layer's gradients with respect to its input x (float64) and every parameter."""
    y = layer.forward(x, training=True)
    r = np.random.default_rng(seed).standard_normal(y.shape)
    dx = layer.backward(r)

    def loss() -> float:
        return float(np.sum(layer.forward(x, training=True) * r))

    gradients = {"x": (x, dx)} | {key: (layer.params[key], layer.grads[key].copy()) for key in layer.params}
    for argument, (array, gradient) in gradients.items():
        if gradient is None:
            raise InputError(f"{name}: backward returned no input gradient")
        yield compare(name, argument, loss, array, gradient, entries, seed)


def check_layers(entries: int = 10) -> Iterator[Check]:
    """Check every layer and both auxiliary classifiers, in several shapes."""
    rng = np.random.default_rng(1)
    f64: dict[str, Any] = {"dtype": np.float64}

    def x(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape)

    def normal_params(layer: Layer) -> Layer:
        for param in layer.params.values():  # gamma 1 and beta 0 would hide mistakes
            param += 0.3 * rng.standard_normal(param.shape)
        return layer

    for kernel, stride, padding, bias in (
        (3, 1, 1, False),
        (3, 2, 1, True),
        (1, 1, 0, False),
        (5, 1, 2, False),
        (2, 3, 1, True),
    ):
        name = f"Conv2d {kernel}×{kernel}/{stride}/{padding}" + (" bias" if bias else "")
        conv = Conv2d(3, 4, kernel, stride, padding, bias, rng=rng, **f64)
        yield from check_layer(name, normal_params(conv), x(3, 7, 6, 3), entries)
    cases: list[tuple[str, Layer, np.ndarray]] = [
        ("Conv2d Winograd", Conv2d(3, 4, rng=rng, method="winograd", **f64), x(2, 8, 4, 3)),
        ("Conv2d dense", Conv2d(3, 4, rng=rng, method="dense", **f64), x(3, 2, 2, 3)),
        ("BatchNorm 4-D", BatchNorm(4, **f64), x(3, 5, 4, 4)),
        ("BatchNorm 2-D", BatchNorm(6, **f64), x(7, 6)),
        ("ReLU", ReLU(), x(4, 5, 3)),
        ("Dropout", Dropout(0.3, key=12345), x(4, 5, 6)),
        ("BatchNormReLUDropout", BatchNormReLUDropout(6, 0.2, key=12345, **f64), x(4, 3, 2, 6)),
        ("MaxPool2d 2×2", MaxPool2d(2), x(2, 6, 4, 3)),
        ("MaxPool2d 3×2", MaxPool2d((3, 2)), x(2, 6, 4, 3)),
        ("AvgPool2d 2×4", AvgPool2d((2, 4)), x(2, 6, 8, 3)),
        ("Flatten", Flatten(), x(3, 2, 4, 3)),
        ("Linear", Linear(7, 5, rng=rng, **f64), x(6, 7)),
        ("Linear no bias", Linear(7, 5, bias=False, rng=rng, **f64), x(6, 7)),
        ("CBRD", cbrd(3, 4, 0.2, rng=rng, **f64), x(4, 6, 6, 3)),
        ("CBRD unfused", cbrd(3, 4, 0.2, rng=rng, fused=False, **f64), x(4, 6, 6, 3)),
        ("pool + CBRD", cbrd(3, 4, 0.2, pool=True, rng=rng, **f64), x(4, 6, 6, 3)),
        ("pool + FBRD", fbrd(3 * 4, 8, 0.2, pool=True, rng=rng, **f64), x(12, 4, 4, 3)),
        ("A1 on a map", a1((8, 8, 6), 5, 96, rng, **f64), x(8, 8, 8, 6)),
        ("A1 on a vector", a1((20,), 5, 96, rng, **f64), x(8, 20)),
        ("A2 on a map", a2((8, 8, 3), 5, 96, rng, **f64), x(12, 8, 8, 3)),
        ("A2 on a small map", a2((4, 4, 6), 5, 96, rng, **f64), x(12, 4, 4, 6)),
    ]
    for name, layer, array in cases:
        yield from check_layer(name, normal_params(layer), array, entries)
    logits, labels = x(6, 5), rng.integers(0, 5, 6)
    _, dlogits = softmax_cross_entropy(logits, labels)
    yield compare(
        "softmax_cross_entropy",
        "logits",
        lambda: softmax_cross_entropy(logits, labels)[0],
        logits,
        dlogits,
        entries,
    )


def check_step(algo: str, epoch: int, classifier: str = "a1", entries: int = 4, conv: str = "auto") -> Iterator[Check]:
    """Check a whole training step of an algorithm: each block's parameters against that block's own loss."""
    schedule = parse(algo)
    network = build_network(
        "4 4 M 6 6 M", [8, 8], (8, 8, 2), 3, schedule,
        features=32, classifier=classifier, dropout=0.2, dtype=np.float64, conv=conv,
    )  # fmt: skip
    rng = np.random.default_rng(2)
    x, labels = rng.standard_normal((12, 8, 8, 2)), rng.integers(0, 3, 12)
    blocks = schedule.blocks_at(epoch, len(network))
    if algo == "BP":
        backprop_step(network, x, labels)
    else:
        local_step(network, blocks, x, labels)
    shift = f" shift {schedule.shift_at(epoch)}" if schedule.period > 1 else ""
    for block in blocks:
        by = f" {conv}" if conv != "auto" else ""
        name = f"{schedule.name}{shift} {classifier.upper()}{by} block {block}"
        trained = {f"layers.{i}": network.layer(i) for i in range(block.first, block.last + 1)}
        trained |= {f"{part}.{block.last}": layer for part, layer in network.loss(block.last).layers.items()}
        gradients = {part: {key: g.copy() for key, g in layer.grads.items()} for part, layer in trained.items()}
        loss = partial(block_loss, network, block, x, labels)
        for part, layer in trained.items():
            for key, param in layer.params.items():
                yield compare(name, f"{part}.{key}", loss, param, gradients[part][key], entries)


def block_loss(network: Network, block: Block, x: np.ndarray, labels: np.ndarray) -> float:
    """Return a block's loss in training mode, without updating anything; overwrites the gradients of its classifier."""
    for number in range(1, block.last + 1):
        x = network.layer(number).forward(x, training=True)
    return network.loss(block.last)(x, labels, need_dx=False)[0]


def check_steps(entries: int = 4) -> Iterator[Check]:
    """Check whole steps of BP, G1, G2, G2S1, G3 and G3S2 at every shift, with A1 and with A2; BP's by Winograd too."""
    yield from check_step("BP", 0, entries=entries, conv="winograd")
    for algo in ALGORITHMS:
        for epoch in range(parse(algo).period):
            for classifier in ("a1", "a2"):
                if algo != "BP" or classifier == "a1":  # BP has A_K alone
                    yield from check_step(algo, epoch, classifier, entries)


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0 if every gradient agrees, 1 if one does not."""
    parser = Parser(
        prog="python -m minilocal.gradcheck", description="Check every gradient against central differences."
    )
    parser.add_argument(
        "--entries", type=int, default=10, help="entries per array of a layer, a third as many of a step (default: 10)"
    )
    parser.add_argument(
        "--tolerance", type=float, default=TOLERANCE, help=f"worst relative error allowed (default: {TOLERANCE:g})"
    )
    options = parser.parse_args(argv)
    if not 1 <= options.entries <= 10_000:
        raise InputError(f"--entries is {options.entries}; it must be 1 to 10000")
    if not 0 < options.tolerance < 1:
        raise InputError(f"--tolerance is {options.tolerance}; it must be above 0 and below 1")
    print(f"{'function':<26}{'argument':<24}{'shape':<14}{'checked':>8}{'worst error':>13}  verdict")
    failures, worst, count = [], 0.0, 0
    with on_first_compilation(lambda: print(COMPILING)):
        for part in (check_layers(options.entries), check_steps(max(1, options.entries // 3))):
            for check in part:
                passed = check.passed(options.tolerance)
                shape = "×".join(map(str, check.shape))
                print(
                    f"{check.function:<26}{check.argument:<24}{shape:<14}{check.checked:>8}{check.worst:>13.1e}  "
                    f"{'ok' if passed else 'FAILED'}"
                )
                failures += [] if passed else [check]
                worst, count = max(worst, check.worst), count + check.checked
    for check in failures:
        print(check.explain())
    print(f"{count} entries checked, worst relative error {worst:.1e}, {len(failures)} arrays failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
