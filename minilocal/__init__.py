"""minilocal: convolutional networks trained by backpropagation and by block-wise local learning, by hand.

Public names load when first used, so that `import minilocal` is quick:

>>> import minilocal as ml
>>> ml.parse_schedule("G3S2").shift_at(1)
2
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# Public name → the module that defines it, and its name there if different. Files may move; names stay.
_PUBLIC = {
    "InputError": "errors",
    "ShapeError": "errors",
    "TrainingError": "errors",
    "AvgPool2d": "layers",
    "BatchNorm": "layers",
    "BatchNormReLUDropout": "layers",
    "Conv2d": "layers",
    "Dropout": "layers",
    "Flatten": "layers",
    "Layer": "layers",
    "Linear": "layers",
    "MaxPool2d": "layers",
    "ReLU": "layers",
    "Sequential": "layers",
    "softmax_cross_entropy": "losses",
    "SGD": "optim",
    "learning_rate": "optim",
    "a1": "networks.auxiliary",
    "a2": "networks.auxiliary",
    "Network": "networks.network",
    "CONFIGS": "networks.configs",
    "build_network": "networks.vgg",
    "build_vgg": "networks.vgg",
    "Block": "schedule",
    "Schedule": "schedule",
    "parse_schedule": "schedule:parse",
    "BlockResult": "steps",
    "backprop_step": "steps",
    "local_step": "steps",
    "Trainer": "training.trainer",
    "prepare": "datasets.prepare",
    "load_dataset": "datasets:load",
    "training_batches": "datasets.batches",
    "set_threads": "compute.parallel",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'minilocal' has no attribute {name!r}")
    module, _, original = _PUBLIC[name].partition(":")
    value = getattr(importlib.import_module(f"minilocal.{module}"), original or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
