"""The report: tables of accuracies and costs, and what to know about them, for a terminal and as results.md."""

from __future__ import annotations

import math
import shlex
import textwrap

from minilocal.compare.entries import Entry, changed
from minilocal.compare.figures import FIGURES
from minilocal.compare.options import directory_name
from minilocal.compare.published import EPOCHS, NEAREST, TABLES, TRAINING_IMAGES, accuracies, nearest, table_of
from minilocal.compare.results import Mean, Results, write_csv
from minilocal.compare.sweep import Sweep
from minilocal.console.options import flag
from minilocal.console.plots import if_possible
from minilocal.console.text import aligned, markdown, plural, shown
from minilocal.costs.published import MODELS
from minilocal.files import replacing
from minilocal.runs.config import Config

Rows = list[list[str]]


def write(results: Results) -> None:
    """Write results.csv, the figures and results.md into the sweep's directory."""
    path = results.sweep.path
    write_csv(results, path / "results.csv")
    with replacing(path / "results.md") as file:
        file.write(as_markdown(results).encode(errors="replace"))  # a path may contain half a surrogate pair
    if results.finished:
        for name, (draw, _) in FIGURES.items():
            with if_possible():
                draw(results, path / name)


def as_text(results: Results) -> str:
    """Return the report for a terminal."""
    parts = [f"{textwrap.fill(title, 120)}\n{aligned(rows)}" for title, rows in tables(results)]
    return "\n\n".join([*parts, "\n".join(textwrap.fill(note, 120) for note in notes(results))])


def as_markdown(results: Results) -> str:
    """Return the report with its figures and the command that makes it."""
    parts = [f"# {results.sweep.setting.task}", f"Made by `{command_line(results.sweep)}`."]
    parts += [f"{title}:\n\n{markdown(rows)}" for title, rows in tables(results)]
    parts.append("\n".join(f"* {note}" for note in notes(results)))
    if results.finished:
        parts += [f"![{caption}]({name})\n\n{caption}." for name, (_, caption) in FIGURES.items()]
    return "\n\n".join(parts) + "\n"


def tables(results: Results) -> list[tuple[str, Rows]]:
    """Return the tables with their titles; none without finished runs.

    Differences need several seeds and entries; validation accuracies need images that were held out.
    """
    if not results.finished:
        return []
    title = f"accuracy (%) after the last epoch, mean ± deviation of {plural(results.seeds, 'seed')}"
    found = [(f"test {title}: {results.sweep.setting.task}", accuracy_table(results))]
    differences = difference_table(results)
    if len(results.sweep.seeds) > 1 and len(differences) > 1:
        found.append((f"test accuracy minus {results.entries[0].label}'s with the same seed, in points", differences))
    if all("validation_accuracy" in run.curve[-1] for run in results.finished):
        found.append((f"validation {title}", accuracy_table(results, "validation_accuracy", paper=False)))
    costs = (
        "MACs, stored activations and off-chip accesses (words per step) by formula, see `python -m minilocal.costs`; "
        "training: mean time of a run here, without evaluation"
    )
    return [*found, (costs, cost_table(results))]


def accuracy_table(results: Results, score: str = "test_accuracy", paper: bool = True) -> Rows:
    """Return rows like those of the paper's Tables II and III, in %, with a column per algorithm.

    There is a row for each classifier, and for each other combination of options. The paper's rows for the network, or
    for the one nearest to it, appear below if the paper has the data set. BP has no auxiliary classifiers, so its
    numbers appear in all rows that differ in them alone.
    """
    entries, setting = results.entries, results.sweep.setting
    algorithms = list(dict.fromkeys(entry.algo for entry in entries))
    by_place = {(entry.algo, entry.options): entry for entry in entries}
    rows = [["", *algorithms]]
    for options in dict.fromkeys(entry.options for entry in entries):
        others = without_classifier(options)
        classifier = str(dict(options).get("classifier", setting.classifier)).upper()
        row = [", ".join([setting.network_title, classifier, *Entry("", others).words])]
        for algo in algorithms:
            entry = by_place.get((algo, others if algo == "BP" else options))
            row.append(cell(results.final(entry, score), results.seeds) if entry else "-")
        rows.append(row)
    if paper and (model := nearest(setting.dataset, setting.model)):
        for classifier in sorted({entry.config(setting).classifier for entry in entries}):
            published = accuracies(setting.dataset, model, classifier)
            numbers = [f"{published[algo]:.2f}" if algo in published else "-" for algo in algorithms]
            rows.append([f"paper: {MODELS[model]}, {classifier.upper()}", *numbers])
    return rows


def difference_table(results: Results) -> Rows:
    """Return rows of how far each entry is above the first one, in points, on average and by seed.

    Entries that share no seed with the first one are left out.
    """
    (base, *others), seeds = results.entries, results.sweep.seeds
    rows = [["", "mean", *(f"seed {seed}" for seed in seeds)]]
    for entry in others:
        if ahead := results.ahead(entry, base):
            by_seed = [f"{100 * ahead[seed]:+.1f}" if seed in ahead else "-" for seed in seeds]
            rows.append([entry.label, cell(Mean.of(list(ahead.values())), len(ahead), sign="+"), *by_seed])
    return rows


def cost_table(results: Results) -> Rows:
    """Return rows of what each entry's training costs by formula, compared with BP, and the time that it took here."""
    backprop = results.sweep.costs(Entry("BP"))
    rows = [["", "MACs/image", "of BP", "stored/image", "of BP", "off-chip/step", "of BP", "training"]]
    for entry in results.entries:
        costs = results.sweep.costs(entry)
        stored = costs.mean.stored, backprop.mean.stored
        pairs = ((costs.macs, backprop.macs), stored, (costs.off_chip, backprop.off_chip))
        numbers = [text for ours, its in pairs for text in (f"{ours:,.0f}", f"{100 * ours / its:.0f} %")]
        seconds = Mean.of([run.seconds for run in results.of(entry)]).mean
        rows.append([entry.label, *numbers, f"{seconds:.0f} s"])
    return rows


def cell(accuracy: Mean, seeds: int, sign: str = "-") -> str:
    """Return an accuracy in %, with its number of seeds if that differs from `seeds`, the rest of the table's.

    `sign` is "+" for differences, which then always show their sign.

    >>> cell(Mean(0.8876, 0.0061, 3), 3), cell(Mean(0.8876, None, 1), 3)
    ('88.8 ± 0.6', '88.8 ± - (1)')
    """
    deviation = "-" if accuracy.deviation is None else f"{100 * accuracy.deviation:.1f}"
    count = f" ({accuracy.seeds})" if accuracy.seeds != seeds else ""
    return f"{100 * accuracy.mean:{sign}.1f} ± {deviation}{count}"


def without_classifier(options: tuple[tuple[str, object], ...]) -> tuple[tuple[str, object], ...]:
    """Return an entry's options except its choice of auxiliary classifiers."""
    return tuple(option for option in options if option[0] != "classifier")


def notes(results: Results) -> list[str]:
    """Return what readers must know before they compare these numbers with each other and with the paper's.

    The last notes name the runs that are missing from the tables.
    """
    begun = [run for run in results.unfinished if run.curve or run.title in results.failures]
    waiting = [run.title for run in results.unfinished if run not in begun]
    missing = [f"not in the tables: {run.title}: {results.state(run)}" for run in begun]
    missing += [f"not begun: {'; '.join(waiting)}"] if waiting else []
    if not results.finished:
        return missing
    sweep, setting = results.sweep, results.sweep.setting
    best = max(results.final(entry).mean for entry in results.entries)
    error = 100 * math.sqrt(best * (1 - best) / sweep.size.test)
    images, _ = sweep.split(setting)
    differ = any(without_classifier(entry.options) for entry in results.entries)
    table = table_of(setting.dataset)
    theirs = f"full width, {TRAINING_IMAGES:,} training images and {EPOCHS} epochs"
    if nearest(setting.dataset, setting.model):
        scale = (
            f"The paper's numbers, from its Table {table.number}, are for {theirs}; it does not say for how many seeds "
            "or after which epoch."
        )
        if setting.model in NEAREST:
            scale += f" The paper has no {setting.model}; {MODELS[NEAREST[setting.model]]} is its nearest network."
    else:
        dataset = shown(setting.npz.name) if setting.npz else setting.dataset
        lacking = f"of {setting.model}" if setting.dataset in TABLES else f"on {dataset}"
        scale = (
            f"The paper has no results {lacking}, so the table has no rows of the paper. On {table.dataset}, with "
            f"{theirs}, it finds {table.trend}."
        )
    mirrored = {None: "mirroring where it keeps the meaning", True: "mirroring", False: "no mirroring"}[setting.flip]
    return [
        "Accuracy is that of the network's own classifier after the last epoch, not of the best epoch; ± is the "
        f"standard deviation over seeds (n − 1). With {sweep.size.test:,} test images, chance alone makes an accuracy "
        f"near {100 * best:.0f} % uncertain by {error:.1f} points (one standard error).",
        f"{scale} Here: width {setting.width:g}, {images:,} images, {plural(setting.epochs, 'epoch')}, "
        f"{plural(results.seeds, 'seed')}{', unless an entry says otherwise' if differ else ''}.",
        "The paper gives momentum, weight decay and dropout, but no learning rate or schedule, no augmentation and no "
        f"initial weights. Here: learning rate {setting.lr:g}, {setting.lr_schedule} schedule, dropout "
        f"{setting.dropout_rate:g}, {'random crops' if setting.crop else 'no crops'}, {mirrored}.",
        *missing,
    ]


def command_line(sweep: Sweep) -> str:
    """Return the command that makes the whole sweep; readers fill in where the data are."""
    words = ["--algo", *(entry.label for entry in sweep.entries), "--seeds", *map(str, sweep.seeds)]
    for name, value in changed(sweep.setting, Config()):
        if isinstance(value, bool):
            words.append(flag(name) if value else flag(f"no_{name}"))
        else:
            words += [flag(name), str(value)]
    if sweep.setting.data_dir is not None:
        words += ["--data-dir", "DIR"]
    if sweep.path.name != directory_name(sweep.setting):
        words += ["--sweep-dir", str(sweep.path)]
    return f"python -m minilocal.compare {shlex.join(words)}"
