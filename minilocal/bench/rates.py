"""What follows from the seconds: medians, quartiles, images and floating-point operations per second, ratios.

The two sides of a ratio come from the same round, so whatever slows that round down slows both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean, median, quantiles
from typing import Any

from minilocal.bench.plan import Plan
from minilocal.costs import PROCESSORS

MEASURED = "here, measured"


def add_rates(results: dict[str, Any], batch_size: int) -> None:
    """Add the numbers that follow to all sections that were measured."""
    peak = results.get("sgemm", {}).get("flops", 0.0)
    for algorithm in results.get("steps", ()):
        rows = algorithm["shifts"]
        if len(rows) > 1:
            algorithm["mean"] = mean_of_shifts(rows)
            rows = [*rows, algorithm["mean"]]
        for row in rows:
            seconds = row.pop("seconds")
            peers = [peer for peer in ("torch", "torch_bp") if peer in seconds]
            row["speedup"] = {peer: ratio(seconds[peer], seconds["minilocal"]) for peer in peers}
            for name in seconds.keys() & {"minilocal", "torch"}:
                rates = row[name] = spread(seconds[name])
                flops = row["flop"] / rates["median"]
                rates |= {"images_per_second": batch_size / rates["median"], "flops": flops, "of_sgemm": flops / peak}
        if "saved" in algorithm:
            saved = algorithm["saved"]
            saved["of_own"] = saved["bytes"] / saved["own_bytes"]
            saved["of_backprop"] = saved["bytes"] / saved["backprop_bytes"]
    for layer in results.get("per_layer", ()):
        for timings in layer["passes"].values():
            for timing in timings.values():
                timing["flops"] = layer["flop"] / timing["median"]
                timing["of_sgemm"] = timing["flops"] / peak
            if "torch" in timings:
                timings["torch"]["ratio"] = timings["torch"]["median"] / timings["minilocal"]["median"]
    for algorithm in results.get("workers", ()):
        add_worker_rates(algorithm)


def add_worker_rates(algorithm: dict[str, Any]) -> None:
    """Add what follows from an algorithm's seconds by number of workers; the first row is that of one worker.

    Where nothing was measured, the simulation takes its place in the comparison with BP.
    """
    backprop = algorithm["backprop"] = spread(algorithm["backprop"])
    one = algorithm["rows"][0]
    alone = one["seconds"]
    for row in algorithm["rows"]:
        row["simulated_speedup"] = one["simulated"] / row["simulated"]
        row["of_one"] = row["bytes"] / one["bytes"]
        row["against_bp"] = backprop["median"] / row["simulated"]
        if (seconds := row.pop("seconds")) is not None:
            row |= spread(seconds)
            row["speedup"] = ratio(alone, seconds)
            row["of_bound"] = row["speedup"] / row["bound"]
            row["simulation_error"] = row["simulated"] / row["median"] - 1
            row["against_bp"] = ratio(backprop["seconds"], seconds)


def estimates(plans: Sequence[Plan], steps: Sequence[dict[str, Any]], batch_size: int) -> dict[str, Any]:
    """Return seconds per step by processor and algorithm, as the cost model estimates them and as measured.

    Source: Lee, Lee & Jeon 2021, section III-D (Fig. 10); tutorials/reference.md, "Training time".
    """
    training = [plan for plan in plans if plan.trains]
    seconds = {
        name: {plan.algo: processor.seconds(plan.costs, batch_size) for plan in training}
        for name, processor in PROCESSORS.items()
    }
    rows = {algorithm["algo"]: algorithm.get("mean", algorithm["shifts"][0]) for algorithm in steps}
    seconds[MEASURED] = {plan.algo: rows[plan.algo]["minilocal"]["median"] for plan in training}
    return {"processors": {name: asdict(processor) for name, processor in PROCESSORS.items()}, "seconds": seconds}


def mean_of_shifts(shifts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of an algorithm's mean step: the mean over the shifts, in every round."""
    seconds = {
        name: [fmean(in_round) for in_round in zip(*(row["seconds"][name] for row in shifts), strict=True)]
        for name in shifts[0]["seconds"]
    }
    return {"flop": fmean(row["flop"] for row in shifts), "seconds": seconds}


def ratio(slower: Sequence[float], faster: Sequence[float]) -> float:
    """Return how many times as long one side took as the other: the median over the rounds.

    >>> ratio([2.0, 3.0, 8.0], [1.0, 1.0, 2.0])
    3.0
    """
    return median(a / b for a, b in zip(slower, faster, strict=True))


def spread(seconds: list[float]) -> dict[str, Any]:
    """Return all times, their median, and their first and third quartiles.

    >>> spread([3.0, 1.0, 2.0, 5.0, 4.0])["quartiles"]
    [2.0, 4.0]
    """
    low, _, high = quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else seconds * 3
    return {"seconds": seconds, "median": median(seconds), "quartiles": [low, high]}
