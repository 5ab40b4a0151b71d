"""Check every hand-written gradient against central differences: `python -m minilocal.gradcheck`.

For a scalar L(θ) and one entry of θ, the central difference

    (L(θ + h) − L(θ − h)) / 2h

is dL/dθ up to O(h²), without knowing how backward works. Taken at h and at h/2 and extrapolated, it is n = dL/dθ up to
O(h⁴). Where the two disagree, there is a kink nearby (a ReLU switches, a max-pool picks another place), and another
entry is checked instead. If backward gives a, the relative error is |a − n| / max(|a|, |n|, 0.001·largest |gradient|).
All of it is float64.

A layer is checked on L = Σ r·y with random r, a training step on each block's own loss.
"""

from __future__ import annotations

if __name__ == "__main__":
    from minilocal.console.launch import launch

    launch("minilocal.gradcheck")

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from minilocal import layers
from minilocal.compute.compilation import on_compilation
from minilocal.console.cli import Parser, command
from minilocal.console.options import add_options, given, option
from minilocal.errors import InputError
from minilocal.layers import Layer
from minilocal.losses import similarity_matching, softmax_cross_entropy
from minilocal.networks.auxiliary import a1, a2
from minilocal.networks.network import Network
from minilocal.networks.vgg import build_network, cbrd, fbrd, residual
from minilocal.schedule import Block, parse
from minilocal.steps import backprop_step, local_step

STEP = 1e-4
TOLERANCE = 1e-6
FLOOR = 1e-3  # of the largest gradient; smaller gradients are compared on that scale
ALGORITHMS = ("BP", "G1", "G2", "G2S1", "G3", "G3S2")
NETWORKS: dict[str, tuple[str, tuple[int, ...]]] = {
    "": ("8 8 M 8 16 M", (8, 8)),
    "residual": ("8 R8 R16/2 P8 M P16k5 A", ()),
}


@dataclass(frozen=True)
class Options:
    """The command's options."""

    entries: int = option(
        10, "entries per array in a layer; a third as many in a step", group="checks", least=1, most=10_000
    )
    tolerance: float = option(TOLERANCE, "largest relative error allowed", group="checks", above=0, below=1)


@dataclass(frozen=True)
class Check:
    """One row of the table: an argument of a function, and its entry with the largest error.

    Attributes:
        function: the layer, loss or block that was checked.
        argument: its input or parameter, such as "x" or "weight".
        shape: the argument's shape.
        checked: number of entries that were checked.
        worst: the largest relative error among them.
        index: the entry with that error.
        received: its gradient from backward.
        expected: its central difference.
    """

    function: str
    argument: str
    shape: tuple[int, ...]
    checked: int
    worst: float
    index: tuple[int, ...]
    received: float
    expected: float

    def passed(self, tolerance: float = TOLERANCE) -> bool:
        """Return whether any entries were checked and all of them are within the tolerance."""
        return self.checked > 0 and self.worst <= tolerance

    def explain(self) -> str:
        """Return the message of a failure: function, argument, index, received and expected value."""
        if not self.checked:
            return f"{self.function}: every entry tried of {self.argument} lies at a kink"
        place = ", ".join(map(str, self.index))
        return (
            f"{self.function}: {self.argument}[{place}] received {self.received:.10g} from backward, "
            f"expected {self.expected:.10g} from central differences (relative error {self.worst:.1e})"
        )

    def row(self, tolerance: float) -> str:
        """Return the check as a row of the table."""
        shape, verdict = "×".join(map(str, self.shape)), "ok" if self.passed(tolerance) else "FAILED"
        return f"{self.function:<30}{self.argument:<24}{shape:<14}{self.checked:>8}{self.worst:>13.1e}  {verdict}"


HEAD = f"{'function':<30}{'argument':<24}{'shape':<14}{'checked':>8}{'worst error':>13}  verdict"


def check_gradient(
    function: str,
    argument: str,
    loss: Callable[[], float],
    array: np.ndarray,
    gradient: np.ndarray,
    entries: int = 10,
    seed: int = 0,
) -> Check:
    """Compare `gradient` with central differences of `loss()` at random entries of `array`.

    `array` (float64) is changed in place and restored; `loss` must read it anew at each call. `function` and `argument`
    name what is checked. Raises `InputError` if array and gradient have different shapes.
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
    """Check a layer's gradients with respect to its input x (float64) and each parameter.

    Raises `InputError` if backward returns no input gradient, or if an array that the layer, or one inside it, keeps
    for backward was changed in place afterwards, as by `y += x`.
    """
    untouched = _copying(copy.deepcopy(layer))
    y, _ = layer.forward(x, training=True), untouched.forward(x, training=True)
    for (key, array), right in zip(_kept(name, layer).items(), _kept(name, untouched).values(), strict=True):
        if not np.array_equal(array, right, equal_nan=True):
            raise InputError(f"{key}, which backward needs, has changed since it was kept; write y = y + x, not y += x")
    r = np.random.default_rng(seed).standard_normal(y.shape)
    dx = layer.backward(r)

    def loss() -> float:
        return float(np.sum(layer.forward(x, training=True) * r))

    gradients = {"x": (x, dx)} | {key: (layer.params[key], layer.grads[key].copy()) for key in layer.params}
    for argument, (array, gradient) in gradients.items():
        if gradient is None:
            raise InputError(f"{name}: backward returned no input gradient")
        yield check_gradient(name, argument, loss, array, gradient, entries, seed)


def _copying(layer: Layer) -> Layer:
    """Have the layer, and each layer inside it, take and return copies, so that nothing can change what they keep."""
    for inner in layer.layers.values():
        _copying(inner)
    vars(layer)["forward"] = lambda x, training=False: type(layer).forward(layer, x.copy(), training).copy()
    return layer


def _kept(name: str, layer: Layer) -> dict[str, np.ndarray]:
    """Return the arrays that are attributes of a layer and of the layers inside it, by name."""
    inner = {k: a for key, each in layer.layers.items() for k, a in _kept(f"{name}.{key}", each).items()}
    return {f"{name}.{key}": a for key, a in vars(layer).items() if isinstance(a, np.ndarray)} | inner


def check_layers(entries: int = 10) -> Iterator[Check]:
    """Check every layer and both auxiliary classifiers, in several shapes, and softmax cross-entropy."""
    rng = np.random.default_rng(1)
    f64: dict[str, Any] = {"rng": rng, "dtype": np.float64}
    conv, batchnorm, fused = layers.Conv2d, layers.BatchNorm, layers.BatchNormReLUDropout
    cases: list[tuple[str, Layer, tuple[int, ...]]] = [
        ("Conv2d 3×3/1/1", conv(3, 4, **f64), (3, 7, 6, 3)),
        ("Conv2d 3×3/2/1 bias", conv(3, 4, 3, 2, 1, bias=True, **f64), (3, 7, 6, 3)),
        ("Conv2d 1×1/1/0", conv(3, 4, 1, 1, 0, **f64), (3, 7, 6, 3)),
        ("Conv2d 5×5/1/2", conv(3, 4, 5, 1, 2, **f64), (3, 7, 6, 3)),
        ("Conv2d 2×2/3/1 bias", conv(3, 4, 2, 3, 1, bias=True, **f64), (3, 7, 6, 3)),
        ("Conv2d Winograd", conv(8, 16, method="winograd", **f64), (2, 8, 4, 8)),
        ("Conv2d direct", conv(3, 8, method="direct", **f64), (2, 7, 9, 3)),
        ("Conv2d dense", conv(3, 4, method="dense", **f64), (3, 2, 2, 3)),
        ("BatchNorm 4-D", batchnorm(4, np.float64), (3, 5, 4, 4)),
        ("BatchNorm 2-D", batchnorm(6, np.float64), (7, 6)),
        ("ReLU", layers.ReLU(), (4, 5, 3)),
        ("Dropout", layers.Dropout(0.3, key=12345), (4, 5, 6)),
        ("BatchNormReLUDropout", fused(6, 0.2, np.float64, key=12345), (4, 3, 2, 6)),
        ("MaxPool2d 2×2", layers.MaxPool2d(2), (2, 6, 4, 3)),
        ("MaxPool2d 3×2", layers.MaxPool2d((3, 2)), (2, 6, 4, 3)),
        ("Deviation", layers.Deviation(), (3, 4, 5, 6)),
        ("AvgPool2d 2×4", layers.AvgPool2d((2, 4)), (2, 6, 8, 3)),
        ("Flatten", layers.Flatten(), (3, 2, 4, 3)),
        ("Linear", layers.Linear(7, 5, **f64), (6, 7)),
        ("Linear no bias", layers.Linear(7, 5, bias=False, **f64), (6, 7)),
        ("CBRD", cbrd(3, 4, 0.2, **f64), (4, 6, 6, 3)),
        ("CBRD unfused", cbrd(3, 4, 0.2, fused=False, **f64), (4, 6, 6, 3)),
        ("pool + CBRD", cbrd(3, 4, 0.2, pool=True, **f64), (4, 6, 6, 3)),
        ("pool + FBRD", fbrd(3 * 4, 8, 0.2, pool=True, **f64), (12, 4, 4, 3)),
        ("residual block", residual(4, 4, 0.2, **f64), (4, 6, 5, 4)),
        ("residual block unfused", residual(4, 4, 0.2, fused=False, **f64), (4, 6, 5, 4)),
        ("residual block padded", residual(4, 6, 0.2, stride=2, **f64), (4, 7, 6, 4)),
        ("residual block projected", residual(6, 4, 0.2, 2, projection=True, kernel=5, **f64), (4, 7, 6, 6)),
        ("A1 on a map", a1((8, 8, 6), 5, 96, **f64), (8, 8, 8, 6)),
        ("A1 on a vector", a1((20,), 5, 96, **f64), (8, 20)),
        ("A2 on a map", a2((8, 8, 3), 5, 96, **f64), (12, 8, 8, 3)),
        ("A2 on a small map", a2((4, 4, 6), 5, 96, **f64), (12, 4, 4, 6)),
    ]
    for name, layer, shape in cases:
        for param in layer.params.values():  # gamma 1 and beta 0 would hide mistakes
            param += 0.3 * rng.standard_normal(param.shape)
        yield from check_layer(name, layer, rng.standard_normal(shape), entries)
    logits, labels = rng.standard_normal((6, 5)), rng.integers(0, 5, 6)
    for name, argument, function in (
        ("softmax_cross_entropy", "logits", softmax_cross_entropy),
        ("softmax + label smoothing", "logits", partial(softmax_cross_entropy, smoothing=0.1)),
        ("similarity_matching", "h", partial(similarity_matching, classes=5)),
    ):

        def loss(function: Any = function) -> float:
            return function(logits, labels)[0]

        yield check_gradient(name, argument, loss, logits, function(logits, labels)[1], entries)


def check_step(
    algo: str,
    epoch: int,
    classifier: str = "a1",
    entries: int = 4,
    conv: str = "auto",
    local_loss: str = "ce",
    kind: str = "",
) -> Iterator[Check]:
    """Check a whole training step of an algorithm: each block's parameters against that block's own loss."""
    schedule = parse(algo)
    network = build_network(
        *NETWORKS[kind], (8, 8, 2), 3, schedule,
        features=32, classifier=classifier, dropout=0.2, dtype=np.float64, conv=conv, local_loss=local_loss,
    )  # fmt: skip
    rng = np.random.default_rng(2)
    x, labels = rng.standard_normal((12, 8, 8, 2)), rng.integers(0, 3, 12)
    blocks = schedule.blocks_at(epoch, len(network))
    if algo == "BP":
        backprop_step(network, x, labels)
    else:
        local_step(network, blocks, x, labels)
    gradients = {f"{name}.{key}": g.copy() for name, layer in network.named_layers() for key, g in layer.grads.items()}
    shift = f" shift {schedule.shift_at(epoch)}" if schedule.period > 1 else ""
    learning = local_loss if local_loss != "ce" else classifier.upper()
    method = "".join(f" {word}" for word in (kind, conv) if word not in ("", "auto"))
    for block in blocks:
        function = f"{schedule.name}{shift} {learning}{method} block {block}"
        loss = partial(block_loss, network, block, x, labels)
        trained = {f"layers.{i}" for i in range(block.first, block.last + 1)}
        trained |= {f"{name}.{block.last}" for name in network.loss(block.last).layers}
        for name, layer in network.named_layers():
            for key, param in layer.params.items() if name in trained else ():
                yield check_gradient(function, f"{name}.{key}", loss, param, gradients[f"{name}.{key}"], entries)


def block_loss(network: Network, block: Block, x: np.ndarray, labels: np.ndarray) -> float:
    """Return a block's loss in training mode; no parameter changes, only running statistics and `grads`."""
    for number in range(1, block.last + 1):
        x = network.layer(number).forward(x, training=True)
    return network.loss(block.last)(x, labels, need_dx=False)[0]


def check_steps(entries: int = 4) -> Iterator[Check]:
    """Check whole steps of all `ALGORITHMS` at every shift, with A1, A2 and the other losses; BP also by Winograd.

    Residual networks are checked with A1.
    """
    yield from check_step("BP", 0, entries=entries, conv="winograd")
    for algo in ALGORITHMS:
        for epoch in range(parse(algo).period):
            for classifier in ("a1", "a2") if algo != "BP" else ("a1",):  # BP has A_K alone
                yield from check_step(algo, epoch, classifier, entries)
            yield from check_step(algo, epoch, entries=entries, kind="residual")
    for algo in ("G1", "G2S1", "G3S2"):
        for epoch in range(parse(algo).period):
            for local_loss in ("sim", "predsim"):
                yield from check_step(algo, epoch, entries=entries, local_loss=local_loss)


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0 if all gradients agree, 1 if one does not."""
    parser = Parser(
        prog="python -m minilocal.gradcheck", description="Check every gradient against central differences."
    )
    add_options(parser, Options)
    options = Options(**given(parser.parse_args(argv), Options))
    print(HEAD)
    checks = []
    with on_compilation(print):
        for check in chain(check_layers(options.entries), check_steps(max(1, options.entries // 3))):
            print(check.row(options.tolerance))
            checks.append(check)
    failures = [check for check in checks if not check.passed(options.tolerance)]
    for check in failures:
        print(check.explain())
    count, worst = sum(check.checked for check in checks), max(check.worst for check in checks)
    print(f"{count} entries checked, worst relative error {worst:.1e}, {len(failures)} arrays failed")
    return 1 if failures else 0
