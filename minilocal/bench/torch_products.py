"""PyTorch's side of the comparison layer by layer, a worker process: the same three passes in one of both layouts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from minilocal.bench.clock import median_seconds
from minilocal.bench.serve import serve
from minilocal.bench.torch_steps import LAYOUTS


class TorchProducts:
    """Convolutions and fully connected layers, one of which is `take`n at a time, in both memory layouts."""

    def __init__(self, note: Callable[[str], None], batch_size: int, threads: int) -> None:
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.batch_size = batch_size
        self.passes: dict[str, dict[str, Callable[[], Any]]] = {}

    def take(self, product: dict[str, Any]) -> list[str]:
        """Make random tensors for a product, run its passes once, and return the layouts that there are for it."""
        if len(product["weight_shape"]) == 4:
            self.passes = {layout: conv_passes(product, self.batch_size, layout) for layout in LAYOUTS}
        else:
            self.passes = {"vectors": linear_passes(product, self.batch_size)}
        for passes in self.passes.values():
            for run in passes.values():
                run()
        return list(self.passes)

    def seconds(self, layout: str, name: str) -> float:
        """Return the median seconds of a pass, called several times."""
        with torch.no_grad():
            return median_seconds(self.passes[layout][name])


def conv_passes(product: dict[str, Any], batch_size: int, layout: str) -> dict[str, Callable[[], Any]]:
    """Return a convolution's three passes as functions, tensors in that layout."""

    def tensor(*shape: int) -> torch.Tensor:
        return torch.randn(shape).contiguous(memory_format=LAYOUTS[layout])

    (height, width, c_in), (p, q, c_out) = product["input_shape"], product["output_shape"]
    kernel, stride, padding = product["weight_shape"][0], product["stride"], product["padding"]
    x, dy = tensor(batch_size, c_in, height, width), tensor(batch_size, c_out, p, q)
    weight = tensor(c_out, c_in, kernel, kernel)

    def gradient(of_input: bool, of_weight: bool) -> Any:
        return torch.ops.aten.convolution_backward(
            dy, x, weight, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, [of_input, of_weight, False]
        )

    return {
        "forward": lambda: functional.conv2d(x, weight, None, stride, padding),
        "weight gradient": lambda: gradient(False, True),
        "input gradient": lambda: gradient(True, False),
    }


def linear_passes(product: dict[str, Any], batch_size: int) -> dict[str, Callable[[], Any]]:
    """Return a fully connected layer's three passes as functions."""
    d_in, d_out = product["weight_shape"]
    x, dy, weight = torch.randn(batch_size, d_in), torch.randn(batch_size, d_out), torch.randn(d_out, d_in)
    return {
        "forward": lambda: functional.linear(x, weight),
        "weight gradient": lambda: dy.T @ x,
        "input gradient": lambda: dy @ weight,
    }


if __name__ == "__main__":
    serve(TorchProducts)
