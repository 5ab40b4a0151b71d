"""Training steps and inference, timed: minilocal and, if asked, PyTorch in turns.

Every algorithm has processes of its own. In a round, at each of the algorithm's shifts, minilocal takes a step and
PyTorch takes the same; then PyTorch takes one of BP, which is what a local step is to be faster than.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from minilocal.bench.options import Options
from minilocal.bench.peers import TorchPeer, start_ours, start_torch, warm_up
from minilocal.bench.plan import Plan
from minilocal.bench.progress import bar
from minilocal.bench.worker import Worker, turns

OURS, TORCH, TORCH_BP = "minilocal", "torch", "torch BP"
INSTRUMENTED = 5  # steps at most for the breakdown


def time_plans(plans: Sequence[Plan], backprop: Plan, options: Options) -> list[dict[str, Any]]:
    """Return what `time_plan` does for each plan; `backprop` is BP's, whether or not it is among them."""
    with contextlib.ExitStack() as stack:
        torch_bp = None
        if options.torch and any(plan.trains for plan in plans):
            torch_bp = start_torch(stack, backprop, options)
        return [time_plan(plan, options, torch_bp) for plan in plans]


def time_plan(plan: Plan, options: Options, torch_bp: TorchPeer | None) -> dict[str, Any]:
    """Return all seconds of each shift's rounds, by who took them, and the memory and breakdown of our steps."""
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(start_ours(plan.algo if plan.trains else "BP", options))
        warm_up(ours, plan)
        torch = None
        if options.torch:
            torch = torch_bp if plan.algo == "BP" else start_torch(stack, plan, options)
        workers = {OURS: ours} | ({TORCH: torch.worker} if torch else {})

        seconds = _take_turns(plan, workers, torch_bp.worker if torch_bp else None, options.steps)

        memory = {name: worker.ask("peak_memory") for name, worker in workers.items()}  # before anything else is done
        shifts: list[dict[str, Any]] = [
            {"shift": shift.shift, "flop": 2 * shift.macs * options.batch_size, "seconds": taken}
            for shift, taken in zip(plan.shifts, seconds, strict=True)
        ]
        result = {"algo": plan.algo, "layouts": torch and torch.layouts, "peak_memory": memory, "shifts": shifts}
        if plan.trains:
            result["saved"] = _saved(ours, plan, options.batch_size)
            for shift, row in zip(plan.shifts, shifts, strict=True):
                steps = min(options.steps, INSTRUMENTED)
                row["breakdown"] = ours.ask("breakdown", blocks=shift.blocks, steps=steps)
    return result


def _take_turns(
    plan: Plan, workers: dict[str, Worker], torch_bp: Worker | None, rounds: int
) -> list[dict[str, list[float]]]:
    """Return each shift's seconds, by who took them; PyTorch's BP step, one in a round, serves all shifts."""
    runners: dict[Any, Callable[[], float]] = {
        (name, shift.shift): partial(worker.ask, "step", blocks=shift.blocks)
        for shift in plan.shifts
        for name, worker in workers.items()
    }
    if torch_bp is not None and plan.trains and plan.algo != "BP":
        whole = (1, len(plan.network["layers"]))
        runners[TORCH_BP] = partial(torch_bp.ask, "step", blocks=[whole])
    with bar(rounds, plan.algo) as on_round:
        seconds = turns(runners, rounds, on_round)
    by_shift = [{name: seconds[name, shift.shift] for name in workers} for shift in plan.shifts]
    if torch_bp is not None and plan.trains:
        for taken in by_shift:
            taken[TORCH_BP] = seconds[TORCH_BP] if TORCH_BP in seconds else taken[TORCH]
    return by_shift


def _saved(ours: Worker, plan: Plan, batch_size: int) -> dict[str, int]:
    """Return bytes of saved activations: at their peak, what the largest block's layers need themselves, and BP's."""
    return {
        "bytes": max(ours.ask("saved", blocks=shift.blocks) for shift in plan.shifts),
        "own_bytes": max(4 * batch_size * shift.own_numbers for shift in plan.shifts),
        "backprop_bytes": ours.ask("saved_by_backprop"),
    }
