"""The tables of accuracies and costs, as rows of texts."""

from __future__ import annotations

from collections.abc import Sequence

from minilocal.compare.entries import Entry
from minilocal.compare.published import NEAREST, TABLES, accuracies
from minilocal.compare.results import Mean, Results
from minilocal.costs.published import MODELS

Option = tuple[str, object]


def accuracy_table(results: Results, score: str = "test_accuracy", paper: bool = True) -> list[list[str]]:
    """Return rows in the shape of the paper's Tables II and III, in %: a column per algorithm.

    There is a row for each classifier, and for whatever else sets entries apart. The paper's rows stand beneath, if it
    has this data set, for the network or the one nearest to it. BP has no auxiliary classifiers, so that its numbers
    are in all rows that differ in those alone.
    """
    entries, setting = results.entries, results.sweep.setting
    algorithms = list(dict.fromkeys(entry.algo for entry in entries))
    seeds = max(results.final(entry).seeds for entry in entries)
    by_place = {(entry.algo, entry.options): entry for entry in entries}
    rows = [["", *algorithms]]
    for options in dict.fromkeys(entry.options for entry in entries):
        row = [_row_title(results, options)]
        for algo in algorithms:
            there = without_classifier(options) if algo == "BP" else options
            entry = by_place.get((algo, there))
            row.append(cell(results.final(entry, score), seeds) if entry else "-")
        rows.append(row)
    if paper and setting.dataset in TABLES:
        model = NEAREST.get(setting.model, setting.model)
        for classifier in sorted({entry.config(setting, 0).classifier for entry in entries}):
            published = accuracies(setting.dataset, model, classifier)
            numbers = [f"{published[algo]:.2f}" if algo in published else "-" for algo in algorithms]
            rows.append([f"paper: {MODELS[model]}, {classifier.upper()}", *numbers])
    return rows


def difference_table(results: Results) -> list[list[str]]:
    """Return rows of how far entries are above the first one, in points, seed by seed.

    Nothing but the head is in it where no entry has a seed in common with the first.
    """
    (base, *others), seeds = results.entries, results.sweep.seeds
    rows = [["", "mean", *(f"seed {seed}" for seed in seeds)]]
    for entry in others:
        if ahead := results.ahead(entry, base):
            by_seed = [f"{100 * ahead[seed]:+.1f}" if seed in ahead else "-" for seed in seeds]
            rows.append([entry.label, cell(Mean.of(list(ahead.values())), len(ahead), sign="+"), *by_seed])
    return rows


def cell(accuracy: Mean, seeds: int, sign: str = "-") -> str:
    """Return an accuracy in %, and its number of seeds if that is not what the table has elsewhere.

    `sign` is "+" for differences, which have a sign whichever it is.

    >>> cell(Mean(0.8876, 0.0061, 3), 3), cell(Mean(0.8876, None, 1), 3)
    ('88.8 ± 0.6', '88.8 ± - (1)')
    """
    deviation = "-" if accuracy.deviation is None else f"{100 * accuracy.deviation:.1f}"
    others = f" ({accuracy.seeds})" if accuracy.seeds != seeds else ""
    return f"{100 * accuracy.mean:{sign}.1f} ± {deviation}{others}"


def cost_table(results: Results) -> list[list[str]]:
    """Return rows of what each entry's training costs, by formula, beside BP's, and the time that it took here."""
    sweep = results.sweep
    backprop = sweep.costs(Entry("BP"))
    rows = [["", "MACs/image", "of BP", "stored/image", "of BP", "off-chip/step", "of BP", "training"]]
    for entry in results.entries:
        costs = sweep.costs(entry)
        pairs = (
            (costs.macs, backprop.macs),
            (costs.mean.stored, backprop.mean.stored),
            (costs.off_chip, backprop.off_chip),
        )
        numbers = [text for ours, its in pairs for text in (f"{ours:,.0f}", f"{100 * ours / its:.0f} %")]
        seconds = Mean.of([result.seconds for result in results.of(entry)]).mean
        rows.append([entry.label, *numbers, f"{seconds:.0f} s"])
    return rows


def without_classifier(options: Sequence[Option]) -> tuple[Option, ...]:
    """Return an entry's options but for its choice of auxiliary classifiers."""
    return tuple(option for option in options if option[0] != "classifier")


def _row_title(results: Results, options: tuple[Option, ...]) -> str:
    setting, rest = results.sweep.setting, Entry("", without_classifier(options))
    classifier = dict(options).get("classifier", setting.classifier)
    return ", ".join([setting.network_title, str(classifier).upper(), *rest.words])
