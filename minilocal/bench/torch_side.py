"""What runs in PyTorch's worker processes: the same network, algorithm, minibatch and optimizer, and single layers.

It is written as one would write it in PyTorch, with autograd, and trains by blocks as `minilocal.steps` does. These
processes never import minilocal's layers or Numba, so their peak memory is PyTorch's.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from minilocal.bench.plan import CLASSES, DROPOUT, IMAGE_SHAPE, LR, MOMENTUM, WEIGHT_DECAY, random_batch
from minilocal.bench.worker import mean_seconds, median_seconds
from minilocal.errors import TrainingError
from minilocal.networks.configs import Stage, a1_window, architecture, parse_stages
from minilocal.schedule import parse

LAYOUTS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}


class TorchNetwork(nn.Module):
    """K layers, CBRD, FBRD and residual blocks, and the classifiers that an algorithm needs, by number as text."""

    def __init__(self, algo: str, model: str, width: float, classifier: str, dropout: float = DROPOUT) -> None:
        super().__init__()
        config = architecture(model, width)
        stages = parse_stages(config.stages, config.fc)
        ends = parse(algo).classifiers(len(stages))
        self.layers, self.auxiliary = nn.ModuleList(), nn.ModuleDict()
        shape: tuple[int, ...] = IMAGE_SHAPE
        for number, stage in enumerate(stages, 1):
            modules, size = [], stage.width
            if stage.pool:
                modules.append(nn.MaxPool2d(2))
                shape = (shape[0] // 2, shape[1] // 2, shape[2])
            if stage.kind == "fc":
                modules += [nn.Flatten(), nn.Linear(math.prod(shape), size, bias=False), nn.BatchNorm1d(size)]
                shape = (size,)
            elif stage.kind == "conv":
                modules += conv_and_norm(shape[2], size, stage.kernel, stage.stride)
            else:
                modules.append(Residual(shape[2], stage, dropout))
            if stage.kind in ("fc", "conv"):
                modules += [nn.ReLU(inplace=True), nn.Dropout(dropout)]
            if stage.kind != "fc":
                shape = (-(-shape[0] // stage.stride), -(-shape[1] // stage.stride), size)
            self.layers.append(nn.Sequential(*modules))
            if number == len(stages):
                mean = [nn.AdaptiveAvgPool2d(1)] if stage.average else []
                inputs = shape[-1] if stage.average else math.prod(shape)
                self.auxiliary[str(number)] = nn.Sequential(*mean, nn.Flatten(), nn.Linear(inputs, CLASSES))
            elif number in ends:
                a2_fits = classifier == "a2" and len(shape) == 3
                self.auxiliary[str(number)] = a2(shape) if a2_fits else a1(shape, config.features)

    def forward(self, x: torch.Tensor, first: int, last: int) -> torch.Tensor:
        """Return the output of layers `first` … `last` for inputs x (N, C, H, W)."""
        for layer in self.layers[first - 1 : last]:
            x = layer(x)
        return x

    def block(self, x: torch.Tensor, labels: torch.Tensor, first: int, last: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the output of a block for inputs x (N, C, H, W), and its loss."""
        x = self.forward(x, first, last)
        return x, functional.cross_entropy(self.auxiliary[str(last)](x), labels)

    def predict(self, x: torch.Tensor) -> torch.Tensor:
        """Return A_K's logits for inputs x (N, C, H, W)."""
        return self.auxiliary[str(len(self.layers))](self.forward(x, 1, len(self.layers)))


class Residual(nn.Module):
    """A residual block; see `minilocal.networks.vgg.residual`."""

    def __init__(self, c_in: int, stage: Stage, dropout: float) -> None:
        super().__init__()
        c_out, self.stride, self.added = stage.width, stage.stride, stage.width - c_in
        self.body = nn.Sequential(
            *conv_and_norm(c_in, c_out, stage.kernel, stage.stride),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            *conv_and_norm(c_out, c_out, stage.kernel, 1),
        )
        projects = stage.kind == "projection"
        self.projection = nn.Sequential(*conv_and_norm(c_in, c_out, 1, stage.stride)) if projects else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the output for inputs x (N, C, H, W)."""
        y = self.body(x)
        if self.projection is not None:
            x = self.projection(x)
        elif self.stride > 1 or self.added:
            x = functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
        return functional.relu(y + x, inplace=True)


def conv_and_norm(c_in: int, c_out: int, kernel: int, stride: int) -> list[nn.Module]:
    """Return a convolution whose padding is half its kernel, and BatchNorm."""
    conv = nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, bias=False)
    return [conv, nn.BatchNorm2d(c_out)]


def a1(shape: tuple[int, ...], features: int) -> nn.Sequential:
    """Return A1 for layer outputs of that shape; see `minilocal.networks.auxiliary`."""
    window = a1_window(shape, features) if len(shape) == 3 else (1, 1)
    pool = [nn.AvgPool2d(window)] if window != (1, 1) else []
    linear = nn.Linear(math.prod(shape) // math.prod(window), CLASSES, bias=False)
    return nn.Sequential(*pool, nn.Flatten(), linear, nn.BatchNorm1d(CLASSES))


def a2(shape: tuple[int, ...]) -> nn.Sequential:
    """Return A2 for maps of that shape; see `minilocal.networks.auxiliary`."""
    sides, c = shape[:2], shape[2]
    first = tuple(min(side, 4) for side in sides)
    second = tuple(max(1, side // window // 2) for side, window in zip(sides, first, strict=True))
    d = math.prod(shape) // math.prod(first + second)
    modules = [nn.AvgPool2d(first)]
    for _ in range(3):
        modules += [nn.Conv2d(c, c, 1, bias=False), nn.BatchNorm2d(c), nn.ReLU(inplace=True)]
    modules += [nn.AvgPool2d(second), nn.Flatten()]
    for _ in range(3):
        modules += [nn.Linear(d, d, bias=False), nn.BatchNorm1d(d), nn.ReLU(inplace=True)]
    return nn.Sequential(*modules, nn.Linear(d, CLASSES))


class TorchSteps:
    """A network in one of the two memory layouts, its optimizer and its minibatch; compiled by `backend` if asked.

    Raises `TrainingError` if the library that should have been preloaded wasn't.
    """

    def __init__(
        self, layout: str, batch_size: int, threads: int, preloaded: str | None = None, compiled: bool = False,
        backend: str = "inductor", **network: Any,
    ) -> None:  # fmt: skip
        if preloaded and preloaded not in Path("/proc/self/maps").read_text(encoding="utf-8"):
            raise TrainingError(f"{preloaded} can't be preloaded")
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.network = TorchNetwork(**network).to(memory_format=LAYOUTS[layout])
        self.optimizer = torch.optim.SGD(self.network.parameters(), LR, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
        x, labels = random_batch(batch_size)
        self.x = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=LAYOUTS[layout])
        self.labels = torch.from_numpy(labels)
        self.frozen, self.block, self.predict = self.network.forward, self.network.block, self.network.predict
        if compiled:
            torch._dynamo.config.recompile_limit = 64  # each block compiles the same functions again
            build = partial(torch.compile, fullgraph=True, dynamic=False, backend=backend)
            self.frozen, self.block, self.predict = map(build, (self.frozen, self.block, self.predict))

    def compile(self, blocks: Sequence[Sequence[int]]) -> None:
        """Take a first step, which compiles; raise `TrainingError` if torch.compile can't."""
        try:
            self.step(blocks)
        except Exception as error:
            error = getattr(error, "inner_exception", error)
            reason = str(error).strip().partition("\n")[0]
            raise TrainingError(f"it fails with {type(error).__name__}: {reason}") from None

    def step(self, blocks: Sequence[Sequence[int]]) -> float:
        """Return the seconds of one training step of these blocks, or of inference if there are none."""
        self.network.train(bool(blocks))
        start = time.perf_counter()
        if blocks:
            self.train(blocks)
        else:
            with torch.inference_mode():
                self.predict(self.x)
        return time.perf_counter() - start

    def pace(self, blocks: Sequence[Sequence[int]]) -> float:
        """Return the mean seconds of a step, of as many in a row as make a turn."""
        return mean_seconds(partial(self.step, blocks))

    def train(self, blocks: Sequence[Sequence[int]]) -> list[float]:
        """Take one training step and return the losses of its blocks; BP is one block of all layers."""
        x, losses = self.x, []
        if blocks[0][0] > 1:
            with torch.no_grad():
                x = self.frozen(x, 1, blocks[0][0] - 1)  # but in training mode
        for first, last in blocks:
            x, loss = self.block(x.detach(), self.labels, first, last)  # no gradient crosses the boundary
            self.optimizer.zero_grad(set_to_none=True)  # parameters without a gradient are not updated
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
        return losses


class TorchLayers:
    """Single convolutions and linear layers in both memory layouts, with one of them chosen at a time."""

    def __init__(self, batch_size: int, threads: int) -> None:
        torch.set_num_threads(threads)
        self.batch_size = batch_size
        self.passes: dict[str, dict[str, Callable[[], Any]]] = {}

    def choose(self, sizes: dict[str, Any]) -> list[str]:
        """Make random tensors for a layer, given as in `our_side.products`; return the layouts that it can have."""
        if len(sizes["weight_shape"]) == 4:
            self.passes = {layout: conv_passes(sizes, self.batch_size, layout) for layout in LAYOUTS}
        else:
            self.passes = {"vectors": linear_passes(sizes, self.batch_size)}
        return list(self.passes)

    def seconds(self, layout: str, name: str) -> float:
        """Return the median seconds of a pass, called several times."""
        with torch.no_grad():
            return median_seconds(self.passes[layout][name])


def conv_passes(sizes: dict[str, Any], batch_size: int, layout: str) -> dict[str, Callable[[], Any]]:
    """Return the three passes of a convolution as functions, tensors in that layout; its padding is half its kernel."""
    (height, width, c_in), (p, q, c_out) = sizes["input_shape"], sizes["output_shape"]
    (kernel, *_), stride = sizes["weight_shape"], -(-height // p)
    shapes = (batch_size, c_in, height, width), (batch_size, c_out, p, q), (c_out, c_in, kernel, kernel)
    x, dy, weight = (torch.randn(shape).contiguous(memory_format=LAYOUTS[layout]) for shape in shapes)
    stride, padding = [stride] * 2, [kernel // 2] * 2
    backward = partial(
        torch.ops.aten.convolution_backward, dy, x, weight, None, stride, padding, [1, 1], False, [0, 0], 1
    )
    return {
        "forward": partial(functional.conv2d, x, weight, stride=stride, padding=padding),
        "weight gradient": partial(backward, [False, True, False]),
        "input gradient": partial(backward, [True, False, False]),
    }


def linear_passes(sizes: dict[str, Any], batch_size: int) -> dict[str, Callable[[], Any]]:
    """Return the three passes of a linear layer as functions."""
    d_in, d_out = sizes["weight_shape"]
    x, dy, weight = torch.randn(batch_size, d_in), torch.randn(batch_size, d_out), torch.randn(d_out, d_in)
    return {
        "forward": partial(functional.linear, x, weight),
        "weight gradient": lambda: dy.T @ x,
        "input gradient": lambda: dy @ weight,
    }
