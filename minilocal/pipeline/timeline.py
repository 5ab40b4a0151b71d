"""The timeline of a pipeline: a row for each worker, time across, a colour for each minibatch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minilocal.console.plots import BLOCK_COLOURS, drawing, new_figure, save
from minilocal.pipeline.log import Log

MOVE: dict[str, Any] = {"facecolor": "#DDDDDD", "edgecolor": "#666666", "hatch": "////", "linewidth": 0.5}


@drawing()
def draw_timeline(log: Log, title: str, path: Path) -> Path:
    """Draw what each worker did around the first move of boundaries, or in the first steps.

    A bar is one worker's share of a step, labelled with the step's number, counted from 1 since the start of training.
    A hatched bar is a worker sending or receiving layers. White is waiting.
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
        number = str(span.step + 1)
        if width > 0.008 * length * len(number):  # otherwise the number doesn't fit
            font: dict[str, Any] = {"fontsize": 8, "color": "white", "fontweight": "bold"}
            axes.text(left + width / 2, row, number, ha="center", va="center", **font)
    cuts = [cut - start for cut in log.cuts if start < cut < end]
    for cut in cuts:
        axes.axvline(cut, color="#666666", linestyle=":", linewidth=1)
    axes.set(yticks=range(1, count + 1), ylim=(count + 0.6, 0.4), xlim=(0, length), xlabel="seconds", ylabel="worker")
    axes.spines[["top", "right"]].set_visible(False)
    handles: list[Any] = []
    if log.moves:
        handles.append(Patch(label="boundaries move", **MOVE))
    if cuts:
        handles.append(Line2D([], [], color="#666666", linestyle=":", label="evaluation, left out"))
    if handles:
        figure.legend(handles=handles, loc="outside lower right", ncols=2, fontsize=8, frameon=False)
    axes.set_title("colour and number: the minibatch; white: the worker waits", fontsize=8)
    return save(figure, path, title)
