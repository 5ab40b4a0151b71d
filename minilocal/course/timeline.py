"""Timelines of workers: when each was busy with which block and step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from minilocal.course.figure import WHITE, block_patch, box, hide_ticks_and_spines, label


class Job(NamedTuple):
    """A worker was busy with a block between `start` and `end` (both count from 1); `label` is written on the box."""

    worker: int
    block: int
    start: float
    end: float
    label: str


def draw_timeline(panels: Mapping[str, Sequence[Job]], unit: str) -> Any:
    """Return a figure with a panel per title, a row per worker and a box per job, all on the same time axis."""
    import matplotlib.pyplot as plt

    workers = [max(job.worker for job in jobs) for jobs in panels.values()]
    figure, axes = plt.subplots(
        len(panels), 1, figsize=(7.5, 0.7 + 0.35 * len(panels) + 0.42 * sum(workers)),
        sharex=True, squeeze=False, height_ratios=[count + 0.2 for count in workers],
    )  # fmt: skip
    begin = min(job.start for jobs in panels.values() for job in jobs)
    end = max(job.end for jobs in panels.values() for job in jobs)
    for axis, (title, jobs), count in zip(axes[:, 0], panels.items(), workers, strict=True):
        for job in jobs:
            x, width = job.start - begin, job.end - job.start
            box(axis, x, job.worker - 0.4, width, 0.8, linewidth=0.8, **block_patch(job.block))
            if job.label:
                back = WHITE | {"pad": 1, "alpha": 0.9}
                label(axis, x + width / 2, job.worker, job.label, fontsize=8, clip_on=True, bbox=back)
        axis.set(xlim=(0, (end - begin) * 1.01), ylim=(count + 0.6, 0.4))
        axis.set_yticks(range(1, count + 1), [f"worker {number}" for number in range(1, count + 1)])
        axis.set_title(title, loc="left")
        hide_ticks_and_spines(axis, "left", axis="y")
    axes[-1, 0].set_xlabel(unit)
    return figure
