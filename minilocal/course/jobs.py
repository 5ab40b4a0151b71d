"""Who waits for whom: one job for each block and step, and an arrow for all that a job needs from another."""

from __future__ import annotations

from typing import Any

from minilocal.course.figure import GREY, INK, block_patch

WIDTH, HEIGHT = 0.58, 0.56  # of a job's box; boxes stand one apart


def draw_jobs(blocks: int, steps: int) -> Any:
    """Return a figure of the jobs of local learning, blocks down, steps across, with the jobs they wait for.

    Dotted lines join what can be done at the same time.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 0.5 + 0.9 * blocks))
    arrow = {"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0}
    for diagonal in range(1, blocks + steps - 2):
        ends = [(t, diagonal - t) for t in range(steps) if 0 <= diagonal - t < blocks]
        (left, low), (right, high) = ends[0], ends[-1]
        axes.plot([left - 0.38, right + 0.38], [low + 0.38, high - 0.38], ":", color=GREY, linewidth=1.2, zorder=0)
    for block in range(blocks):
        for step in range(steps):
            corner = step - WIDTH / 2, block - HEIGHT / 2
            axes.add_patch(plt.Rectangle(corner, WIDTH, HEIGHT, **block_patch(block + 1)))
            axes.text(
                step, block, f"step {step + 1}", ha="center", va="center", fontsize=9,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.9},
            )  # fmt: skip
            if step + 1 < steps:
                axes.annotate("", (step + 1 - WIDTH / 2, block), (step + WIDTH / 2, block), arrowprops=arrow)
            if block + 1 < blocks:
                axes.annotate("", (step, block + 1 - HEIGHT / 2), (step, block + HEIGHT / 2), arrowprops=arrow)
    axes.text(0.5, -0.16, "weights", ha="center", va="bottom", fontsize=8)
    axes.text(0.05, 0.5, "features", ha="left", va="center", fontsize=8)
    axes.set(xlim=(-0.55, steps - 0.45), ylim=(blocks - 0.6, -0.5))
    axes.set_yticks(range(blocks), [f"block {block + 1}" for block in range(blocks)])
    axes.set_xticks([])
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    return figure
