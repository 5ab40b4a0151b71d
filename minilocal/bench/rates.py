"""From seconds to what is printed: medians, quartiles, images and floating-point operations per second, ratios."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median, quantiles
from typing import Any


def add_rates(results: dict[str, Any], batch_size: int) -> None:
    """Add the derived numbers to all sections that were measured."""
    peak = results.get("sgemm", {}).get("flops", 0.0)
    for algorithm in results.get("steps", ()):
        shifts = algorithm["shifts"]
        if len(shifts) > 1:
            algorithm["mean"] = mean_of_shifts(shifts)
        for row in (*shifts, *([algorithm["mean"]] if "mean" in algorithm else [])):
            seconds = row.pop("seconds")
            row["speedup"] = speedups(seconds)
            for name in set(seconds) & {"minilocal", "torch"}:
                row[name] = step_rates(seconds[name], batch_size, row["flop"], peak)
        if "saved" in algorithm:
            saved = algorithm["saved"]
            saved["of_own"] = saved["bytes"] / saved["own_bytes"]
            saved["of_backprop"] = saved["bytes"] / saved["backprop_bytes"]
    for layer in results.get("per_layer", ()):
        for timings in layer["passes"].values():
            for timing in timings.values():
                timing["flops"] = layer["flop"] / timing["median"]
                timing["of_sgemm"] = timing["flops"] / peak
    for row in results.get("scaling", ()):
        row |= spread(row["seconds"])
        one_thread = results["scaling"][0]["seconds"]
        row["speedup"] = median(a / b for a, b in zip(one_thread, row["seconds"], strict=True))
    for algorithm in results.get("workers", ()):
        add_worker_rates(algorithm)
    if "loading" in results:
        loading = results["loading"]
        results["loading"] = {name: spread(seconds) for name, seconds in loading.items()}
        results["loading"]["share"] = results["loading"]["batch"]["median"] / results["loading"]["step"]["median"]


def add_worker_rates(algorithm: dict[str, Any]) -> None:
    """Add what follows from an algorithm's seconds by number of workers, the first row's being one.

    Ratios of measured seconds are medians over the rounds. Where nothing was measured, the simulation takes its place
    in what is compared with BP.
    """
    algorithm["backprop"] = spread(algorithm["backprop"])
    one = algorithm["rows"][0]
    alone = one["seconds"]
    for row in algorithm["rows"]:
        row["simulated_speedup"] = one["simulated"] / row["simulated"]
        row["of_one"] = row["bytes"] / one["bytes"]
        row["against_bp"] = algorithm["backprop"]["median"] / row["simulated"]
        if (seconds := row.pop("seconds")) is not None:
            row |= spread(seconds)
            row["speedup"] = median(a / b for a, b in zip(alone, seconds, strict=True))
            row["of_bound"] = row["speedup"] / row["bound"]
            row["simulation_error"] = row["simulated"] / row["median"] - 1
            row["against_bp"] = median(a / b for a, b in zip(algorithm["backprop"]["seconds"], seconds, strict=True))


def mean_of_shifts(shifts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of an algorithm's mean step: in every round, the mean over the shifts."""
    seconds = {
        name: [fmean(round_) for round_ in zip(*(row["seconds"][name] for row in shifts), strict=True)]
        for name in shifts[0]["seconds"]
    }
    return {"flop": fmean(row["flop"] for row in shifts), "seconds": seconds}


def speedups(seconds: dict[str, list[float]]) -> dict[str, float]:
    """Return how many times faster we are than PyTorch's same step and than its BP step: medians over the rounds.

    The two sides of a ratio come from the same round, so that what slows a round down slows both.
    """
    return {
        name: median(theirs / ours for theirs, ours in zip(seconds[peer], seconds["minilocal"], strict=True))
        for name, peer in (("torch", "torch"), ("torch_bp", "torch BP"))
        if peer in seconds
    }


def step_rates(seconds: list[float], images: int, flop: float, peak: float) -> dict[str, Any]:
    """Return a step's times and rates, all of the median."""
    rates = spread(seconds)
    flops = flop / rates["median"]
    return rates | {"images_per_second": images / rates["median"], "flops": flops, "of_sgemm": flops / peak}


def spread(seconds: list[float]) -> dict[str, Any]:
    """Return all times, their median, and their first and third quartiles.

    >>> spread([3.0, 1.0, 2.0, 5.0, 4.0])["quartiles"]
    [2.0, 4.0]
    """
    low, _, high = quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else seconds * 3
    return {"seconds": seconds, "median": median(seconds), "quartiles": [low, high]}
