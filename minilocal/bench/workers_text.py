"""Blocks in parallel, as tables for people to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from minilocal.bench.text import duration
from minilocal.console.text import plural

NOTE = """\
step: time from step to step once the pipeline is full, mean over the shifts; speed-up: one worker's over it; bound:
all blocks' time over the slowest worker's; simulated: from the blocks' times, also where processors are too few to
measure; vs BP: its step on one thread over this one, measured or else simulated; memory: the largest worker's
weights, statistics, momentum and saved activations"""


def render(algorithms: Sequence[dict[str, Any]]) -> str:
    """Return a section for each algorithm, and what the columns mean."""
    return "\n\n".join(["\n".join(_section(algorithm)) for algorithm in algorithms] + [NOTE])


def _section(algorithm: dict[str, Any]) -> Iterator[str]:
    backprop = duration(algorithm["backprop"]["median"])
    yield f"{algorithm['algo']}: time of each block in a step, on one thread (a step of BP: {backprop})"
    for row in algorithm["shifts"]:
        blocks = (f"[{b}] {duration(s)}" for b, s in zip(row["blocks"], row["seconds"], strict=True))
        yield f"  shift {row['shift']}: {', '.join(blocks)}"
    for row in algorithm["rows"][1:]:
        for shift, shares in row["shares"].items():
            yield f"  {plural(row['workers'], 'worker')}, shift {shift}: {' | '.join(shares)}"
    yield (
        f"{'workers':>9}{'step':>10}{'speed-up':>10}{'bound':>8}{'of bound':>10}{'simulated':>11}{'off by':>9}"
        f"{'vs BP':>8}{'memory':>10}{'of one':>8}"
    )
    for row in algorithm["rows"]:
        step, speedup, share, error = "", "", "", ""
        if "median" in row:
            step, speedup = duration(row["median"]), f"{row['speedup']:.2f}×"
            share, error = f"{100 * row['of_bound']:.0f} %", f"{100 * row['simulation_error']:+.0f} %"
        yield (
            f"{row['workers']:>9}{step:>10}{speedup:>10}{row['bound']:>7.2f}×{share:>10}{duration(row['simulated']):>11}"
            f"{error:>9}{row['against_bp']:>7.2f}×{row['bytes'] / 1e6:>7.0f} MB{100 * row['of_one']:>6.0f} %"
        )
