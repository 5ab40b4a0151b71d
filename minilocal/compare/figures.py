"""The paper's Figs. 7 and 9 for a sweep's runs, and accuracy against the cost of training."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from minilocal.compare.entries import Entry
from minilocal.compare.results import Mean, Results
from minilocal.console.plots import BLOCK_COLOURS, drawing, integer_ticks, new_figure, save
from minilocal.console.text import plural

# The paper's local algorithms look the same in every sweep; all looks can be told apart in greyscale too.
PAPERS = ("G1", "G2", "G2S1", "G3", "G3S2", "G3S1")
MARKERS = ("s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.5, 1.2, 1.5)))
FILLS = ("full", "none", "left", "bottom")  # of the markers
BAND = 0.15  # opacity of ± one deviation
LEGEND: dict[str, Any] = {"fontsize": 9, "handlelength": 4, "loc": "outside right center"}


@drawing()
def draw_accuracy(results: Results, path: Path) -> Path:
    """Draw test accuracy by epoch, like the paper's Fig. 7: the mean over seeds, and a band of ± one deviation."""
    figure = new_figure(7.5, 4.6)
    axes = figure.subplots()
    for entry, style in _styles(results):
        means = [_percent(mean) for mean in results.by_epoch(entry)]
        _curve(axes, means, f"{entry.label}  {_percent(results.final(entry)).mean:.1f} %", style)
    axes.set(xlabel="epoch", ylabel="test accuracy (%)")
    figure.legend(title="after the last epoch", title_fontsize=9, **LEGEND)
    return _save(figure, results, path)


@drawing()
def draw_loss(results: Results, path: Path) -> Path:
    """Draw training and test loss of the network's own classifier by epoch, like the paper's Fig. 9."""
    from matplotlib.ticker import LogLocator, NullLocator

    figure = new_figure(10, 4.4)
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, score, title in ((left, "train_loss", "training loss"), (right, "test_loss", "test loss")):
        for entry, style in _styles(results):
            _curve(axes, results.by_epoch(entry, score), entry.label, style)
        axes.set(xlabel="epoch", title=title)
    left.set(ylabel="cross-entropy", yscale="log")  # otherwise one high loss in an early epoch flattens the rest
    left.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    left.yaxis.set_major_formatter("{x:g}")
    left.yaxis.set_minor_locator(NullLocator())
    figure.legend(*left.get_legend_handles_labels(), **LEGEND)
    return _save(figure, results, path)


@drawing()
def draw_cost(results: Results, path: Path) -> Path:
    """Draw final accuracy against the MACs of training and against stored activations, both as shares of BP's.

    The MACs are those of all epochs, relative to BP with the sweep's own epochs and images, so that entries that train
    longer or on more images have their place too.
    """
    sweep, backprop = results.sweep, Entry("BP")

    def macs(entry: Entry) -> float:
        return sweep.costs(entry).macs * sweep.images(entry)[0] * entry.config(sweep.setting).epochs

    def stored(entry: Entry) -> float:
        return sweep.costs(entry).mean.stored

    figure = new_figure(10, 4.4)
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, cost, title in ((left, macs, "MACs of training"), (right, stored, "stored activations")):
        for entry, style in _styles(results):
            accuracy, share = _percent(results.final(entry)), 100 * cost(entry) / cost(backprop)
            style |= {"linestyle": "none", "markersize": 8, "capsize": 3, "elinewidth": 1}
            axes.errorbar(share, accuracy.mean, yerr=accuracy.deviation, label=entry.label, **style)
        axes.margins(x=0.1, y=0.1)
        axes.set(xlabel=f"{title} (% of BP's)")
        axes.grid(alpha=0.3)
    left.set(ylabel="test accuracy (%)")
    figure.legend(*left.get_legend_handles_labels(), **LEGEND)
    return _save(figure, results, path)


FIGURES = {
    "fig7_accuracy.png": (draw_accuracy, "Test accuracy by epoch, like the paper's Fig. 7; bands: ± one deviation"),
    "fig9_loss.png": (draw_loss, "Training and test loss of the network's own classifier, like the paper's Fig. 9"),
    "cost.png": (draw_cost, "Accuracy against the MACs of training and against the activations stored for backward"),
}


def _styles(results: Results) -> list[tuple[Entry, dict[str, Any]]]:
    """Return the entries that have finished runs, each with the style of its curves and points.

    Algorithms differ in colour and marker, and the entries of one algorithm in the dashes and the marker's fill.
    """
    entries = results.entries
    local = dict.fromkeys((*PAPERS, *(entry.algo for entry in entries)))
    looks = dict(zip(local, cycle(zip(BLOCK_COLOURS, MARKERS, strict=True)), strict=False)) | {"BP": ("black", "o")}
    styles = []
    for entry in entries:
        colour, marker = looks[entry.algo]
        variant = [other for other in entries if other.algo == entry.algo].index(entry)
        dashes, fill = DASHES[variant % len(DASHES)], FILLS[variant % len(FILLS)]
        styles.append((entry, {"color": colour, "marker": marker, "linestyle": dashes, "fillstyle": fill}))
    return styles


def _curve(axes: Any, means: Sequence[Mean], label: str, style: dict[str, Any]) -> None:
    epochs, values = range(1, len(means) + 1), [mean.mean for mean in means]
    every = max(1, len(means) // 10)  # a marker at every epoch would hide the curves
    axes.plot(epochs, values, label=label, markevery=every, markersize=5, linewidth=1.5, **style)
    if all(mean.deviation is not None for mean in means):
        low, high = ([m.mean + sign * (m.deviation or 0) for m in means] for sign in (-1, 1))
        axes.fill_between(epochs, low, high, color=style["color"], alpha=BAND, linewidth=0)
    axes.grid(alpha=0.3)
    integer_ticks(axes.xaxis)


def _percent(accuracy: Mean) -> Mean:
    deviation = None if accuracy.deviation is None else 100 * accuracy.deviation
    return Mean(100 * accuracy.mean, deviation, accuracy.seeds)


def _save(figure: Any, results: Results, path: Path) -> Path:
    return save(figure, path, f"{results.sweep.setting.task}, {plural(results.seeds, 'seed')}")
