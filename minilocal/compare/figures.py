"""The paper's Figs. 7 and 9 from a sweep's runs, and accuracy against what training costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minilocal.compare.entries import Entry
from minilocal.compare.results import Mean, Results
from minilocal.console.text import plural
from minilocal.plots import BLOCK_COLOURS, integer_ticks, new_figure, save

# Told apart in greyscale too; the paper's local algorithms look the same in every sweep.
PAPERS = ("G1", "G2", "G2S1", "G3", "G3S2", "G3S1")
BACKPROP_MARKER = "o"
MARKERS = ("s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.5, 1.2, 1.5)))
BAND = 0.15  # opacity of ± one deviation
LEGEND: dict[str, Any] = {"fontsize": 9, "handlelength": 4, "loc": "outside right center"}
CHARACTER, LINE = 0.018, 0.045  # a capital's width and a line's height in the panels of `draw_cost`


def draw_accuracy(results: Results, path: Path) -> Path:
    """Draw test accuracy by epoch, as the paper's Fig. 7: the mean over seeds, and a band of ± one deviation."""
    figure = new_figure(7.5, 4.6)
    axes = figure.subplots()
    for entry, style in _styles(results):
        means = [_percent(mean) for mean in results.by_epoch(entry)]
        _curve(axes, means, f"{entry.label}  {_percent(results.final(entry)).mean:.1f} %", style)
    axes.set(xlabel="epoch", ylabel="test accuracy (%)")
    figure.legend(title="after the last epoch", title_fontsize=9, **LEGEND)
    return _save(figure, results, path)


def draw_loss(results: Results, path: Path) -> Path:
    """Draw training and test loss of the network's own classifier by epoch, as the paper's Fig. 9."""
    from matplotlib.ticker import LogLocator, NullLocator

    figure = new_figure(10, 4.4)
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, score, title in ((left, "train_loss", "training loss"), (right, "test_loss", "test loss")):
        for entry, style in _styles(results):
            _curve(axes, results.by_epoch(entry, score), entry.label, style)
        axes.set(xlabel="epoch", title=title)
    left.set(ylabel="cross-entropy", yscale="log")  # or a single high loss of an early epoch would flatten the rest
    left.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    left.yaxis.set_major_formatter("{x:g}")
    left.yaxis.set_minor_locator(NullLocator())
    figure.legend(*left.get_legend_handles_labels(), **LEGEND)
    return _save(figure, results, path)


def draw_cost(results: Results, path: Path) -> Path:
    """Draw final accuracy against the MACs of training and against stored activations, both as shares of BP's.

    The MACs are those of all epochs, against BP's with the sweep's own epochs and images, so that entries that train
    longer or on more images have their place too.
    """
    sweep, backprop = results.sweep, Entry("BP")

    def macs(entry: Entry) -> float:
        images, _ = sweep.images(entry)
        return sweep.costs(entry).macs * images * entry.config(sweep.setting, 0).epochs

    def stored(entry: Entry) -> float:
        return sweep.costs(entry).mean.stored

    figure = new_figure(10, 4.6)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, cost, title in zip(panels, (macs, stored), ("MACs of training", "stored activations"), strict=True):
        labels = []
        for entry, style in _styles(results):
            accuracy, share = _percent(results.final(entry)), 100 * cost(entry) / cost(backprop)
            style |= {"linestyle": "none", "markersize": 8}
            axes.errorbar(share, accuracy.mean, yerr=accuracy.deviation, capsize=3, elinewidth=1, **style)
            labels.append((entry.label, style["color"], share, accuracy))
        axes.margins(x=0.1, y=0.1)
        _label(axes, labels)
        axes.set(xlabel=f"{title} (% of BP's)")
        axes.grid(alpha=0.3)
    panels[0].set(ylabel="test accuracy (%)")
    return _save(figure, results, path)


FIGURES = {
    "fig7_accuracy.png": (draw_accuracy, "Test accuracy by epoch, as the paper's Fig. 7; bands: ± one deviation"),
    "fig9_loss.png": (draw_loss, "Training and test loss of the network's own classifier, as the paper's Fig. 9"),
    "cost.png": (draw_cost, "Accuracy against the MACs of training and against the activations stored for backward"),
}


def _styles(results: Results) -> list[tuple[Entry, dict[str, Any]]]:
    """Return the entries that have finished runs, each with what its curves and points look like.

    Colour and marker tell algorithms apart, dashes and hollow markers the entries of one algorithm.
    """
    entries = results.entries
    algorithms = list(dict.fromkeys((*PAPERS, *(entry.algo for entry in entries if entry.algo != "BP"))))
    styles = []
    for entry in entries:
        colour, marker = "black", BACKPROP_MARKER
        if entry.algo != "BP":
            number = algorithms.index(entry.algo)
            colour, marker = BLOCK_COLOURS[number % len(BLOCK_COLOURS)], MARKERS[number % len(MARKERS)]
        variant = [other for other in entries if other.algo == entry.algo].index(entry)
        dashes, fill = DASHES[variant % len(DASHES)], "none" if variant else "full"
        styles.append((entry, {"color": colour, "marker": marker, "linestyle": dashes, "fillstyle": fill}))
    return styles


def _curve(axes: Any, means: Sequence[Mean], label: str, style: dict[str, Any]) -> None:
    epochs = range(1, len(means) + 1)
    every = max(1, len(means) // 10)  # a marker, or the curves would be hidden
    middle = [mean.mean for mean in means]
    axes.plot(epochs, middle, label=label, markevery=every, markersize=5, linewidth=1.5, **style)
    if all(mean.deviation is not None for mean in means):
        low, high = ([m.mean + sign * (m.deviation or 0) for m in means] for sign in (-1, 1))
        axes.fill_between(epochs, low, high, color=style["color"], alpha=BAND, linewidth=0)
    axes.grid(alpha=0.3)
    integer_ticks(axes.xaxis)


def _label(axes: Any, labels: Sequence[tuple[str, str, float, Mean]]) -> None:
    """Write labels (text, colour, x, y) beside their points, where they cover no point, error bar or other label."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    places = [
        (text, colour, (x - left) / (right - left), (y.mean - low) / (high - low), (y.deviation or 0) / (high - low))
        for text, colour, x, y in labels
    ]
    taken = [_box(x - CHARACTER, x + CHARACTER, y, max(reach, LINE / 2)) for *_, x, y, reach in places]
    for text, colour, x, y, _ in places:
        width = CHARACTER * len(text)
        sides = [start for start in (x + 2 * CHARACTER, x - 2 * CHARACTER - width) if 0 < start < 1 - width]
        boxes = [
            _box(start, start + width, y + lines * LINE, 0.45 * LINE)
            for lines in (0, 1, -1, 2, -2, 3, -3, 4, -4) for start in sides or [0]
        ]  # fmt: skip
        box = next((box for box in boxes if not any(_overlap(box, other) for other in taken)), boxes[0])
        taken.append(box)
        (start, _), (bottom, top) = box
        axes.text(start, (bottom + top) / 2, text, transform=axes.transAxes, va="center", fontsize=9, color=colour)


def _box(left: float, right: float, middle: float, reach: float) -> tuple[tuple[float, float], tuple[float, float]]:
    return (left, right), (middle - reach, middle + reach)


def _overlap(one: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]) -> bool:
    """Return whether two boxes, an interval for each direction, have more than an edge in common."""
    return all(a < d and c < b for (a, b), (c, d) in zip(one, other, strict=True))


def _percent(accuracy: Mean) -> Mean:
    deviation = None if accuracy.deviation is None else 100 * accuracy.deviation
    return Mean(100 * accuracy.mean, deviation, accuracy.seeds)


def _save(figure: Any, results: Results, path: Path) -> Path:
    seeds = max(results.final(entry).seeds for entry in results.entries)
    return save(figure, path, f"{results.sweep.setting.task}, {plural(seeds, 'seed')}")
