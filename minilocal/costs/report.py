"""Costs as plain dicts and lists, ready for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from minilocal.costs.algorithm import AlgorithmCosts, pipeline_bound, reduction
from minilocal.costs.published import TABLE1, Figure, Reductions, Row
from minilocal.costs.step import Macs


def of_algorithm(algorithm: AlgorithmCosts, backprop: AlgorithmCosts) -> dict[str, Any]:
    """Return an algorithm's costs at each shift, their means, and what follows from them.

    Units are those of `StepCosts`; blocks are [first, last]; `less_than_bp` holds shares, 0.15 for 15 %.
    """
    steps = [
        {
            "shift": step.shift,
            "blocks": step.blocks,
            "idle": step.idle,
            "macs": _macs(step.macs),
            "costliest": step.costliest,
            "trained": step.trained,
            "frozen": step.frozen,
            "classifiers": step.classifiers,
            "stored": step.stored,
            "off_chip": step.off_chip,
            "by_block": [asdict(part) | {"block": part.block, "macs": _macs(part.macs)} for part in step.parts],
        }
        for step in algorithm.steps
    ]
    mean_macs = algorithm.mean_macs
    return {
        "algo": algorithm.algo,
        "steps": steps,
        "mean": {
            "macs": _macs(mean_macs),
            "costliest": algorithm.costliest,
            "stored": algorithm.stored,
            "off_chip": algorithm.off_chip,
        },
        "layer_weights": algorithm.layer_weights,
        "classifier_weights": algorithm.classifier_weights,
        "less_than_bp": {
            "macs": reduction(algorithm.macs, backprop.macs),
            "off_chip": reduction(algorithm.off_chip, backprop.off_chip),
        },
        "pipeline_bound": {
            "against_bp": pipeline_bound(algorithm, backprop),
            "against_itself": pipeline_bound(algorithm, algorithm),
        },
    }


def _macs(macs: Macs) -> dict[str, float]:
    return asdict(macs) | {"total": macs.total}


def of_table1(ours: dict[str, Row]) -> dict[str, Any]:
    """Return Table I, the paper's rows and ours."""
    return {name: {"here": ours[name]._asdict(), "paper": paper._asdict()} for name, paper in TABLE1.items()}


def of_figure(figure: Figure, off_chip: Reductions, macs: Reductions) -> dict[str, Any]:
    """Return both panels of Fig. 6 or 8: reductions in %, by algorithm and network."""
    return {
        "off_chip": {"here": off_chip, "paper": {figure.algorithms[-1]: figure.off_chip}},
        "macs": {"here": macs, "paper": figure.macs},
    }
