"""Time minilocal and compare it with PyTorch: `python -m minilocal.bench --against torch`."""

from __future__ import annotations

if __name__ == "__main__":
    from minilocal.console.launch import launch

    launch("minilocal.bench.__main__")

import importlib.metadata
import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from minilocal import __version__
from minilocal.bench.figures import draw_figure10, draw_growth, draw_steps
from minilocal.bench.first_minute import time_first_minute
from minilocal.bench.growth import measure_growth
from minilocal.bench.options import Options, read
from minilocal.bench.plan import plan_inference, plan_steps
from minilocal.bench.rates import add_rates, estimates
from minilocal.bench.text import render
from minilocal.bench.timing import time_layers, time_plans
from minilocal.bench.worker import Worker
from minilocal.bench.workers import time_workers
from minilocal.compute.parallel import available_threads
from minilocal.console.cli import command

SGEMM_SIZE, SGEMM_CALLS = 4096, 5


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = read(argv)
    results = measure(options)
    print(json.dumps(results, indent=1) if options.json else render(results))
    growth = options.growth and options.growth.with_suffix(".png")
    for draw, path in ((draw_steps, options.plot), (draw_figure10, options.figure10), (draw_growth, growth)):
        if path is not None:
            print(f"drawn in {draw(results, path)}", file=sys.stderr)
    return 0


def measure(options: Options) -> dict[str, Any]:
    """Return the results by section, with rates; raises `InputError` before anything is measured."""
    results: dict[str, Any] = {"about": _about(options)}
    if options.workers:
        results["workers"] = time_workers(options)
        add_rates(results, options.batch_size)
        return results
    if options.first_minute:
        return {**results, "first_minute": time_first_minute()}
    if options.growth is not None:
        results["growth"] = measure_growth(options, options.growth)
        return results
    backprop = plan_steps("BP", **options.network)
    plans = [plan_steps(algo, **options.network) for algo in options.algo]
    if plans:
        plans.append(plan_inference(**options.network))
    with Worker("SGEMM", "minilocal.bench.our_side:Sgemm", size=SGEMM_SIZE, threads=options.threads) as sgemm:
        at_start = sgemm.ask("best", calls=SGEMM_CALLS)
        if plans:
            results["steps"] = time_plans(plans, backprop, options)
        if options.per_layer:
            results["per_layer"] = time_layers(options)
        at_end = sgemm.ask("best", calls=SGEMM_CALLS)
    results["sgemm"] = {"size": SGEMM_SIZE, "start": at_start, "end": at_end, "flops": max(at_start, at_end)}
    add_rates(results, options.batch_size)
    if options.figure10 is not None:
        results["figure10"] = estimates(plans, results["steps"], options.batch_size)
    return results


def _about(options: Options) -> dict[str, Any]:
    """Return what was measured, on which machine, with which versions."""
    packages = ["numpy", "numba", *([options.against] if options.against else [])]
    versions = {"minilocal": __version__, "python": platform.python_version()}
    versions |= {name: importlib.metadata.version(name) for name in packages}
    plain = {
        name: value for name, value in asdict(options).items() if name not in ("json", "plot", "figure10", "growth")
    }
    machine = {"system": platform.system(), "machine": platform.machine(), "processors": available_threads()}
    return {"title": options.title, "options": plain, "versions": versions, "machine": machine}
