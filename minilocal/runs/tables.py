"""The tables that a run writes, and reading them again.

    metrics.csv         a row per epoch and block (lr: the learning rate of the epoch's last step)
    gradients.csv       a row per epoch and layer
    timing.csv          seconds and images per second, per epoch
    alignment.csv       with --alignment: a row per epoch and layer; the cosine is blank where the layer is frozen

All but timing.csv contain no times, so that the same run gives the same bytes. Checkpoints hold the text of these, from
which a resumed run writes the files again: no row is ever lost or duplicated.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from minilocal.errors import InputError
from minilocal.files import open_regular
from minilocal.training.results import EpochReport

METRICS = (
    "epoch", "shift", "block", "first_layer", "last_layer", "lr", "train_loss", "train_accuracy",
    "validation_loss", "validation_accuracy", "test_loss", "test_accuracy",
)  # fmt: skip
GRADIENTS = ("epoch", "shift", "layer", "block", "gradient_norm", "weight_norm")
TIMING = ("epoch", "train_seconds", "evaluation_seconds", "images_per_second")
ALIGNMENT = ("epoch", "shift", "layer", "block", "cosine")
TABLES = {"metrics.csv": METRICS, "gradients.csv": GRADIENTS, "timing.csv": TIMING, "alignment.csv": ALIGNMENT}

WHOLE = {"epoch", "shift", "block", "layer", "first_layer", "last_layer"}
OPTIONAL = {"validation_loss", "validation_accuracy", "cosine"}
UNSCORED = ["train_accuracy", "test_loss", "test_accuracy"]  # lacking in the rows of a block without class scores
MOST = 100_000  # epochs, layers, …; a table with a larger number is damaged
LONGEST = 2**28  # bytes


def empty(alignment: bool = False) -> dict[str, str]:
    """Return the texts of a run's tables without rows, by file name."""
    return {name: _lines([columns]) for name, columns in TABLES.items() if alignment or columns is not ALIGNMENT}


def until(path: Path, epoch: int) -> str:
    """Return a table's text without the rows of later epochs; without any rows, if it can't be read."""
    try:
        rows = len([row for row in read(path) if row["epoch"] <= epoch])
        return "".join(path.read_text(encoding="ascii").splitlines(keepends=True)[: 1 + rows])
    except (OSError, InputError):
        return _lines([TABLES[path.name]])


def extended(texts: dict[str, str], report: EpochReport) -> dict[str, str]:
    """Return the tables with an epoch's rows added."""
    metrics = []
    for number, block in enumerate(report.blocks, 1):
        row: list[Any] = [report.epoch, report.shift, number, block.block.first, block.block.last, report.lr]
        scores = [block.train, *(block.held_out.get(name, ("", "")) for name in ("validation", "test"))]
        metrics.append([*row, *("" if number != number else number for number in chain(*scores))])  # NaN: no scores
    gradients = [[report.epoch, report.shift, *vars(layer).values()] for layer in report.layers]
    times = report.train_seconds, report.evaluation_seconds, report.images / report.train_seconds
    timing = [[report.epoch, *(round(t, 3) for t in times)]]
    cosines = report.alignment
    aligned = [[report.epoch, report.shift, n.layer, n.block, cosines.get(n.layer, "")] for n in report.layers]
    rows = {"metrics.csv": metrics, "gradients.csv": gradients, "timing.csv": timing, "alignment.csv": aligned}
    return {name: text + _lines(rows[name]) for name, text in texts.items()}


def read(path: Path) -> list[dict[str, float]]:
    """Return the rows of a table, as `parse` does; raises `OSError` if the file can't be read."""
    with open_regular(path) as file:
        content = file.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise InputError(f"{path} is longer than the {LONGEST:,} bytes that are read")
    return parse(content.decode("ascii", "replace"), path)


def parse(text: str, path: Path) -> list[dict[str, float]]:
    """Return the rows in the text of the table at path as numbers by column; empty fields are left out.

    Raises `InputError`, with the line number, for other columns, fields that are not numbers or out of range, epochs
    that do not count up from 1, and an incomplete last line.
    """
    columns = TABLES[path.name]
    if not text.endswith("\n"):
        raise InputError(f"{path} breaks off within a line")
    if not text.isascii():
        raise InputError(f"{path} is not a table of numbers")
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise InputError(f"{path} is not a table of numbers ({error})") from None
    if not lines or tuple(lines[0]) != columns:
        raise InputError(f"{path} does not begin with the columns {','.join(columns)}")
    rows: list[dict[str, float]] = []
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(columns):
            raise InputError(f"{path}, line {number}, has {len(line)} fields, not {len(columns)}")
        row = {name: _number(name, field, path, number) for name, field in zip(columns, line, strict=True) if field}
        lacking = [name for name in columns if name not in row and name not in OPTIONAL]
        if lacking not in ([], UNSCORED):
            raise InputError(f"{path}, line {number}, has no {lacking[0]}")
        if row["epoch"] - (rows[-1]["epoch"] if rows else 0) not in (0, 1):
            raise InputError(f"{path}, line {number}, is of epoch {row['epoch']:.0f}, out of order")
        rows.append(row)
    own = max((row.get("last_layer", 0) for row in rows), default=0)
    if own and any("test_accuracy" not in row for row in rows if row["last_layer"] == own):
        raise InputError(f"{path} has no test_accuracy of the network's own classifier")
    if rows and rows[0]["epoch"] != 1:
        raise InputError(f"{path} does not begin with epoch 1")
    return rows


def _number(name: str, field: str, path: Path, line: int) -> float:
    """Return the number in a field: finite, not negative unless a cosine, whole if it counts, a share at most 1."""
    try:
        number = float(field)
    except ValueError:
        number = math.nan
    least, most = -1 if name == "cosine" else 0, MOST if name in WHOLE else math.inf
    most = 1 if name.endswith(("accuracy", "cosine")) else most
    if not (least <= number <= most and number < math.inf) or (name in WHOLE and number != int(number)):
        raise InputError(f"{path}, line {line}: {name} is {field[:40]!r}")
    return number


def _lines(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
