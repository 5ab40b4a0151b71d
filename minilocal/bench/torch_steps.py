"""PyTorch's side of a comparison, a worker process: the same network, algorithm, batch and optimizer.

It is written as one would write it in PyTorch, with autograd, and trains by blocks as `minilocal.steps` does. This
process never imports minilocal's layers or Numba, so that its peak memory is PyTorch's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from minilocal.bench.batch import LR, MOMENTUM, WEIGHT_DECAY, random_batch
from minilocal.bench.serve import peak_memory, serve
from minilocal.bench.torch_network import Network

LAYOUTS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}


class TorchSteps:
    """A network in one of the two memory layouts, its optimizer and its minibatch."""

    def __init__(
        self, note: Callable[[str], None], network: dict[str, Any], layout: str, batch_size: int, threads: int
    ) -> None:
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.network = Network(network).to(memory_format=LAYOUTS[layout])
        self.optimizer = torch.optim.SGD(self.network.parameters(), LR, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
        x, labels = random_batch(batch_size)
        self.x = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=LAYOUTS[layout])
        self.labels = torch.from_numpy(labels)

    def warm_up(self, blocks: list[list[int]], steps: int) -> None:
        """Take steps (or, without blocks, inferences) that nobody times."""
        for _ in range(steps):
            self.step(blocks)

    def step(self, blocks: list[list[int]]) -> float:
        """Return the seconds of one training step of these blocks, or of inference if there are none."""
        self.network.train(bool(blocks))
        start = time.perf_counter()
        if blocks:
            self.train(blocks)
        else:
            with torch.inference_mode():
                self.network.predict(self.x)
        return time.perf_counter() - start

    def train(self, blocks: list[list[int]]) -> list[float]:
        """Take one training step and return the losses of its blocks; BP is one block of all layers."""
        layers, auxiliary = self.network.layers, self.network.auxiliary
        x, losses = self.x, []
        with torch.no_grad():
            for layer in layers[: blocks[0][0] - 1]:  # frozen, but in training mode
                x = layer(x)
        for first, last in blocks:
            x = x.detach()  # no gradient crosses the boundary
            for layer in layers[first - 1 : last]:
                x = layer(x)
            loss = functional.cross_entropy(auxiliary[str(last)](x), self.labels)
            self.optimizer.zero_grad(set_to_none=True)  # parameters without a gradient are not updated
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
        return losses

    def peak_memory(self) -> int | None:
        """Return this process's peak memory in bytes, if the system tells."""
        return peak_memory()


if __name__ == "__main__":
    serve(TorchSteps)
