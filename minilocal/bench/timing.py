"""Timing of steps, inference and single layers: minilocal and, if asked, PyTorch take turns.

Each algorithm has processes of its own. In a round, minilocal takes a step at each of the algorithm's shifts, and
PyTorch takes the same step; then PyTorch takes one step of BP, which a local step should beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from statistics import median
from typing import Any

from minilocal.bench.options import Options
from minilocal.bench.peers import TorchPeer, fastest_torch, warm_up
from minilocal.bench.plan import Plan
from minilocal.bench.worker import Worker, turns

OURS, TORCH, TORCH_BP = "minilocal", "torch", "torch_bp"
PASSES = ("forward", "weight gradient", "input gradient")
INSTRUMENTED = 5  # steps at most for the breakdown


def time_plans(plans: Sequence[Plan], backprop: Plan, options: Options) -> list[dict[str, Any]]:
    """Return the seconds of each plan's rounds, and the memory and breakdown of our steps.

    `backprop` is the plan of BP, whether or not it is among the plans.
    """
    with ExitStack() as stack:
        torch_bp = fastest_torch(stack, backprop, options) if options.against else None
        return [_time_plan(plan, backprop, options, torch_bp) for plan in plans]


def start_ours(stack: ExitStack, algo: str, options: Options) -> Worker:
    """Start a process that takes minilocal's steps of an algorithm, until the stack ends."""
    settings = {"algo": algo} | options.network | options.load
    return stack.enter_context(Worker("minilocal", "minilocal.bench.our_side:OurSteps", **settings))


def _time_plan(plan: Plan, backprop: Plan, options: Options, torch_bp: TorchPeer | None) -> dict[str, Any]:
    with ExitStack() as stack:
        ours = start_ours(stack, plan.costs.algo, options)
        warm_up(ours, plan)
        workers, contest = {OURS: ours}, None
        if torch_bp is not None:
            workers[TORCH], contest = torch_bp if plan.algo == "BP" else fastest_torch(stack, plan, options)

        runners: dict[Any, Any] = {
            (name, step.shift): partial(worker.ask, "pace", blocks=step.blocks)
            for step in plan.steps
            for name, worker in workers.items()
        }
        whole = backprop.steps[0].blocks
        if torch_bp is not None and plan.trains and plan.algo != "BP":
            runners[TORCH_BP] = partial(torch_bp[0].ask, "pace", blocks=whole)  # one per round serves all shifts
        taken = turns(plan.algo, runners, options.steps)

        memory = {name: worker.ask("peak_memory") for name, worker in workers.items()}  # before anything else is done
        rows = []
        for step in plan.steps:
            seconds = {name: taken[name, step.shift] for name in workers}
            row = {"shift": step.shift, "flop": 2 * step.macs * options.batch_size, "seconds": seconds}
            if plan.trains:
                if torch_bp is not None:
                    seconds[TORCH_BP] = taken.get(TORCH_BP, seconds[TORCH])
                row["breakdown"] = ours.ask("breakdown", blocks=step.blocks, steps=min(options.steps, INSTRUMENTED))
            rows.append(row)
        result = {"algo": plan.algo, "contest": contest, "peak_memory": memory, "shifts": rows}
        if plan.trains:
            result["saved"] = {
                "bytes": max(ours.ask("saved", blocks=step.blocks) for step in plan.steps),
                "own_bytes": max(4 * options.batch_size * step.own_numbers for step in plan.steps),
                "backprop_bytes": ours.ask("saved", blocks=whole),
            }
    return result


def time_layers(options: Options) -> list[dict[str, Any]]:
    """Return the sizes of each convolution and linear layer, and the median seconds of its passes.

    PyTorch's are those of the layout that is faster for the pass.
    """
    rows = []
    with ExitStack() as stack:
        settings = options.network | options.load
        ours = stack.enter_context(Worker("minilocal", "minilocal.bench.our_side:OurLayers", **settings))
        torch = None
        if options.against:
            torch = stack.enter_context(Worker("PyTorch", "minilocal.bench.torch_side:TorchLayers", **options.load))
        for number, sizes in enumerate(ours.ask("sizes")):
            ours.ask("choose", number=number)
            sides = {OURS: partial(ours.ask, "seconds")}
            if torch is not None:
                for layout in torch.ask("choose", sizes=sizes):
                    sides[layout] = partial(torch.ask, "seconds", layout=layout)
            runners = {(side, name): partial(ask, name=name) for name in PASSES for side, ask in sides.items()}
            taken = turns(sizes["layer"], runners, options.steps)
            passes: dict[str, dict[str, Any]] = {}
            for name in PASSES:
                medians = {side: median(taken[side, name]) for side in sides}
                passes[name] = {OURS: {"median": medians.pop(OURS)}}
                if medians:
                    layout = min(medians, key=medians.__getitem__)
                    passes[name][TORCH] = {"median": medians[layout], "layout": layout}
            rows.append({**sizes, "flop": 2 * sizes["macs"] * options.batch_size, "passes": passes})
    return rows
