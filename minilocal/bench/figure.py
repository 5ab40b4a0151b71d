"""The figure: step times, minilocal beside PyTorch, and where minilocal's go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minilocal.bench.text import kinds, rows_of
from minilocal.plots import BLOCK_COLOURS, new_figure, save

OURS, TORCH = BLOCK_COLOURS[0], "#9A9A9A"
# Of the breakdown: the layers' kinds as they come, and greys for what every step has.
KINDS = (*BLOCK_COLOURS, "#F0E442", "#004D80", "#7A0048", "#00E0A8", "#A0522D")
ALWAYS = {"classifiers": "#333333", "loss": "#777777", "SGD": "#AAAAAA", "rest": "#DDDDDD"}


def draw(results: dict[str, Any], path: Path) -> Path:
    """Draw the steps: at the left a bar per algorithm and shift and side, at the right our breakdown, stacked."""

    rows = [(title, row) for title, row in rows_of(results["steps"]) if "shift" in row]
    figure = new_figure(11, 1.8 + 0.5 * len(rows))
    left, right = figure.subplots(1, 2, sharey=True)
    against = any("torch" in row for _, row in rows)
    height = 0.38 if against else 0.7
    for place, (_, row) in enumerate(rows):
        for name, colour, offset in (("minilocal", OURS, -0.5), ("torch", TORCH, 0.5)):
            if name not in row:
                continue
            rates = row[name]
            low, high = rates["quartiles"]
            middle = place + (offset * height if against else 0)
            spread = [[max(0.0, rates["median"] - low)], [max(0.0, high - rates["median"])]]
            left.barh(
                middle, rates["median"], height, color=colour, xerr=spread, ecolor="#333333",
                label={"minilocal": "minilocal", "torch": "PyTorch"}[name] if place == 0 else None,
            )  # fmt: skip
    breakdowns = {place: row["breakdown"] for place, (_, row) in enumerate(rows) if "breakdown" in row}
    ends = dict.fromkeys(breakdowns, 0.0)
    for number, kind in enumerate(kinds(breakdowns.values())):
        sizes = {place: max(0.0, parts.get(kind, 0.0)) for place, parts in breakdowns.items()}
        right.barh(
            list(sizes), list(sizes.values()), 0.7, left=list(ends.values()), label=kind,
            color=ALWAYS.get(kind, KINDS[number % len(KINDS)]),
        )  # fmt: skip
        ends = {place: ends[place] + size for place, size in sizes.items()}
    left.set_yticks(range(len(rows)), [title for title, _ in rows])
    left.invert_yaxis()
    left.set(xlabel="seconds per step (median and quartiles)", title="time of a step")
    right.set(xlabel="seconds", title="where minilocal's step goes")
    for axes in (left, right):
        axes.grid(axis="x", alpha=0.3)
        axes.set_axisbelow(True)
    if against:
        left.legend(fontsize=8)
    right.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return save(figure, path, results["about"]["title"])
