"""Our side of the comparison layer by layer, a worker process: one product's forward and two gradients, each alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from minilocal.bench.batch import CLASSES, IMAGE_SHAPE
from minilocal.bench.clock import median_seconds
from minilocal.bench.products import products
from minilocal.bench.serve import serve
from minilocal.compute import parallel
from minilocal.compute.compilation import COMPILING, on_first_compilation
from minilocal.layers import Conv2d, Layer
from minilocal.networks.vgg import build_vgg


class OurProducts:
    """The products of a network, one of which is `take`n at a time."""

    def __init__(self, note: Callable[[str], None], model: str, width: float, batch_size: int, threads: int) -> None:
        parallel.set_threads(threads)
        self.note, self.batch_size = note, batch_size
        self.products = products(build_vgg(model, IMAGE_SHAPE, CLASSES, "BP", width))
        self.passes: dict[str, Callable[[], Any]] = {}

    def take(self, number: int) -> None:
        """Make random arrays for a product, and run its passes once."""
        product, layer = self.products[number]
        rng = np.random.default_rng(number)
        x = rng.standard_normal((self.batch_size, *product.input_shape), np.float32)
        dy = rng.standard_normal((self.batch_size, *product.output_shape), np.float32)
        self.passes = passes(layer, x, dy)
        with on_first_compilation(lambda: self.note(COMPILING)):
            for run in self.passes.values():
                run()

    def seconds(self, name: str) -> float:
        """Return the median seconds of a pass, called several times."""
        with parallel.one_blas_thread():
            return median_seconds(self.passes[name])


def passes(layer: Layer, x: np.ndarray, dy: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Return a Conv2d's or Linear's three passes as functions."""
    weight = layer.params["weight"]
    forward = partial(layer.forward, x, training=True)
    if not isinstance(layer, Conv2d):
        return {
            "forward": forward,
            "weight gradient": partial(layer.backward, dy, need_dx=False),
            "input gradient": partial(parallel.matmul, dy, weight.T),
        }
    algorithm: Any = layer.algorithm(x.shape[1:])
    return {
        "forward": forward,
        "weight gradient": partial(
            algorithm.weight_gradient, x, dy, layer.grads["weight"], layer.stride, layer.padding
        ),
        "input gradient": partial(algorithm.input_gradient, dy, weight, x.shape, layer.stride, layer.padding),
    }


if __name__ == "__main__":
    serve(OurProducts)
