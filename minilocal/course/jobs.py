"""Which job waits for which: a job for each block and step, and an arrow for what it needs from another job."""

from __future__ import annotations

from typing import Any

from minilocal.course.figure import GREY, WHITE, arrow, block_patch, box, hide_ticks_and_spines, label

WIDTH, HEIGHT = 0.58, 0.56  # of a job's box; boxes are 1 apart


def draw_jobs(blocks: int, steps: int) -> Any:
    """Return a figure of the jobs of local learning, blocks down, steps across, and of what they wait for.

    Dotted lines join jobs that can run at the same time.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 0.5 + 0.9 * blocks))
    for diagonal in range(1, blocks + steps - 2):
        ends = [(t, diagonal - t) for t in range(steps) if 0 <= diagonal - t < blocks]
        (left, low), (right, high) = ends[0], ends[-1]
        axes.plot([left - 0.38, right + 0.38], [low + 0.38, high - 0.38], ":", color=GREY, linewidth=1.2, zorder=0)
    for block in range(blocks):
        for step in range(steps):
            box(axes, step - WIDTH / 2, block - HEIGHT / 2, WIDTH, HEIGHT, **block_patch(block + 1))
            label(axes, step, block, f"step {step + 1}", fontsize=9, bbox=WHITE | {"pad": 1.5, "alpha": 0.9})
            if step + 1 < steps:
                arrow(axes, (step + WIDTH / 2, block), (step + 1 - WIDTH / 2, block))
            if block + 1 < blocks:
                arrow(axes, (step, block + HEIGHT / 2), (step, block + 1 - HEIGHT / 2))
    label(axes, 0.5, -0.16, "weights", va="bottom", fontsize=8)
    label(axes, 0.05, 0.5, "features", ha="left", fontsize=8)
    axes.set(xlim=(-0.55, steps - 0.45), ylim=(blocks - 0.6, -0.5))
    axes.set_yticks(range(blocks), [f"block {block + 1}" for block in range(blocks)])
    axes.set_xticks([])
    hide_ticks_and_spines(axes)
    return figure
