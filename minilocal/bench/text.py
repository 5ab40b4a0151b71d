"""The results as tables for people to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from minilocal.console.text import plural

PEERS = {"minilocal": "minilocal", "torch": "PyTorch"}
PASSES = {"forward": "forward", "weight gradient": "weight gr.", "input gradient": "input gr."}


def render(results: dict[str, Any]) -> str:
    """Return all sections that were measured, an empty line between them."""
    sections = [_about(results)]
    if "steps" in results:
        algorithms = results["steps"]
        sections += [_steps(algorithms), _layouts(algorithms), _breakdown(algorithms), _saved(algorithms)]
    if "per_layer" in results:
        sections.append(_per_layer(results["per_layer"]))
    sections += [section(results[name]) for name, section in EXTRAS.items() if name in results]
    return "\n\n".join(section for section in sections if section)


def duration(seconds: float) -> str:
    """Return a time with three digits: "1.23 s", "45.6 ms", "789 µs"."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        value = seconds * factor
        if value >= 1 or unit == "µs":
            break
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f} {unit}"


def rows_of(algorithms: Sequence[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each shift's row with a title such as "G3S2 shift 2", and that of their mean."""
    for algorithm in algorithms:
        shifts = algorithm["shifts"]
        for row in shifts:
            yield algorithm["algo"] + (f" shift {row['shift']}" if len(shifts) > 1 else ""), row
        if "mean" in algorithm:
            yield f"{algorithm['algo']} mean", algorithm["mean"]


def _about(results: dict[str, Any]) -> str:
    about = results["about"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    lines = [f"{about['title']}, median of {plural(about['options']['steps'], 'round')}; {versions}"]
    if "sgemm" in results:
        sgemm = results["sgemm"]
        lines.append(
            f"this machine's SGEMM: {_giga(sgemm['flops'])} GFLOP/s (np.matmul, float32, {sgemm['size']}²; "
            f"{_giga(sgemm['start'])} at the start, {_giga(sgemm['end'])} at the end)"
        )
    return "\n".join(lines)


def _steps(algorithms: Sequence[dict[str, Any]]) -> str:
    against = any("torch" in row for _, row in rows_of(algorithms))
    head = f"{'':<14}{'':<11}{'median':>9}{'quartiles':>20}{'images/s':>10}{'GFLOP/s':>9}{'of SGEMM':>10}"
    lines = [head + (f"{'vs PyTorch':>12}{'vs its BP':>11}" if against else "")]
    for title, row in rows_of(algorithms):
        for name in (name for name in PEERS if name in row):
            rates = row[name]
            quartiles = f"{duration(rates['quartiles'][0])} – {duration(rates['quartiles'][1])}"
            line = (
                f"{title:<14}{PEERS[name]:<11}{duration(rates['median']):>9}{quartiles:>20}"
                f"{rates['images_per_second']:>10.0f}{_giga(rates['flops']):>9}{_percent(rates['of_sgemm']):>10}"
            )
            if name == "minilocal" and against:
                line += f"{_ratio(row, 'torch'):>12}{_ratio(row, 'torch_bp'):>11}"
            lines.append(line.rstrip())
            title = ""
    lines.append("GFLOP/s are effective: multiplications of im2col products, padding included, whatever is computed.")
    if against:
        lines.append(
            "vs PyTorch: its time of the same step over ours; vs its BP: its time of a BP step over ours "
            "(medians of the rounds' ratios)."
        )
    return "\n".join(lines)


def _ratio(row: dict[str, Any], name: str) -> str:
    return f"{row['speedup'][name]:.2f}×" if name in row["speedup"] else ""


def _layouts(algorithms: Sequence[dict[str, Any]]) -> str:
    parts = []
    for algorithm in algorithms:
        if algorithm["layouts"]:
            (taken, best), (left, other) = algorithm["layouts"].items()
            parts.append(f"  {algorithm['algo']:<12}{taken} ({duration(best)}; {left} {duration(other)})")
    return "\n".join(["PyTorch's memory layout, the faster in a trial:", *parts]) if parts else ""


def _breakdown(algorithms: Sequence[dict[str, Any]]) -> str:
    columns = {title: row["breakdown"] for title, row in rows_of(algorithms) if "breakdown" in row}
    if not columns:
        return ""
    lines = ["where minilocal's step goes (ms), in instrumented steps of their own:"]
    lines.append(f"{'':<24}" + "".join(f"{title:>14}" for title in columns))
    for kind in kinds(columns.values()):
        cells = (f"{1e3 * parts[kind]:.1f}" if kind in parts else "" for parts in columns.values())
        lines.append((f"{kind:<24}" + "".join(f"{cell:>14}" for cell in cells)).rstrip())
    lines.append(f"{'together':<24}" + "".join(f"{1e3 * sum(parts.values()):>14.1f}" for parts in columns.values()))
    return "\n".join(lines)


def kinds(breakdowns: Any) -> list[str]:
    """Return the kinds of work in several breakdowns: the layers' first, as they are met, then what all steps have."""
    last = ("classifiers", "loss", "SGD", "rest")
    found = dict.fromkeys(kind for parts in breakdowns for kind in parts)
    return [*(kind for kind in found if kind not in last), *(kind for kind in last if kind in found)]


def _saved(algorithms: Sequence[dict[str, Any]]) -> str:
    lines = [f"{'memory (MB)':<14}{'saved':>9}{'of BP':>9}{'own':>9}{'of own':>9}{'process':>10}{'PyTorch':>10}"]
    for algorithm in algorithms:
        cells = f"{'':>36}"
        if "saved" in algorithm:
            saved = algorithm["saved"]
            cells = (
                f"{_mega(saved['bytes']):>9}{_percent(saved['of_backprop']):>9}"
                f"{_mega(saved['own_bytes']):>9}{saved['of_own']:>9.2f}"
            )
        peaks = "".join(f"{_mega(peak):>10}" for peak in algorithm["peak_memory"].values())
        lines.append(f"{algorithm['algo']:<14}{cells}{peaks}")
    lines.append(
        "saved: activations kept for backward, counted when a block's loss is computed, at their peak. own: what the\n"
        "layers of the largest block need themselves (input of the product, input of BatchNorm, output), for G1 the\n"
        "largest layer. process, PyTorch: peak memory of the whole process that took the steps."
    )
    if any(None in algorithm["peak_memory"].values() for algorithm in algorithms):
        lines.append("A process's peak memory is not known on this system: Python has no `resource` module here.")
    if not any("torch" in algorithm["peak_memory"] for algorithm in algorithms):
        lines[0] = lines[0].removesuffix("PyTorch").rstrip()
        lines[-1] = lines[-1].replace("process, PyTorch:", "process:")
    return "\n".join(lines)


def _per_layer(layers: Sequence[dict[str, Any]]) -> str:
    lines = []
    for name, short in PASSES.items():
        against = any("torch" in layer["passes"][name] for layer in layers)
        lines.append(
            f"{short:<11}{'input':>11}{'weight':>16}{'algorithm':>11}{'time':>9}{'GFLOP/s':>9}{'of SGEMM':>10}"
            + (f"{'PyTorch':>10}{'GFLOP/s':>9}{'ratio':>8}  layout" if against else "")
        )
        for layer in layers:
            ours = layer["passes"][name]["minilocal"]
            line = (
                f"{layer['layer']:<11}{_times(layer['input_shape']):>11}{_times(layer['weight_shape']):>16}"
                f"{layer['algorithm']:>11}{duration(ours['median']):>9}{_giga(ours['flops']):>9}"
                f"{_percent(ours['of_sgemm']):>10}"
            )
            if against:
                torch = layer["passes"][name]["torch"]
                line += (
                    f"{duration(torch['median']):>10}{_giga(torch['flops']):>9}"
                    f"{torch['median'] / ours['median']:>7.2f}×  {torch['layout']}"
                )
            lines.append(line)
        lines.append("")
    return "\n".join(lines[:-1])


def _startup(startup: dict[str, float]) -> str:
    return "start-up, a fresh process each:\n" + "\n".join(
        f"  {name:<30}{duration(seconds):>9}" for name, seconds in startup.items()
    )


def _scaling(rows: Sequence[dict[str, Any]]) -> str:
    lines = [f"{'BP step':<14}{'median':>9}{'quartiles':>20}{'speed-up':>10}"]
    for row in rows:
        threads = plural(row["threads"], "thread")
        quartiles = f"{duration(row['quartiles'][0])} – {duration(row['quartiles'][1])}"
        lines.append(f"{threads:<14}{duration(row['median']):>9}{quartiles:>20}{row['speedup']:>9.2f}×")
    return "\n".join(lines)


def _loading(loading: dict[str, Any]) -> str:
    return (
        f"loading a minibatch (crop, flip, normalise): {duration(loading['batch']['median'])}, "
        f"{100 * loading['share']:.2f} % of a BP step of {duration(loading['step']['median'])}"
    )


EXTRAS: dict[str, Callable[[Any], str]] = {"scaling": _scaling, "loading": _loading, "startup": _startup}


def _giga(flops: float) -> str:
    return f"{flops / 1e9:.0f}" if flops >= 1e10 else f"{flops / 1e9:.2f}"


def _mega(size: int | None) -> str:
    return "?" if size is None else f"{size / 1e6:.1f}" if size < 1e7 else f"{size / 1e6:.0f}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"


def _times(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))
