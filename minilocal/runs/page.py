"""Runs as one page of HTML, which needs no network: curves, gradient map, blocks, confusion matrix, options, timing.

page.html has the look and draws everything in the browser. Here the runs' numbers and texts become the JSON in it.
Texts can't become markup: JSON's "<" is written as an escape, and the page only ever shows them as text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from minilocal.console.plots import BLOCK_COLOURS, FROZEN
from minilocal.console.text import shown
from minilocal.files import replacing
from minilocal.runs.directory import RunDirectory
from minilocal.runs.tables import TABLES

Counts = Mapping[tuple[int, int], int]


def contents(run: RunDirectory, counts: Counts | None, note: str) -> dict[str, Any]:
    """Return what the page shows of a run, ready for JSON; the run may still be going on.

    `counts` has the number of test images by (true class, predicted class), and `note` says what they are, or why
    there are none. Raises `InputError` if the directory does not hold a run, or a table is damaged.
    """
    config, preprocessing = run.read_config()
    names = [name for name in TABLES if name != "alignment.csv" or (run.path / name).exists()]
    rows = {name.removesuffix(".csv"): run.read_rows(name) for name in names}
    done = int(min(rows[name][-1]["epoch"] if rows[name] else 0 for name in ("metrics", "gradients")))
    rows = {name: [row for row in table if row["epoch"] <= done] for name, table in rows.items()}
    metrics = rows["metrics"]
    return {
        "name": shown(run.path.absolute().name),
        "title": config.title,
        "epochs": config.epochs,
        "done": done,
        "accuracy": metrics[-1].get("test_accuracy") if metrics else None,
        "ends": sorted({int(row["last_layer"]) for row in metrics}),
        **rows,
        "classes": [shown(name) for name in preprocessing.classes],
        "counts": None if counts is None else [[*place, count] for place, count in sorted(counts.items())],
        "note": note,
        "config": config.as_dict(),
        "versions": run.versions(),
    }


def write(runs: Sequence[dict[str, Any]], path: Path) -> None:
    """Write the page of these runs' `contents`; raises `TrainingError` if the system refuses."""
    written = f"Written at {datetime.now():%Y-%m-%d %H:%M:%S}. While a run is going on, write it again, then reload."
    data = {"runs": runs, "colours": BLOCK_COLOURS, "frozen": FROZEN, "written": written}
    page = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    text = json.dumps(data).replace("<", r"\u003c")
    with replacing(path) as file:
        file.write(page.replace("{{data}}", text).encode())
