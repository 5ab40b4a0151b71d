"""Figs. 6 and 8 drawn: our reductions as bars, one per network, and the paper's numbers as black marks."""

from __future__ import annotations

from pathlib import Path

from minilocal.console.plots import BLOCK_COLOURS, drawing, new_figure, save
from minilocal.costs.published import MODELS, Figure, Reductions

HATCHES = ("", "////", "....", "xxxx")  # tell networks apart in greyscale
BAR = 0.2  # of the distance between two algorithms


@drawing()
def draw(figure: Figure, off_chip: Reductions, macs: Reductions, path: Path) -> Path:
    """Draw both panels, (a) off-chip accesses and (b) MACs, as PNG; raises `TrainingError` if it can't be written."""
    canvas = new_figure(10, 4.2)
    left, right = canvas.subplots(1, 2)
    published_accesses = {figure.algorithms[-1]: figure.off_chip}
    published_macs = {algo: dict.fromkeys(MODELS, percent) for algo, percent in figure.macs.items()}
    for axes, title, ours, paper in (
        (left, "(a) off-chip memory accesses", off_chip, published_accesses),
        (right, "(b) multiply-adds (MACs)", macs, published_macs),
    ):
        for number, (model, name) in enumerate(MODELS.items()):
            offset = (number - (len(MODELS) - 1) / 2) * BAR
            axes.bar(
                [place + offset for place in range(len(ours))],
                [by_model[model] for by_model in ours.values()],
                BAR, color=BLOCK_COLOURS[number], hatch=HATCHES[number], edgecolor="white", label=name,
            )  # fmt: skip
            for place, algo in enumerate(ours):
                if algo in paper:
                    middle = place + offset
                    axes.hlines(paper[algo][model], middle - BAR / 2, middle + BAR / 2, color="black", linewidth=2)
        axes.set_xticks(range(len(ours)), list(ours))
        axes.set(ylabel="reduction against BP (%)", title=title)
        axes.grid(axis="y", alpha=0.3)
        axes.set_axisbelow(True)
    left.plot([], [], color="black", linewidth=2, label=f"the paper (in (a) only {figure.algorithms[-1]})")
    canvas.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=len(MODELS) + 1, fontsize=9)
    return save(canvas, path, f"Fig. {figure.number} as computed here: {figure.dataset}, classifiers A1")
