"""Costs as tables to read, and as plain dicts and lists for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from minilocal.console.text import aligned
from minilocal.costs.algorithm import AlgorithmCosts, reduction
from minilocal.costs.published import MODELS, TABLE1, Figure, Reductions, Row
from minilocal.costs.step import Costs, Macs, StepCosts


def tables(algorithms: Sequence[AlgorithmCosts], backprop: AlgorithmCosts) -> str:
    """Return four tables with a row per shift and one for the means: MACs, parameters, off-chip accesses, pipelines."""
    return "\n\n".join(table(algorithms, backprop) for table in (_macs, _weights, _off_chip, _pipeline))


def _steps(algorithms: Sequence[AlgorithmCosts]) -> list[tuple[list[str], Costs]]:
    """Return each algorithm's steps and, if there are several, their mean, with the first two cells of their rows."""
    steps: list[tuple[list[str], Costs]] = []
    for algorithm in algorithms:
        steps += [([algorithm.algo, str(step.shift)], step) for step in algorithm.steps]
        steps += [([algorithm.algo, "mean"], algorithm.mean)] if len(algorithm.steps) > 1 else []
    return steps


def _macs(algorithms: Sequence[AlgorithmCosts], backprop: AlgorithmCosts) -> str:
    rows = [["algo", "shift", "forward", "weight gr.", "input gr.", "classifiers", "MACs/image", "less than BP"]]
    for cells, costs in _steps(algorithms):
        m = costs.macs
        numbers = (m.forward, m.weight_gradient, m.input_gradient, m.classifiers, m.total)
        rows.append([*cells, *map(_whole, numbers), _percent(reduction(m.total, backprop.macs))])
    return "MACs of a step\n" + aligned(rows)


def _weights(algorithms: Sequence[AlgorithmCosts], _: AlgorithmCosts) -> str:
    rows = [["algo", "layers", "classifiers", "all", "classifiers/layers"]]
    for algorithm in algorithms:
        share = algorithm.classifier_weights / algorithm.layer_weights
        numbers = (algorithm.layer_weights, algorithm.classifier_weights, algorithm.weights)
        rows.append([algorithm.algo, *map(_whole, numbers), _percent(share, 2)])
    return "parameters: the weights of convolutions and linear layers, and of all classifiers\n" + aligned(rows)


def _off_chip(algorithms: Sequence[AlgorithmCosts], backprop: AlgorithmCosts) -> str:
    rows = [["algo", "shift", "trained", "frozen", "classifiers", "stored/image", "accesses", "less than BP"]]
    for cells, costs in _steps(algorithms):
        numbers = (costs.trained, costs.frozen, costs.classifiers, costs.stored, costs.off_chip)
        rows.append([*cells, *map(_whole, numbers), _percent(reduction(costs.off_chip, backprop.off_chip))])
    return "off-chip accesses, words per minibatch; parameters by use; activations stored for backward\n" + aligned(
        rows
    )


def _pipeline(algorithms: Sequence[AlgorithmCosts], backprop: AlgorithmCosts) -> str:
    rows = [["algo", "shift", "workers", "costliest block's MACs", "bound against BP", "against itself"]]
    for cells, costs in _steps(algorithms):
        workers = str(len(costs.blocks)) if isinstance(costs, StepCosts) else ""
        bounds = [f"{bound:.2f}×" for bound in _bounds(costs, backprop).values()]
        rows.append([*cells, workers, _whole(costs.costliest), *bounds])
    return "pipeline, one block per worker: upper bounds on the speed-up against one worker\n" + aligned(rows)


def _bounds(costs: Costs, backprop: AlgorithmCosts) -> dict[str, float]:
    """Return `pipeline_bound` for one step or the mean."""
    return {"against_bp": backprop.macs / costs.costliest, "against_itself": costs.macs.total / costs.costliest}


def content(algorithm: AlgorithmCosts, backprop: AlgorithmCosts) -> dict[str, Any]:
    """Return an algorithm's costs at each shift, and their means, ready for JSON.

    Units are those of `Costs`; blocks are [first, last]; `less_than_bp` holds shares, 0.15 for 15 %.
    """
    steps = []
    for step in algorithm.steps:
        by_block = [asdict(costs) | {"macs": _with_total(costs.macs)} for costs in step.by_block]
        steps.append(_content(step, backprop) | {"blocks": step.blocks, "by_block": by_block})
    return {
        "algo": algorithm.algo,
        "steps": steps,
        "mean": _content(algorithm.mean, backprop),
        "layer_weights": algorithm.layer_weights,
        "classifier_weights": algorithm.classifier_weights,
    }


def _content(costs: Costs, backprop: AlgorithmCosts) -> dict[str, Any]:
    macs, off_chip = reduction(costs.macs.total, backprop.macs), reduction(costs.off_chip, backprop.off_chip)
    less = {"macs": macs, "off_chip": off_chip}
    more = {"macs": _with_total(costs.macs), "less_than_bp": less, "pipeline_bound": _bounds(costs, backprop)}
    return asdict(costs) | more


def _with_total(macs: Macs) -> dict[str, float]:
    return asdict(macs) | {"total": macs.total}


def table1_text(ours: dict[str, Row]) -> str:
    """Return Table I with the paper's numbers above ours, and an explanation of where they differ."""
    rows = [["", "", "MAC max", "MAC avg.", "parameters max", "parameters avg."]]
    for name, paper in TABLE1.items():
        rows.append([name, "paper", *map(_whole, paper)])
        rows.append(["", "here", *map(_whole, ours[name])])
    layers, a1, a2 = ours["layers"], ours["A1"], ours["A2"]
    paper_layers, paper_a2 = TABLE1["layers"], TABLE1["A2"]
    return f"""\
Table I: VGG-16, CIFAR-10, layer-wise; A1 on 15 layers, A2 on the 13 convolutional ones
{aligned(rows, texts=2)}

Every number equals the paper's except A2's averages, which are {_percent(1 - a2.macs_mean / paper_a2.macs_mean, 2)} \
lower here. One more 512×10 matrix in the
sums over the 13 classifiers would give the paper's: {_whole(a2.macs_mean + 3 * 5120 / 13)} and \
{_whole(a2.weights_mean + 5120 / 13)}.

Share of all MACs: A1 {_percent(_share(15 * a1.macs_mean, 15 * layers.macs_mean))}, \
A2 {_percent(_share(13 * a2.macs_mean, 15 * layers.macs_mean))} (paper: 0.1 %, 11.2 %).
Additional parameters, relative to the layers': A1 {_percent(a1.weights_mean / layers.weights_mean)} (paper: 1.8 %), \
A2 {_percent(13 * a2.weights_mean / (15 * layers.weights_mean))}. The paper's text says 123.1 %
for A2, but its own table gives 13 × {_whole(paper_a2.weights_mean)} / (15 × {_whole(paper_layers.weights_mean)}) = \
{_percent(13 * paper_a2.weights_mean / (15 * paper_layers.weights_mean))}."""


def table1_content(ours: dict[str, Row]) -> dict[str, Any]:
    """Return Table I with the paper's rows and ours, ready for JSON."""
    return {name: {"here": ours[name]._asdict(), "paper": paper._asdict()} for name, paper in TABLE1.items()}


def figure_text(figure: Figure, off_chip: Reductions, macs: Reductions) -> str:
    """Return both panels of Fig. 6 or 8 as tables, the paper's numbers beside ours."""
    moving = figure.algorithms[-1]
    accesses = [["(a) off-chip accesses", *MODELS]]
    products = [["(b) MACs", *MODELS, "mean", "paper"]]
    for algo in figure.algorithms:
        accesses.append([algo, *(f"{off_chip[algo][model]:.1f}" for model in MODELS)])
        cells = [macs[algo][model] for model in MODELS]
        products.append([algo, *(f"{n:.1f}" for n in (*cells, sum(cells) / len(cells))), str(figure.macs[algo])])
    accesses.append([f"{moving}, paper", *(str(figure.off_chip[model]) for model in MODELS)])
    spreads = {algo: max(by.values()) - min(by.values()) for algo, by in macs.items()}
    widest = max(spreads, key=lambda algo: spreads[algo])
    return f"""\
Fig. {figure.number}: {figure.dataset}, A1: reduction against BP in %
{aligned(accesses)}

{aligned(products)}

The paper gives one reduction of MACs per algorithm, "regardless of the neural network structure". That is not quite
true: the networks differ by up to {spreads[widest]:.1f} points ({widest}). The mean of the four comes close to the \
paper's number."""


def figure_content(figure: Figure, off_chip: Reductions, macs: Reductions) -> dict[str, Any]:
    """Return both panels of Fig. 6 or 8, ready for JSON: reductions in %, by algorithm and network."""
    return {
        "off_chip": {"here": off_chip, "paper": {figure.algorithms[-1]: figure.off_chip}},
        "macs": {"here": macs, "paper": figure.macs},
    }


def _share(some: float, others: float) -> float:
    return some / (some + others)


def _whole(number: float) -> str:
    return f"{number:,.0f}"


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"
