"""Costs as tables for people to read."""

from __future__ import annotations

from collections.abc import Sequence

from minilocal.console.text import aligned
from minilocal.costs.algorithm import AlgorithmCosts, pipeline_bound, reduction
from minilocal.costs.published import MODELS, TABLE1, Figure, Reductions, Row
from minilocal.costs.step import Macs


def render(algorithms: Sequence[AlgorithmCosts], backprop: AlgorithmCosts) -> str:
    """Return four tables: MACs, parameters, off-chip accesses and pipeline bounds; a row per shift, and their means."""
    compared = (_off_chip(algorithms, backprop), _pipeline(algorithms, backprop))
    return "\n\n".join([_macs(algorithms, backprop), _weights(algorithms), *compared])


def _macs(algorithms: Sequence[AlgorithmCosts], backprop: AlgorithmCosts) -> str:
    rows = [["algo", "shift", "forward", "weight gr.", "input gr.", "classifiers", "MACs/image", "less than BP"]]
    for algorithm in algorithms:
        parts: list[tuple[str, Macs]] = [(str(step.shift), step.macs) for step in algorithm.steps]
        parts += [("mean", algorithm.mean_macs)] if len(algorithm.steps) > 1 else []
        for shift, m in parts:
            numbers = (m.forward, m.weight_gradient, m.input_gradient, m.classifiers, m.total)
            rows.append([algorithm.algo, shift, *map(_whole, numbers), _percent(reduction(m.total, backprop.macs))])
    return "MACs of a step\n" + aligned(rows)


def _weights(algorithms: Sequence[AlgorithmCosts]) -> str:
    rows = [["algo", "layers", "classifiers", "all", "classifiers/layers"]]
    for algorithm in algorithms:
        share = algorithm.classifier_weights / algorithm.layer_weights
        numbers = (algorithm.layer_weights, algorithm.classifier_weights, algorithm.weights)
        rows.append([algorithm.algo, *map(_whole, numbers), _percent(share, 2)])
    return "parameters: weights of convolutions and linear layers, of all classifiers ever used\n" + aligned(rows)


def _off_chip(algorithms: Sequence[AlgorithmCosts], backprop: AlgorithmCosts) -> str:
    rows = [["algo", "shift", "trained", "frozen", "classifiers", "stored/image", "accesses", "less than BP"]]
    for algorithm in algorithms:
        for step in algorithm.steps:
            numbers = (step.trained, step.frozen, step.classifiers, step.stored, step.off_chip)
            less = _percent(reduction(step.off_chip, backprop.off_chip))
            rows.append([algorithm.algo, str(step.shift), *map(_whole, numbers), less])
        if len(algorithm.steps) > 1:
            less = _percent(reduction(algorithm.off_chip, backprop.off_chip))
            means = (algorithm.trained, algorithm.frozen, algorithm.classifiers, algorithm.stored, algorithm.off_chip)
            rows.append([algorithm.algo, "mean", *map(_whole, means), less])
    title = "off-chip accesses, words per minibatch; parameters by use, and activations stored until backward"
    return f"{title}\n{aligned(rows)}"


def _pipeline(algorithms: Sequence[AlgorithmCosts], backprop: AlgorithmCosts) -> str:
    rows = [["algo", "shift", "workers", "costliest block's MACs", "bound against BP", "against itself"]]
    for algorithm in algorithms:
        for step in algorithm.steps:
            bounds = [f"{whole / step.costliest:.2f}×" for whole in (backprop.macs, step.macs.total)]
            rows.append([algorithm.algo, str(step.shift), str(len(step.blocks)), _whole(step.costliest), *bounds])
        if len(algorithm.steps) > 1:
            bounds = [f"{pipeline_bound(algorithm, other):.2f}×" for other in (backprop, algorithm)]
            rows.append([algorithm.algo, "mean", "", _whole(algorithm.costliest), *bounds])
    return "pipeline, one block per worker: at most so many times as fast as on one worker\n" + aligned(rows)


def render_table1(ours: dict[str, Row]) -> str:
    """Return Table I, the paper's numbers above ours, and what to know where they differ."""
    rows = [["", "", "MAC max", "MAC avg.", "parameters max", "parameters avg."]]
    for name, paper in TABLE1.items():
        rows.append([name, "paper", *map(_whole, paper)])
        rows.append(["", "here", *map(_whole, ours[name])])
    layers, a1, a2 = ours["layers"], ours["A1"], ours["A2"]
    paper_layers, paper_a2 = TABLE1["layers"], TABLE1["A2"]
    return f"""\
Table I: VGG-16, CIFAR-10, layer-wise; A1 on 15 layers, A2 on the 13 convolutional ones
{aligned(rows, texts=2)}

Every cell is the paper's but A2's averages, {_percent(1 - a2.macs_mean / paper_a2.macs_mean, 2)} lower here. \
With one more 512×10 matrix in the sums over the
13 nets they would be the paper's: {_whole(a2.macs_mean + 3 * 5120 / 13)} and {_whole(a2.weights_mean + 5120 / 13)}.

Share of all MACs: A1 {_percent(_share(15 * a1.macs_mean, 15 * layers.macs_mean))}, \
A2 {_percent(_share(13 * a2.macs_mean, 15 * layers.macs_mean))} (paper: 0.1 %, 11.2 %).
Parameters added to the layers': A1 {_percent(a1.weights_mean / layers.weights_mean)} (paper: 1.8 %), \
A2 {_percent(13 * a2.weights_mean / (15 * layers.weights_mean))}. The paper's text says 123.1 % for A2, but its own
table gives 13 × {_whole(paper_a2.weights_mean)} / (15 × {_whole(paper_layers.weights_mean)}) = \
{_percent(13 * paper_a2.weights_mean / (15 * paper_layers.weights_mean))}."""


def render_figure(figure: Figure, off_chip: Reductions, macs: Reductions) -> str:
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
Fig. {figure.number}: {figure.dataset}, A1: how much less than BP, in %
{aligned(accesses)}

{aligned(products)}

The paper gives one reduction of MACs per algorithm, "regardless of the neural network structure". That is not quite so:
networks lie up to {spreads[widest]:.1f} points apart ({widest}); the mean of the four is what comes near."""


def _share(part: float, rest: float) -> float:
    return part / (part + rest)


def _whole(number: float) -> str:
    return f"{number:,.0f}"


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"
