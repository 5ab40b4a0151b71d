"""A network in PyTorch, built from the plain operations of `operations.describe`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

OPERATIONS: dict[str, Callable[..., nn.Module]] = {
    "conv": lambda c_in, c_out, kernel, stride, padding, bias: nn.Conv2d(
        c_in, c_out, kernel, stride, padding, bias=bias
    ),
    "linear": nn.Linear,
    "batch_norm": lambda axes, channels: nn.BatchNorm2d(channels) if axes == 3 else nn.BatchNorm1d(channels),
    "relu": lambda: nn.ReLU(inplace=True),
    "dropout": nn.Dropout,
    "max_pool": lambda height, width: nn.MaxPool2d((height, width)),
    "avg_pool": lambda height, width: nn.AvgPool2d((height, width)),
    "flatten": nn.Flatten,
}


class Network(nn.Module):
    """K layers and the auxiliary classifiers on some of them, by the layer's number as text."""

    def __init__(self, network: dict[str, Any]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(sequence(operations) for operations in network["layers"])
        self.auxiliary = nn.ModuleDict({n: sequence(operations) for n, operations in network["auxiliary"].items()})

    def predict(self, x: torch.Tensor) -> torch.Tensor:
        """Return A_K's logits for inputs x (N, C, H, W)."""
        for layer in self.layers:
            x = layer(x)
        return self.auxiliary[str(len(self.layers))](x)


def sequence(operations: list[list[Any]]) -> nn.Sequential:
    """Return the operations as PyTorch's modules, one after the other."""
    return nn.Sequential(*(OPERATIONS[name](*sizes) for name, *sizes in operations))
