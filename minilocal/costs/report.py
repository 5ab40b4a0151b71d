"""Costs as plain dicts and lists, ready for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from minilocal.costs.algorithm import AlgorithmCosts, pipeline_bound, reduction
from minilocal.costs.published import TABLE1, Figure, Reductions, Row


def of_algorithm(algorithm: AlgorithmCosts, backprop: AlgorithmCosts) -> dict[str, Any]:
    """Return an algorithm's costs at each shift, their means, and what follows from them.

    Units are those of `StepCosts`; blocks are [first, last]; `less_than_bp` holds shares, 0.15 for 15 %.
    """
    steps = [asdict(step) for step in algorithm.steps]
    for step, costs in zip(steps, algorithm.steps, strict=True):
        step["macs"]["total"] = costs.macs.total
    mean_macs = algorithm.mean_macs
    return {
        "algo": algorithm.algo,
        "steps": steps,
        "mean": {
            "macs": asdict(mean_macs) | {"total": mean_macs.total},
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


def of_table1(ours: dict[str, Row]) -> dict[str, Any]:
    """Return Table I, the paper's rows and ours."""
    return {name: {"here": ours[name]._asdict(), "paper": paper._asdict()} for name, paper in TABLE1.items()}


def of_figure(figure: Figure, off_chip: Reductions, macs: Reductions) -> dict[str, Any]:
    """Return both panels of Fig. 6 or 8: reductions in %, by algorithm and network."""
    return {
        "off_chip": {"here": off_chip, "paper": {figure.algorithms[-1]: figure.off_chip}},
        "macs": {"here": macs, "paper": figure.macs},
    }
