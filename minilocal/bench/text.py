"""The results as tables for people to read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from minilocal.bench.first_minute import LATER
from minilocal.bench.peers import COMPILED, EAGER, LIBRARIES
from minilocal.bench.rates import MEASURED
from minilocal.console.text import aligned, markdown, plural

STEPS_NOTE = "GFLOP/s are effective: multiplications of im2col products, padding included, whatever is computed."
AGAINST_NOTE = """PyTorch: the fastest way to run it, see below. vs PyTorch: its time for the same step over ours; vs
its BP: its time for a BP step over ours (medians of the rounds' ratios)."""
MEMORY_NOTE = """saved: activations kept for backward, counted at the moment of a block's loss, at their peak. own: what
the layers of the largest block need themselves (input of the product, input of BatchNorm, output); for G1, the largest
layer. process: peak memory of the whole process that took the steps, PyTorch's likewise; ? if it isn't known."""
WORKERS_NOTE = """step: time from step to step once the pipeline is full, mean over the shifts; speed-up: one worker's
time over it; bound: all blocks' time over the slowest worker's; simulated: from the blocks' times, also where there are
too few processors to measure; vs BP: the time of its step on one thread over this one, measured or else simulated;
MB: the largest worker's weights, statistics, momentum and saved activations"""


def duration(seconds: float) -> str:
    """Return a time with three digits: "1.23 s", "45.6 ms", "789 µs"."""
    factor, unit = (1, "s") if seconds >= 1 else (1e3, "ms") if seconds >= 1e-3 else (1e6, "µs")
    value = seconds * factor
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"


def _giga(flops: float) -> str:
    return f"{flops / 1e9:.0f}" if flops >= 1e10 else f"{flops / 1e9:.2f}"


def _mega(size: int | None) -> str:
    return "?" if size is None else f"{size / 1e6:.1f}" if size < 1e7 else f"{size / 1e6:.0f}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"


def _sizes(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


_ratio = "{:.2f}×".format

# The columns of the tables: a title, the name of a row's value, and how to write it.
Column = tuple[str, str, Callable[[Any], str]]
STEPS: list[Column] = [
    ("", "title", str), ("", "peer", str), ("median", "median", duration),
    ("quartiles", "quartiles", lambda low_high: " – ".join(map(duration, low_high))),
    ("images/s", "images_per_second", "{:.0f}".format), ("GFLOP/s", "flops", _giga),
    ("of SGEMM", "of_sgemm", _percent), ("vs PyTorch", "torch", _ratio), ("vs its BP", "torch_bp", _ratio),
]  # fmt: skip
MEMORY: list[Column] = [
    ("memory (MB)", "algo", str), ("saved", "bytes", _mega), ("of BP", "of_backprop", _percent),
    ("own", "own_bytes", _mega), ("of own", "of_own", "{:.2f}".format), ("process", "minilocal", _mega),
    ("PyTorch", "torch", _mega),
]  # fmt: skip
LAYERS: list[Column] = [
    ("input", "input_shape", _sizes), ("weight", "weight_shape", _sizes), ("method", "method", str),
    ("time", "median", duration), ("GFLOP/s", "flops", _giga), ("of SGEMM", "of_sgemm", _percent),
    ("PyTorch", "torch", lambda torch: duration(torch["median"])), ("GFLOP/s", "torch", lambda t: _giga(t["flops"])),
    ("ratio", "torch", lambda torch: _ratio(torch["ratio"])), ("layout", "torch", lambda torch: torch["layout"]),
]  # fmt: skip
WORKERS: list[Column] = [
    ("workers", "workers", str), ("step", "median", duration), ("speed-up", "speedup", _ratio),
    ("bound", "bound", _ratio), ("of bound", "of_bound", _percent), ("simulated", "simulated", duration),
    ("off by", "simulation_error", lambda share: f"{100 * share:+.0f} %"), ("vs BP", "against_bp", _ratio),
    ("MB", "bytes", _mega), ("of one", "of_one", _percent),
]  # fmt: skip


def _table(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]], texts: int = 1) -> str:
    """Return a table without the columns that no row has a value for; the first `texts` ones are left-aligned."""
    rows = list(rows)
    used = [column for column in columns if any(column[1] in row for row in rows)]
    cells = [[write(row[key]) if key in row else "" for _, key, write in used] for row in rows]
    return aligned([[title for title, _, _ in used], *cells], texts)


def render(results: dict[str, Any]) -> str:
    """Return all sections that were measured, with an empty line between them."""
    sections = [_about(results)]
    if "steps" in results:
        algorithms = results["steps"]
        sections += [_steps(algorithms), render_contests(algorithms), _breakdown(algorithms), _memory(algorithms)]
    if "per_layer" in results:
        layers = results["per_layer"]
        sections += [_layers(layers, name) for name in layers[0]["passes"]]
    if "workers" in results:
        sections += [*map(_workers, results["workers"]), WORKERS_NOTE]
    sections += [_growth(name, rows) for name, rows in results.get("growth", {}).items()]
    if "first_minute" in results:
        sections.append(_first_minute(results["first_minute"]))
    if "figure10" in results:
        sections.append(_figure10(**results["figure10"]))
    return "\n\n".join(section for section in sections if section)


def rows_of(algorithms: Sequence[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each shift's row with a title such as "G3S2 shift 2", then that of their mean."""
    for algorithm in algorithms:
        shifts = algorithm["shifts"]
        for row in shifts:
            yield algorithm["algo"] + (f" shift {row['shift']}" if len(shifts) > 1 else ""), row
        if "mean" in algorithm:
            yield f"{algorithm['algo']} mean", algorithm["mean"]


def kinds(breakdowns: Iterable[dict[str, float]]) -> list[str]:
    """Return the kinds of work in several breakdowns: layers first, in order, then what every step has."""
    last = ("classifiers", "loss", "SGD", "rest")
    found = dict.fromkeys(kind for seconds in breakdowns for kind in seconds)
    return [*(kind for kind in found if kind not in last), *(kind for kind in last if kind in found)]


def _about(results: dict[str, Any]) -> str:
    about = results["about"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    rounds = "" if "first_minute" in results else f", median of {plural(about['options']['steps'], 'round')}"
    text = f"{about['title']}{rounds}; {versions}"
    if "sgemm" in results:
        sgemm = results["sgemm"]
        text += (
            f"\nthis machine's SGEMM: {_giga(sgemm['flops'])} GFLOP/s (np.matmul, float32, {sgemm['size']}²; "
            f"{_giga(sgemm['start'])} at the start, {_giga(sgemm['end'])} at the end)"
        )
    return text


def _steps(algorithms: Sequence[dict[str, Any]]) -> str:
    rows = []
    for title, row in rows_of(algorithms):
        rows.append({"title": title, "peer": "minilocal"} | row["minilocal"] | row["speedup"])
        if "torch" in row:
            rows.append({"title": "", "peer": "PyTorch"} | row["torch"])
    return "\n".join([_table(STEPS, rows, texts=2), STEPS_NOTE] + [AGAINST_NOTE] * ("torch" in rows[0]))


def render_contests(algorithms: Sequence[dict[str, Any]]) -> str:
    """Return a table of the ways to run PyTorch: a row per algorithm, and below it what could not be tried."""
    contests = {row["algo"]: row["contest"] for row in algorithms if row["contest"]}
    tried = {peer["name"] for contest in contests.values() for peer in contest["peers"]}
    names = [name for name in (EAGER, *LIBRARIES, COMPILED) if name in tried]
    table = [["PyTorch in a trial", *names, "fastest"]]
    for algo, contest in contests.items():
        cells = {peer["name"]: f"{duration(peer['median'])} {_how(peer)}".strip() for peer in contest["peers"]}
        table.append([algo, *(cells.get(name, "") for name in names), contest["peers"][0]["name"]])
    missing = {f"  {name}: {why}": None for contest in contests.values() for name, why in contest["missing"].items()}
    lines = [aligned(table), *(["not available:"] if missing else []), *missing]
    return "\n".join(lines) if contests else ""


def _how(peer: dict[str, Any]) -> str:
    """Return the memory layout, except for torch.compile, which chooses itself, or else its allocator, if preloaded."""
    if peer["name"] != COMPILED:
        return peer["layout"]
    return f"with {peer['allocator']}" if peer["allocator"] != EAGER else ""


def _breakdown(algorithms: Sequence[dict[str, Any]]) -> str:
    steps = {title: row["breakdown"] for title, row in rows_of(algorithms) if "breakdown" in row}
    table = [["", *steps]]
    for kind in kinds(steps.values()):
        table.append([kind, *(f"{1e3 * seconds[kind]:.1f}" if kind in seconds else "" for seconds in steps.values())])
    table.append(["together", *(f"{1e3 * sum(seconds.values()):.1f}" for seconds in steps.values())])
    return "where minilocal's step goes (ms), in instrumented steps of their own:\n" + aligned(table)


def _memory(algorithms: Sequence[dict[str, Any]]) -> str:
    rows = ({"algo": row["algo"]} | row.get("saved", {}) | row["peak_memory"] for row in algorithms)
    return f"{_table(MEMORY, rows)}\n{MEMORY_NOTE}"


def _layers(layers: Sequence[dict[str, Any]], name: str) -> str:
    rows = [layer | layer["passes"][name]["minilocal"] | layer["passes"][name] for layer in layers]
    return _table([(name, "layer", str), *LAYERS], rows)


def _workers(algorithm: dict[str, Any]) -> str:
    backprop = duration(algorithm["backprop"]["median"])
    lines = [f"{algorithm['algo']}: time of each block in a step, on one thread (a step of BP: {backprop})"]
    for row in algorithm["shifts"]:
        blocks = (f"[{block}] {duration(s)}" for block, s in zip(row["blocks"], row["seconds"], strict=True))
        lines.append(f"  shift {row['shift']}: {', '.join(blocks)}")
    for row in algorithm["rows"][1:]:
        for shift, shares in row["shares"].items():
            lines.append(f"  {plural(row['workers'], 'worker')}, shift {shift}: {' | '.join(shares)}")
    return "\n".join([*lines, _table(WORKERS, algorithm["rows"], texts=0)])


def _growth(name: str, rows: Sequence[dict[str, str]]) -> str:
    """Return a Markdown table of a sweep: steps per second of both sides, with a row per value and algorithm."""
    columns = {name: name.replace("_", " "), "algo": "algorithm", "minilocal_steps_per_second": "minilocal, steps/s"}
    if any(row["ratio"] for row in rows):
        columns |= {"torch_steps_per_second": "PyTorch, steps/s", "ratio": "ratio", "torch_runs_as": "PyTorch runs as"}
    return markdown([list(columns.values()), *([row[column] for column in columns] for row in rows)], texts=2)


def _first_minute(runs: dict[str, dict[str, Any]]) -> str:
    """Return where the time until the first step goes, after a fresh install and later; kernels; and an epoch."""
    table = [["until the first step is done (s)", *runs]]
    for kind in next(iter(runs.values()))["first_step"]:
        table.append([f"  {kind}", *(f"{run['first_step'][kind]:.2f}" for run in runs.values())])
    table.append(["together", *(f"{sum(run['first_step'].values()):.2f}" for run in runs.values())])
    lines = [aligned(table)]
    for name, run in runs.items():
        if kernels := sorted(run["kernels"].items(), key=lambda kernel: -kernel[1]):
            lines.append(f"compiled in both epochs, {name} (s): " + ", ".join(f"{k} {s:.2f}" for k, s in kernels))
    for number, epoch in enumerate(runs[LATER]["epochs"], 1):
        share = epoch["evaluation"] / sum(epoch.values())
        times = ", ".join(f"{kind} {duration(seconds)}" for kind, seconds in epoch.items())
        lines.append(f"epoch {number}, {LATER}: {times}; evaluation is {_percent(share)} of the epoch")
    return "\n".join(lines)


def _figure10(processors: dict[str, dict[str, Any]], seconds: dict[str, dict[str, float]]) -> str:
    """Return a table with a row per processor: a BP step's time, and how much faster the others are."""
    others = [algo for algo in seconds[MEASURED] if algo != "BP"]
    table = [["a step, estimated", "BP", *others]]
    for name, times in seconds.items():
        table.append([name, duration(times["BP"]), *(_ratio(times["BP"] / times[algo]) for algo in others)])
    lines = [
        f"  {name}: {p['what']}; {p['macs'] / 1e12:g} T multiply-adds/s, {p['memory'] / 1e6:g} MB on the chip, "
        f"{p['bandwidth'] / 1e9:g} GB/s to off-chip memory, {plural(p['word'], 'byte')} per number"
        for name, p in processors.items()
    ]
    note = "×: how many times faster than BP. The estimates are for kinds of processors, in round numbers:"
    return "\n".join([aligned(table), note, *lines])
