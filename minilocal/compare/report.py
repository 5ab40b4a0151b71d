"""The report: what a terminal shows, and results.md."""

from __future__ import annotations

import math
import shlex
import textwrap

from minilocal.compare.entries import unusual
from minilocal.compare.figures import FIGURES
from minilocal.compare.options import directory_name
from minilocal.compare.published import EPOCHS, NEAREST, TABLES, TRAINING_IMAGES
from minilocal.compare.results import Results, write_csv
from minilocal.compare.sweep import Sweep
from minilocal.compare.table import accuracy_table, cost_table, difference_table, without_classifier
from minilocal.console.options import flag
from minilocal.console.text import aligned, markdown, plural
from minilocal.costs.published import MODELS
from minilocal.files import replacing

COSTS = (
    "MACs, stored activations and off-chip accesses (words per step) by formula, see `python -m minilocal.costs`; "
    "training: a run's seconds here, evaluation not counted"
)


def write(results: Results) -> None:
    """Write results.csv, the figures and results.md into the sweep's directory."""
    path = results.sweep.path
    write_csv(results, path / "results.csv")
    if results.finished:
        for name, (draw, _) in FIGURES.items():
            draw(results, path / name)
    with replacing(path / "results.md") as file:
        file.write(as_markdown(results).encode(errors="replace"))  # paths may hold halves of characters


def as_text(results: Results) -> str:
    """Return the report for a terminal; without finished runs, how far they are."""
    parts = [f"{title}\n{aligned(rows)}" for title, rows in accuracy_tables(results)]
    if results.finished:
        parts.append("\n".join(textwrap.fill(remark, 120) for remark in remarks(results)))
        parts.append(f"{textwrap.fill(COSTS, 120)}\n{aligned(cost_table(results))}")
    if results.unfinished:
        parts.append("\n".join(textwrap.fill(line, 120) for line in unfinished(results)))
    return "\n\n".join(parts)


def as_markdown(results: Results) -> str:
    """Return the report with the figures, and the command that makes it."""
    parts = [f"# {results.sweep.setting.task}", f"Made by `{command_line(results.sweep)}`."]
    parts += [f"{title}:\n\n{markdown(rows)}" for title, rows in accuracy_tables(results)]
    if results.finished:
        parts.append("\n".join(f"* {remark}" for remark in remarks(results)))
        parts += [f"![{caption}]({name})\n\n{caption}." for name, (_, caption) in FIGURES.items()]
        parts.append(f"{COSTS}:\n\n{markdown(cost_table(results))}")
    if results.unfinished:
        parts.append("\n".join(f"* {line}" for line in unfinished(results)))
    return "\n\n".join(parts) + "\n"


def accuracy_tables(results: Results) -> list[tuple[str, list[list[str]]]]:
    """Return the tables of test accuracies, of their differences, and of validation accuracies, with their titles.

    The second is there if there are several seeds and entries, the third if images were held out.
    """
    if not results.finished:
        return []
    sweep, seeds = results.sweep, _seeds(results)
    title = f"accuracy (%) after the last epoch, mean ± deviation of {seeds}: {sweep.setting.task}"
    tables = [(f"test {title}", accuracy_table(results))]
    differences = difference_table(results)
    if len(sweep.seeds) > 1 and len(differences) > 1:
        base = results.entries[0].label
        tables.append(
            (f"points of test accuracy more than {base} of the same seed has (mean ± deviation)", differences)
        )
    if all("validation_accuracy" in result.curve[-1] for result in results.finished):
        tables.append((f"validation {title}", accuracy_table(results, "validation_accuracy", paper=False)))
    return tables


def remarks(results: Results) -> list[str]:
    """Return what a reader must know before comparing these numbers with one another, and with the paper's."""
    sweep, setting = results.sweep, results.sweep.setting
    best = max(results.final(entry).mean for entry in results.entries)
    error = 100 * math.sqrt(best * (1 - best) / sweep.size.test)
    images, _ = sweep.split(setting)
    unlike = any(without_classifier(entry.options) for entry in results.entries)
    here = (
        f"Here: width {setting.width:g}, {images:,} images, {plural(setting.epochs, 'epoch')}, {_seeds(results)}"
        f"{', unless an entry says otherwise' if unlike else ''}."
    )
    if setting.dataset in TABLES:
        table = TABLES[setting.dataset]
        scale = (
            f"The paper's numbers, from its Table {table.number}, come from full width, {TRAINING_IMAGES:,} training "
            f"images and {EPOCHS} epochs; it does not say from how many seeds, or from which epoch. {here}"
        )
        if setting.model in NEAREST:
            scale += f" The paper has no {setting.model}; {MODELS[NEAREST[setting.model]]} is the nearest that it has."
    else:
        table = TABLES["cifar10"]
        scale = (
            f"The paper has no results on {setting.npz.name if setting.npz else setting.dataset}, so none of its rows "
            f"stand here. On {table.dataset}, at full width, with {TRAINING_IMAGES:,} training images and {EPOCHS} "
            f"epochs, it finds {table.trend}. {here}"
        )
    mirrored = {None: "mirroring where it keeps the meaning", True: "mirroring", False: "no mirroring"}[setting.flip]
    return [
        "Accuracy is that of the network's own classifier after the last epoch, not of the best epoch; ± is the "
        f"standard deviation over seeds (n − 1). With {sweep.size.test:,} test images, chance alone makes an accuracy "
        f"near {100 * best:.0f} % uncertain by {error:.1f} points (one standard error).",
        scale,
        "The paper gives momentum, weight decay and dropout, but no learning rate or schedule, no augmentation and no "
        f"initial weights. Here: learning rate {setting.lr:g}, {setting.lr_schedule} schedule, dropout "
        f"{setting.dropout_rate:g}, {'random crops' if setting.crop else 'no crops'}, {mirrored}.",
    ]


def unfinished(results: Results) -> list[str]:
    """Return a line for each run that began but is not in the tables, and why, and one for all that did not begin."""
    begun = [result for result in results.unfinished if result.curve or result.failure]
    waiting = [result.run.title for result in results.unfinished if result not in begun]
    lines = [f"not in the tables: {result.run.title}: {result.state}" for result in begun]
    return lines + ([f"not begun: {'; '.join(waiting)}"] if waiting else [])


def command_line(sweep: Sweep) -> str:
    """Return the command that makes the whole sweep; where the data lie is for the reader to fill in."""
    words = ["--algo", *(entry.label for entry in sweep.entries), "--seeds", *map(str, sweep.seeds)]
    for name, value in unusual(sweep.setting):
        if isinstance(value, bool):
            words.append(flag(name) if value else flag(f"no_{name}"))
        else:
            words += [flag(name), "DIR" if name == "data_dir" else str(value)]
    if sweep.path.name != directory_name(sweep.setting):
        words += ["--sweep-dir", str(sweep.path)]
    return f"python -m minilocal.compare {shlex.join(words)}"


def _seeds(results: Results) -> str:
    return plural(max(results.final(entry).seeds for entry in results.entries), "seed")
