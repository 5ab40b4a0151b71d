"""The timeline: workers down, time across, a colour for each minibatch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minilocal.pipeline.log import Log
from minilocal.plots import BLOCK_COLOURS, new_figure, save

MOVE: dict[str, Any] = {"facecolor": "#DDDDDD", "edgecolor": "#666666", "hatch": "////", "linewidth": 0.5}


def draw_timeline(log: Log, title: str, path: Path) -> Path:
    """Draw what each worker did around the first move of boundaries, or in the first steps; white is waiting.

    A bar is one worker's part of a step, with the step's number, counted from 1 since the start of training; what is
    hatched is layers on their way from worker to worker.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    start, end = min(span.began for span in log.spans), max(span.ended for span in log.spans)
    count, length = len(log.busy), end - start
    figure = new_figure(11, 1.9 + 0.5 * count)
    axes = figure.subplots()
    for span in log.spans:
        left, width, row = span.began - start, span.ended - span.began, span.worker + 1
        if span.step is None:
            axes.barh(row, width, 0.7, left=left, **MOVE)
            continue
        axes.barh(row, width, 0.7, left=left, color=BLOCK_COLOURS[span.step % len(BLOCK_COLOURS)])
        if width > 0.008 * length * len(str(span.step + 1)):  # there is room for the number
            axes.text(
                left + width / 2, row, str(span.step + 1), ha="center", va="center", fontsize=8, color="white",
                fontweight="bold",
            )  # fmt: skip
    cuts = [cut - start for cut in log.cuts if start < cut < end]
    for cut in cuts:
        axes.axvline(cut, color="#666666", linestyle=":", linewidth=1)
    axes.set(yticks=range(1, count + 1), ylim=(count + 0.6, 0.4), xlim=(0, length), xlabel="seconds", ylabel="worker")
    axes.spines[["top", "right"]].set_visible(False)
    handles: list[Any] = (
        [Patch(label="boundaries move", **MOVE)] if any(span.step is None for span in log.spans) else []
    )
    handles += [Line2D([], [], color="#666666", linestyle=":", label="evaluation, left out")] if cuts else []
    if handles:
        figure.legend(handles=handles, loc="outside lower right", ncols=2, fontsize=8, frameon=False)
    axes.set_title("colour and number: the minibatch; white: the worker waits", fontsize=8)
    return save(figure, path, title)
