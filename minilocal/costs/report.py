"""Costs as plain dicts and lists, ready for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from minilocal.costs.algorithm import AlgorithmCosts, reduction
from minilocal.costs.published import TABLE1, Figure, Reductions, Row
from minilocal.costs.step import Macs, StepCosts


def of_algorithm(algorithm: AlgorithmCosts, backprop: AlgorithmCosts) -> dict[str, Any]:
    """Return an algorithm's costs at each shift, and their means.

    Units are those of `StepCosts`; blocks are [first, last]; `less_than_bp` holds shares, 0.15 for 15 %.
    """
    steps = [
        {
            "shift": step.shift,
            "blocks": step.blocks,
            "idle": step.idle,
            **_costs(step, step.macs, backprop),
            "by_block": [asdict(part) | {"block": part.block, "macs": _macs(part.macs)} for part in step.parts],
        }
        for step in algorithm.steps
    ]
    return {
        "algo": algorithm.algo,
        "steps": steps,
        "mean": _costs(algorithm, algorithm.mean_macs, backprop),
        "layer_weights": algorithm.layer_weights,
        "classifier_weights": algorithm.classifier_weights,
    }


def _costs(costs: StepCosts | AlgorithmCosts, macs: Macs, backprop: AlgorithmCosts) -> dict[str, Any]:
    """Return what there is of a step and as a mean of several; `macs` are its MACs by what they are for."""
    return {
        "macs": _macs(macs),
        "costliest": costs.costliest,
        "trained": costs.trained,
        "frozen": costs.frozen,
        "classifiers": costs.classifiers,
        "stored": costs.stored,
        "off_chip": costs.off_chip,
        "less_than_bp": {
            "macs": reduction(macs.total, backprop.macs),
            "off_chip": reduction(costs.off_chip, backprop.off_chip),
        },
        "pipeline_bound": {
            "against_bp": backprop.macs / costs.costliest,
            "against_itself": macs.total / costs.costliest,
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
