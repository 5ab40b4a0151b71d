"""minilocal: convolutional networks, trained by backpropagation or block-wise local learning, every gradient by hand.

Public names load when first used, so that `import minilocal` is quick:

>>> import minilocal as ml
>>> ml.parse_schedule("G3S2").shift_at(1)
2

A map for readers. Each line imports only from the lines below it:

    train  evaluate  report  doctor     commands, as are bench/ (how fast), compare/ (several algorithms and seeds),
                                grade/ (labs) and course/ (figures for the lessons)
    pipeline/                   blocks trained in parallel by several processes
    runs/                       run directories: options, checkpoints that can be resumed, tables, figures
    costs/                      multiply-adds and memory traffic by formula, without arrays
    gradcheck.py                central differences against every backward
    training/                   trainer.py: THE training loop; recipe.py: its hyperparameters; results, evaluation
    steps.py                    ONE TRAINING STEP, written out: backprop_step and local_step. Start here
    optim.py                    SGD and learning-rate schedules
    networks/                   layers and local losses put together: Network, VGG, auxiliary classifiers
    losses/                     what a block learns from: cross-entropy, similarity matching, both. One per file
    schedule.py                 "G3S2" -> which layers form which block in which epoch
    layers/                     the maths: one layer family per file, forward above backward
    datasets/                   reading and downloading images; preparing them; minibatches
    kernels/                    the loops, compiled by Numba; no BLAS inside
    compute/                    threads, memory, compilation, random streams
    console/                    the command line; plots.py: what figures share
    files.py  errors.py         safe writing, errors

The path of a minibatch: training/trainer.py (the loop) -> datasets/batches.py (crop, flip, normalise) -> steps.py ->
layers/ forward (each calls kernels/ through compute/parallel.py) -> losses/ -> layers/ backward -> optim.py ->
training/results.py.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

__version__ = "0.1.0"

# Public name → the module that defines it, and its name there if different. Files may move; names stay.
_PUBLIC = {
    "InputError": "errors",
    "NonFiniteError": "errors",
    "ShapeError": "errors",
    "TrainingError": "errors",
    "AvgPool2d": "layers",
    "BatchNorm": "layers",
    "BatchNormReLUDropout": "layers",
    "Conv2d": "layers",
    "Deviation": "layers",
    "Dropout": "layers",
    "Flatten": "layers",
    "Layer": "layers",
    "Linear": "layers",
    "MaxPool2d": "layers",
    "PadShortcut": "layers",
    "ReLU": "layers",
    "Residual": "layers",
    "Sequential": "layers",
    "Whitening": "layers",
    "CrossEntropy": "losses",
    "PredSim": "losses",
    "SimilarityMatching": "losses",
    "similarity_matching": "losses",
    "softmax_cross_entropy": "losses",
    "SGD": "optim",
    "learning_rate": "optim",
    "a1": "networks.auxiliary",
    "a2": "networks.auxiliary",
    "own_classifier": "networks.auxiliary",
    "a1_window": "networks.configs",
    "architecture": "networks.configs",
    "CONFIGS": "networks.configs",
    "Network": "networks.network",
    "build_network": "networks.vgg",
    "build_vgg": "networks.vgg",
    "cbrd": "networks.vgg",
    "fbrd": "networks.vgg",
    "residual": "networks.vgg",
    "similarity_branch": "networks.auxiliary",
    "Block": "schedule",
    "Schedule": "schedule",
    "parse_schedule": "schedule:parse",
    "BlockResult": "steps",
    "backprop_step": "steps",
    "block_step": "steps",
    "frozen_forward": "steps",
    "local_step": "steps",
    "Config": "runs.config",
    "gradient_map": "runs.figures",
    "workers": "pipeline.start",
    "alignment": "training.alignment",
    "Recipe": "training.recipe",
    "Trainer": "training.trainer",
    "evaluate_network": "training.evaluation:evaluate",
    "prepare": "datasets.prepare",
    "load_dataset": "datasets:load",
    "evaluation_batches": "datasets.batches",
    "training_batches": "datasets.batches",
    "dropout_key": "compute.streams",
    "one_blas_thread": "compute.parallel",
    "set_threads": "compute.parallel",
    "check_gradient": "gradcheck",
    "check_layer": "gradcheck",
    "algorithm_costs": "costs",
    "block_macs": "costs",
    "pipeline_bound": "costs",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def lazily(package: str, public: dict[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package whose public names load when they are first used.

    `public` maps each name to the module that defines it, or to "module:name" if it has another name there.
    """

    def load(name: str) -> Any:
        if name not in public:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, original = public[name].partition(":")
        value = getattr(importlib.import_module(f"{package}.{module}"), original or name)
        setattr(sys.modules[package], name, value)
        return value

    return load


__getattr__ = lazily(__name__, _PUBLIC)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
