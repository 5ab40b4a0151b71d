"""Fig. 10's idea: training time by algorithm, estimated for kinds of processors and measured here, beside each other.

Source: tutorials/reference.md, "Training time".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minilocal.bench.batch import CLASSES, IMAGE_SHAPE
from minilocal.bench.options import Options
from minilocal.bench.text import duration
from minilocal.costs import PROCESSORS, algorithm_costs
from minilocal.networks.configs import architecture
from minilocal.plots import BLOCK_COLOURS, new_figure, save
from minilocal.schedule import parse

MEASURED = "here, measured"
HATCHES = ("", "////", "....", "xxxx", "")


def add_estimates(results: dict[str, Any], options: Options) -> None:
    """Add seconds per step by processor and algorithm, and what was measured, as `figure10`."""
    config = architecture(options.model, options.width)
    costs = {
        algo: algorithm_costs(config, algo, IMAGE_SHAPE, CLASSES, options.classifier, options.batch_size)
        for algo in (parse(name).name for name in options.algos)
    }
    seconds = {
        name: {algo: processor.seconds(cost, options.batch_size) for algo, cost in costs.items()}
        for name, processor in PROCESSORS.items()
    }
    seconds[MEASURED] = {
        algorithm["algo"]: algorithm.get("mean", algorithm["shifts"][0])["minilocal"]["median"]
        for algorithm in results["steps"]
        if algorithm["algo"] in costs
    }
    results["figure10"] = {"processors": {name: vars(p) for name, p in PROCESSORS.items()}, "seconds": seconds}


def render(figure10: dict[str, Any]) -> str:
    """Return a table: a row per processor, a BP step's time and by how much the others are faster."""
    seconds = figure10["seconds"]
    others = [algo for algo in seconds[MEASURED] if algo != "BP"]
    lines = [f"{'a step, estimated':<20}{'BP':>9}" + "".join(f"{algo:>9}" for algo in others)]
    for name, times in seconds.items():
        gains = "".join(f"{times['BP'] / times[algo]:>8.2f}×" for algo in others)
        lines.append(f"{name:<20}{duration(times['BP']):>9}{gains}")
    lines.append("× says how many times faster than BP's. The estimates are for kinds of processors in round numbers:")
    for name, p in figure10["processors"].items():
        lines.append(
            f"  {name}: {p['what']}; {p['macs'] / 1e12:g} T multiply-adds/s, {p['memory'] / 1e6:g} MB on the chip, "
            f"{p['bandwidth'] / 1e9:g} GB/s to others, {p['word']} bytes a number"
        )
    return "\n".join(lines)


def draw(results: dict[str, Any], path: Path) -> Path:
    """Draw each algorithm's time as a share of BP's, a bar per processor and one for what was measured."""

    seconds = results["figure10"]["seconds"]
    algorithms = list(seconds[MEASURED])
    figure = new_figure(10, 4.2)
    axes = figure.subplots()
    width = 0.8 / len(seconds)
    for number, (name, times) in enumerate(seconds.items()):
        offset = (number - (len(seconds) - 1) / 2) * width
        measured = name == MEASURED
        shares = [100 * times[algo] / times["BP"] for algo in algorithms]
        bars = axes.bar(
            [place + offset for place in range(len(algorithms))], shares, width,
            color="#333333" if measured else BLOCK_COLOURS[number], hatch=HATCHES[number], edgecolor="white",
            label=f"{name} ({duration(times['BP'])} for BP)",
        )  # fmt: skip
        axes.bar_label(bars, [f"{share:.0f}" for share in shares], fontsize=7, padding=1)
    axes.set_xticks(range(len(algorithms)), algorithms)
    axes.set(ylabel="time of a step (% of BP's)", ylim=(0, 118))
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=len(seconds), fontsize=8)
    title = f"training time: estimated for kinds of processors, and measured; {results['about']['title']}"
    return save(figure, path, title)
