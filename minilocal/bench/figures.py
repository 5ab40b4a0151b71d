"""The figures: step times beside PyTorch's and where ours go, and the paper's Fig. 10 with a measured bar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minilocal.bench.rates import MEASURED
from minilocal.bench.text import duration, kinds, rows_of
from minilocal.console.plots import BLOCK_COLOURS, drawing, new_figure, save

SIDES = {"minilocal": ("minilocal", BLOCK_COLOURS[0], -0.5), "torch": ("PyTorch", "#9A9A9A", 0.5)}
# In the breakdown: colours for the kinds of layers in order, greys for what every step has.
KIND_COLOURS = (*BLOCK_COLOURS, "#F0E442", "#004D80", "#7A0048", "#00E0A8", "#A0522D")
GREYS = {"classifiers": "#333333", "loss": "#777777", "SGD": "#AAAAAA", "rest": "#DDDDDD"}
LINES = ("-", "--", ":", "-.")
HATCHES = ("", "////", "....", "xxxx", "")


@drawing()
def draw_steps(results: dict[str, Any], path: Path) -> Path:
    """Draw a bar per algorithm, shift and side on the left, and our breakdown on the right, stacked."""
    rows = [(title, row) for title, row in rows_of(results["steps"]) if "shift" in row]
    figure = new_figure(11, 1.8 + 0.5 * len(rows))
    left, right = figure.subplots(1, 2, sharey=True)
    against = any("torch" in row for _, row in rows)
    height = 0.38 if against else 0.7
    for side, (label, colour, offset) in SIDES.items():
        bars = {place + offset * height * against: row[side] for place, (_, row) in enumerate(rows) if side in row}
        if bars:
            medians = [rates["median"] for rates in bars.values()]
            spread = [[abs(rates["quartiles"][end] - rates["median"]) for rates in bars.values()] for end in (0, 1)]
            left.barh(list(bars), medians, height, xerr=spread, color=colour, ecolor="#333333", label=label)
    breakdowns = {place: row["breakdown"] for place, (_, row) in enumerate(rows) if "breakdown" in row}
    ends = dict.fromkeys(breakdowns, 0.0)
    for number, kind in enumerate(kinds(breakdowns.values())):
        sizes = {place: max(0.0, seconds.get(kind, 0.0)) for place, seconds in breakdowns.items()}
        colour = GREYS.get(kind, KIND_COLOURS[number % len(KIND_COLOURS)])
        right.barh(list(sizes), list(sizes.values()), 0.7, left=list(ends.values()), label=kind, color=colour)
        ends = {place: ends[place] + size for place, size in sizes.items()}
    left.set_yticks(range(len(rows)), [title for title, _ in rows])
    left.invert_yaxis()
    left.set(xlabel="seconds per step (median and quartiles)", title="step time", axisbelow=True)
    right.set(xlabel="seconds", title="where minilocal's step goes", axisbelow=True)
    left.grid(axis="x", alpha=0.3)
    right.grid(axis="x", alpha=0.3)
    if against:
        left.legend(fontsize=8)
    right.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return save(figure, path, results["about"]["title"])


@drawing()
def draw_growth(results: dict[str, Any], path: Path) -> Path:
    """Draw steps per second, ours and PyTorch's: an axis per sweep, a colour per side and a style per algorithm."""
    sweeps = results["growth"]
    figure = new_figure(3.2 * len(sweeps), 4)
    all_axes = figure.subplots(1, len(sweeps), sharey=True)
    for axes, (name, rows) in zip(all_axes, sweeps.items(), strict=True):
        values = list(dict.fromkeys(row[name] for row in rows))
        for number, algo in enumerate(dict.fromkeys(row["algo"] for row in rows)):
            for side, (label, colour, _) in SIDES.items():
                rates = [(row[name], row[f"{side}_steps_per_second"]) for row in rows if row["algo"] == algo]
                known = [(values.index(value), float(rate)) for value, rate in rates if rate]
                if known:
                    style = {"color": colour, "linestyle": LINES[number % len(LINES)], "label": f"{label}, {algo}"}
                    axes.plot(*zip(*known, strict=True), marker="o", markersize=4, **style)
        axes.set_xticks(range(len(values)), values, fontsize=8)
        axes.set(xlabel=name.replace("_", " "), yscale="log", axisbelow=True)
        axes.grid(which="both", alpha=0.3)
    all_axes[0].set(ylabel="steps per second")
    figure.legend(*all_axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    return save(figure, path, f"how speed changes with one thing at a time; else {results['about']['title']}")


@drawing()
def draw_figure10(results: dict[str, Any], path: Path) -> Path:
    """Draw each algorithm's step time as a share of BP's: a bar per processor, and one for what was measured.

    Source: tutorials/reference.md, "Training time".
    """
    seconds = results["figure10"]["seconds"]
    algorithms = list(seconds[MEASURED])
    figure = new_figure(10, 4.2)
    axes = figure.subplots()
    width = 0.8 / len(seconds)
    for number, (name, times) in enumerate(seconds.items()):
        offset = (number - (len(seconds) - 1) / 2) * width
        shares = [100 * times[algo] / times["BP"] for algo in algorithms]
        bars = axes.bar(
            [place + offset for place in range(len(algorithms))], shares, width,
            color="#333333" if name == MEASURED else BLOCK_COLOURS[number], hatch=HATCHES[number], edgecolor="white",
            label=f"{name} ({duration(times['BP'])} for BP)",
        )  # fmt: skip
        axes.bar_label(bars, [f"{share:.0f}" for share in shares], fontsize=7, padding=1)
    axes.set_xticks(range(len(algorithms)), algorithms)
    axes.set(ylabel="step time (% of BP's)", axisbelow=True)
    axes.margins(y=0.12)
    axes.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=len(seconds), fontsize=8)
    title = f"training time, estimated for kinds of processors and measured here; {results['about']['title']}"
    return save(figure, path, title)
