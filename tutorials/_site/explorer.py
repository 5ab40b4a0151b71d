"""What `schedule` and `costs` say, for the explorer (as JSON) and the home page (as an animated picture).

In a page, a line `% explorer` stands for the JSON, and `% gradients` for the picture.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from minilocal.costs import AlgorithmCosts, algorithm_costs, pipeline_bound, reduction
from minilocal.costs.sizes import SIZES
from minilocal.course.gradient_paths import states_at
from minilocal.networks.configs import CONFIGS, parse_stages
from minilocal.schedule import parse

CLASSES = (10, 26, 47, 100, 1000)
QUANTITIES = (
    {
        "name": "Multiply-adds per image",
        "parts": ["forward", "weight gradient", "input gradient", "classifiers"],
    },
    {"name": "Activations stored per image, at most", "parts": []},
    {"name": "Off-chip accesses, words per minibatch of 128", "parts": []},
    {"name": "Parameters", "parts": ["layers", "classifiers"]},
    {
        "name": "Pipeline bound: how many times as fast as BP, with a worker per block",
        "parts": [],
        "unit": "×",
    },
)


def contents() -> dict[str, Any]:
    """Return everything that the explorer shows: blocks by number of layers, and costs by network."""
    layers = {model: len(parse_stages(config.stages, config.fc)) for model, config in CONFIGS.items()}
    return {
        "networks": layers,
        "classifiers": list(SIZES),
        "classes": CLASSES,
        "quantities": QUANTITIES,
        "schedules": {count: {algo: epochs(algo, count) for algo in algorithms(count)} for count in layers.values()},
        "costs": {
            model: {name: {n: costs(model, name, n, layers[model]) for n in CLASSES} for name in SIZES}
            for model in CONFIGS
        },
    }


def algorithms(layers: int) -> Iterator[str]:
    """Yield BP and every GX and GXSY that fits a network with that many layers."""
    yield "BP"
    for size in range(1, layers + 1):
        for shift in range(size):
            yield f"G{size}S{shift}" if shift else f"G{size}"


def epochs(algo: str, layers: int) -> list[dict[str, Any]]:
    """Return what rests and what learns in each epoch of an algorithm's period."""
    schedule = parse(algo)
    period = [schedule.blocks_at(epoch, layers) for epoch in range(schedule.period)]
    return [{"rest": blocks[0].first - 1, "blocks": blocks} for blocks in period]


def costs(model: str, classifier: str, classes: int, layers: int) -> dict[str, list[list[float]]]:
    """Return, by algorithm and in the order of `QUANTITIES`: the total, how much less than BP, and the parts."""

    def of(algo: str) -> AlgorithmCosts:
        return algorithm_costs(CONFIGS[model], algo, classes=classes, classifier=classifier)

    def rows(algo: AlgorithmCosts) -> list[list[float]]:
        mean, macs = algo.mean, algo.mean.macs
        return [
            [macs.total, macs.forward, macs.weight_gradient, macs.input_gradient, macs.classifiers],
            [mean.stored],
            [mean.off_chip],
            [algo.weights, algo.layer_weights, algo.classifier_weights],
            [pipeline_bound(algo, backprop)],
        ]

    backprop = of("BP")
    totals = [row[0] for row in rows(backprop)]
    return {
        algo: [
            [short(number) for number in (row[0], reduction(row[0], bp), *row[1:])]
            for row, bp in zip(rows(of(algo)), totals, strict=True)
        ]
        for algo in algorithms(layers)
    }


def short(number: float) -> float:
    """Return a number without the digits that nobody sees."""
    return int(number) if number == int(number) else round(number, 8)


CELL, ROW, TOP, LEFT = 34, 21, 22, 26  # the picture's measures, in units of its view box
MOMENT, REST = (
    0.22,
    12,
)  # seconds per moment, and moments to look at the whole picture before it starts again


def gradients(names: tuple[str, ...] = ("BP", "G1", "G2", "G3S2"), layers: int = 7, epochs: int = 4) -> str:
    """Return the gradient's way in HTML, a panel for each algorithm, one training step in each epoch.

    A layer turns grey when it has run forward and gets its block's colour when the gradient has passed. CSS moves it
    all; readers who asked for less motion, and printers, get the complete picture.
    """
    moments = 2 * layers * epochs
    keys = (f"{100 * t / (moments + REST):.2f}%" for t in range(moments))
    frames = "".join(f"@keyframes m{t}{{0%{{opacity:0}}{key},100%{{opacity:1}}}}" for t, key in enumerate(keys))
    panels = "".join(panel(name, layers, epochs) for name in names)
    seconds = (moments + REST) * MOMENT
    return (
        f"<style>{frames} .gradients [style]{{animation-duration:{seconds:.2f}s}}</style>"
        '<div class="gradients"><label><input type="checkbox"> Pause</label>'
        f'<div class="panels">{panels}</div></div>'
    )


def panel(name: str, layers: int, epochs: int) -> str:
    """Return one algorithm's picture as SVG."""
    shapes = []

    def add(moment: int, shape: str) -> None:
        shapes.append(f'<g style="animation-name:m{moment}">{shape}</g>')

    def box(epoch: int, first: int, last: int, look: str) -> str:
        x, y, height = LEFT + CELL * epoch, TOP + ROW * (first - 1), ROW * (last - first + 1)
        return f'<rect x="{x + 2}" y="{y + 1}" width="{CELL - 4}" height="{height - 1}" class="{look}"/>'

    for epoch in range(epochs):
        blocks = parse(name).blocks_at(epoch, layers)
        start, before = 2 * layers * epoch, {}
        for moment in range(2 * layers):
            states = states_at(blocks, moment)
            for layer, state in states.items():
                if before.get(layer) != state:
                    block = next((n for n, b in enumerate(blocks) if b.first <= layer <= b.last), 0)
                    look = state if state != "trained" else f"block{block % 7}"
                    add(start + moment, box(epoch, layer, layer, look))
                    if state == "trained" and layer == blocks[block].first:
                        add(start + moment, arrow(epoch, *blocks[block]))
            before = states
        shapes.append(f'<text x="{LEFT + CELL * (epoch + 0.5)}" y="{TOP + ROW * layers + 15}">{epoch + 1}</text>')
    for layer in range(layers):
        shapes.append(f'<text x="{LEFT - 9}" y="{TOP + ROW * (layer + 0.5) + 4}">{layer + 1}</text>')
    width, height = LEFT + CELL * epochs + 4, TOP + ROW * layers + 34
    ways = "; ".join(
        f"epoch {n + 1}: " + ", ".join(f"{b.last} up to {b.first}" for b in parse(name).blocks_at(n, layers))
        for n in range(parse(name).period)
    )
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{name}: gradients run from layer {ways}.">'
        f'<text x="{width / 2}" y="14" class="name">{name}</text>{"".join(shapes)}'
        f'<text x="{LEFT + CELL * epochs / 2}" y="{height - 4}">epoch</text></svg>'
    )


def arrow(epoch: int, first: int, last: int) -> str:
    """Return the arrow from a block's classifier up to its first layer, and the wall where its gradient stops."""
    x, top, bottom = LEFT + CELL * (epoch + 0.5), TOP + ROW * (first - 1), TOP + ROW * last
    head = f"{x - 5},{top + 11} {x},{top + 4} {x + 5},{top + 11}"
    return (
        f'<path class="arrow" d="M{x} {bottom - 3}V{top + 9}"/><polygon class="head" points="{head}"/>'
        f'<path class="wall" d="M{x - CELL / 2 + 1} {top}h{CELL - 2}"/>'
    )


def fill(app: Any, page: str, source: list[str]) -> None:
    """Put the JSON and the picture where a page asks for them."""

    def script(_: re.Match[str]) -> str:
        text = json.dumps(contents(), separators=(",", ":"))
        return f'<script type="application/json" id="explorer-data">{text}</script>'

    source[0] = re.sub(r"^% explorer$", script, source[0], flags=re.MULTILINE)
    source[0] = re.sub(r"^% gradients$", lambda _: gradients(), source[0], flags=re.MULTILINE)


def setup(app: Any) -> dict[str, bool]:
    """Connect all this to Sphinx."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
