"""How speed depends on width, batch, depth and threads: each is varied by itself, the others stay as in the options."""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from minilocal.bench.options import Options
from minilocal.bench.plan import plan_steps
from minilocal.bench.rates import mean_of_shifts, ratio
from minilocal.bench.timing import OURS, TORCH, time_plans
from minilocal.compute.parallel import available_threads
from minilocal.errors import InputError
from minilocal.files import replacing

Row = dict[str, str]
Key = tuple[str, ...]

SWEEPS: dict[str, tuple[Any, ...]] = {
    "width": (0.0625, 0.125, 0.25, 0.5, 1.0),
    "batch_size": (8, 16, 32, 64, 128, 256, 512),
    "model": ("vgg8b", "vgg11b", "vgg16", "vgg19"),
    "threads": (1, 2, 4, 8, 16),  # up to the number of processors
}
STEPS_PER_SECOND = {OURS: "minilocal_steps_per_second", TORCH: "torch_steps_per_second"}
KEY = (*SWEEPS, "algo")
COLUMNS = (*KEY, *STEPS_PER_SECOND.values(), "ratio", "torch_runs_as")


def points(options: Options) -> dict[str, list[Options]]:
    """Return the options of each sweep's points; those of the command line are a point of most sweeps."""
    values = SWEEPS | {"threads": [count for count in SWEEPS["threads"] if count <= available_threads()]}
    return {name: [replace(options, **{name: value}) for value in values[name]] for name in SWEEPS}


def key_of(point: Options, algo: str) -> Key:
    """Return the columns that identify a row."""
    values = [getattr(point, name) for name in SWEEPS]
    return (*(f"{value:g}" if isinstance(value, float) else str(value) for value in values), algo)


def measure_growth(options: Options, path: Path) -> dict[str, list[Row]]:
    """Return the rows of each sweep, and write them to a CSV file after every point.

    Points that are already in the file are not measured again, unless PyTorch's side is missing. Raises `InputError` if
    an algorithm doesn't suit a network or the file is something else, before anything is measured.
    """
    rows, sweeps = read_rows(path), points(options)
    plans = {
        point: [plan_steps(algo, **point.network) for algo in point.algo]
        for sweep in sweeps.values()
        for point in sweep
    }
    for number, (point, planned) in enumerate(plans.items(), 1):
        keys = {plan.algo: key_of(point, plan.algo) for plan in planned}
        missing = [plan for plan in planned if not _done(rows.get(keys[plan.algo]), options)]
        if not missing:
            continue
        print(f"point {number} of {len(plans)}: {point.title}", file=sys.stderr, flush=True)
        for result in time_plans(missing, plan_steps("BP", **point.network), point):
            key = keys[result["algo"]]
            rows[key] = dict(zip(COLUMNS, (*key, *_measured(result)), strict=True))
        _write(path, rows)
    return {
        name: [rows[key_of(point, plan.algo)] for point in sweep for plan in plans[point]]
        for name, sweep in sweeps.items()
    }


def _done(row: Row | None, options: Options) -> bool:
    return row is not None and (bool(row["ratio"]) or not options.against)


def _measured(result: dict[str, Any]) -> list[str]:
    """Return the columns of a row that were measured; PyTorch's are empty if it did not take part."""
    seconds = mean_of_shifts(result["shifts"])["seconds"]
    rates = [f"{1 / median(seconds[side]):.4g}" if side in seconds else "" for side in STEPS_PER_SECOND]
    if not result["contest"]:
        return [*rates, "", ""]
    way = result["contest"]["peers"][0]
    return [*rates, f"{ratio(seconds[TORCH], seconds[OURS]):.3f}", f"{way['name']}, {way['layout']}"]


def _write(path: Path, rows: dict[Key, Row]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows.values())
    with replacing(path) as file:
        file.write(text.getvalue().encode())


def read_rows(path: Path) -> dict[Key, Row]:
    """Return the rows of an earlier measurement by key; raise `InputError` if the file is something else."""
    if not path.exists():
        return {}
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
        rows = list(reader)
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"--growth: {path} can't be read ({error}); name another file") from None
    if tuple(reader.fieldnames or ()) != COLUMNS or any(None in (*row, *row.values()) for row in rows):
        raise InputError(f"--growth: {path} is not a table that --growth wrote; name another file")
    return {tuple(row[name] for name in KEY): row for row in rows}
