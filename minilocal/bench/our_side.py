"""What runs in our worker processes: minilocal's steps, single layers, and the machine's own matrix product."""

from __future__ import annotations

import sys
import time
import timeit
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from minilocal.bench.instruments import instrumented, saved_at_loss
from minilocal.bench.plan import LR, MOMENTUM, TASK, WEIGHT_DECAY, random_batch
from minilocal.bench.worker import mean_seconds, median_seconds
from minilocal.compute import parallel
from minilocal.compute.compilation import on_compilation
from minilocal.layers import Conv2d, Layer, Linear, Residual
from minilocal.networks.network import Network
from minilocal.networks.vgg import build_vgg
from minilocal.optim import SGD
from minilocal.schedule import Block
from minilocal.steps import backprop_step, local_step


class OurSteps:
    """A network, its optimizer and its minibatch: takes the steps of one algorithm, or inference, and measures them."""

    def __init__(self, algo: str, batch_size: int, threads: int, **network: Any) -> None:
        parallel.set_threads(threads)
        self.algo, self.network = algo, build_vgg(algo=algo, **(TASK | network))
        self.optimizer = SGD(LR, MOMENTUM, WEIGHT_DECAY)
        self.x, self.labels = random_batch(batch_size)
        self.steps = 0

    def step(self, blocks: Sequence[Sequence[int]]) -> float:
        """Return the seconds of one training step of these blocks, or of inference if there are none."""
        with _compilation_announced():
            start = time.perf_counter()
            if blocks:
                self.train(blocks)
            else:
                with parallel.one_blas_thread():
                    self.network.predict(self.x)
            return time.perf_counter() - start

    def pace(self, blocks: Sequence[Sequence[int]]) -> float:
        """Return the mean seconds of a step, of as many in a row as make a turn."""
        return mean_seconds(partial(self.step, blocks))

    def train(self, blocks: Sequence[Sequence[int]]) -> list[float]:
        """Take one training step and return the losses of its blocks."""
        arguments: Any = (self.x, self.labels, self.optimizer, 0, self.steps)
        self.steps += 1
        if self.algo == "BP":
            results = backprop_step(self.network, *arguments)
        else:
            results = local_step(self.network, [Block(*block) for block in blocks], *arguments)
        return [result.loss for result in results]

    def breakdown(self, blocks: Sequence[Sequence[int]], steps: int) -> dict[str, float]:
        """Return the seconds of each kind of work in one step: the one of median length of several instrumented."""
        taken = []
        for _ in range(steps):
            with instrumented(self.network, self.optimizer) as seconds:
                total = self.step(blocks)
            taken.append((total, seconds | {"rest": total - sum(seconds.values())}))
        return sorted(taken, key=lambda step: step[0])[steps // 2][1]

    def saved(self, blocks: Sequence[Sequence[int]]) -> int:
        """Return the bytes of activations saved for backward when a block's loss is computed: the most of any block."""
        with saved_at_loss(self.network) as sizes:
            self.train(blocks)
        return max(sizes)


class OurLayers:
    """The convolutions and linear layers of a network, with one of them chosen at a time."""

    def __init__(self, batch_size: int, threads: int, **network: Any) -> None:
        parallel.set_threads(threads)
        self.layers, self.batch_size = products(build_vgg(**(TASK | network))), batch_size
        self.passes: dict[str, Callable[[], Any]] = {}

    def sizes(self) -> list[dict[str, Any]]:
        """Return each layer's sizes, as in `products`."""
        return [sizes for sizes, _ in self.layers]

    def choose(self, number: int) -> None:
        """Make random arrays for a layer."""
        sizes, layer = self.layers[number]
        rng = np.random.default_rng(number)
        x = rng.standard_normal((self.batch_size, *sizes["input_shape"]), np.float32)
        dy = rng.standard_normal((self.batch_size, *sizes["output_shape"]), np.float32)
        self.passes = layer_passes(layer, x, dy)

    def seconds(self, name: str) -> float:
        """Return the median seconds of a pass, called several times."""
        with _compilation_announced(), parallel.one_blas_thread():
            return median_seconds(self.passes[name])


class Sgemm:
    """NumPy's float32 matrix product: two square matrices and room for their product."""

    def __init__(self, size: int, threads: int) -> None:
        threadpool_limits(threads, user_api="blas")
        self.a = np.random.default_rng(0).standard_normal((size, size), np.float32)
        self.b, self.product = self.a.T.copy(), np.empty_like(self.a)

    def best(self, calls: int) -> float:
        """Return floating-point operations per second, the best of several products after one to warm up."""
        seconds = timeit.repeat(lambda: np.matmul(self.a, self.b, out=self.product), number=1, repeat=calls + 1)
        return 2 * len(self.a) ** 3 / min(seconds[1:])


def products(network: Network) -> list[tuple[dict[str, Any], Layer]]:
    """Return the sizes of the convolutions and linear layers in layers 1 … K and in A_K, each with the layer itself.

    Shapes are those of one sample, (H, W, C) or (D,), and of the weight as minilocal has it.
    """
    found: list[tuple[dict[str, Any], Layer]] = []
    shape, names = network.input_shape, [*(f"layer {n}" for n in range(1, len(network) + 1)), f"A_{len(network)}"]
    layers = zip(names, [*network.layers, network.classifier()], strict=True)
    for name, layer in layers:
        for operation, leaf, inputs in layer.operations(shape):
            if isinstance(leaf, Conv2d | Linear):
                method = leaf.method(inputs).__name__.rpartition(".")[2] if isinstance(leaf, Conv2d) else "matmul"
                sizes = {
                    "layer": f"{name} {operation}" if isinstance(layer, Residual) else name,
                    "input_shape": inputs,
                    "output_shape": leaf.output_shape(inputs),
                    "weight_shape": leaf.params["weight"].shape,
                    "method": method,
                    "macs": leaf.macs(inputs),
                }
                found.append((sizes, leaf))
        shape = layer.output_shape(shape)
    return found


def layer_passes(layer: Layer, x: np.ndarray, dy: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Return the three passes of a Conv2d or Linear as functions: forward and both gradients, each by itself."""
    forward, weight = partial(layer.forward, x, training=True), layer.params["weight"]
    if isinstance(layer, Conv2d):
        method, sizes = layer.method(x.shape[1:]), (layer.stride, layer.padding)
        weight_gradient = partial(method.weight_gradient, x, dy, layer.grads["weight"], *sizes)
        input_gradient = partial(method.input_gradient, dy, weight, x.shape, *sizes)
    else:
        forward()  # backward needs what this keeps
        weight_gradient = partial(layer.backward, dy, need_dx=False)
        input_gradient = partial(parallel.matmul, dy, weight.T)
    return {"forward": forward, "weight gradient": weight_gradient, "input gradient": input_gradient}


def _compilation_announced() -> Any:
    """Print a line to stderr when the first kernel is compiled inside the `with` block."""
    return on_compilation(partial(print, file=sys.stderr, flush=True))
