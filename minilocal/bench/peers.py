"""The processes that take steps: minilocal's, and PyTorch's in the faster of its two memory layouts."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import partial
from statistics import median

from minilocal.bench.options import Options
from minilocal.bench.plan import Plan
from minilocal.bench.progress import bar, say
from minilocal.bench.worker import Worker, turns

WARM_UP = 2  # steps at each shift before the clock runs
TRIAL = 3  # rounds in which PyTorch's two layouts compete


@dataclass(frozen=True)
class TorchPeer:
    """PyTorch's process for a plan, and the median seconds of both layouts in their trial, the faster one first."""

    worker: Worker
    layouts: dict[str, float]


def start_ours(algo: str, options: Options, threads: int | None = None, env: dict[str, str] | None = None) -> Worker:
    """Start a process that takes minilocal's steps of an algorithm."""
    settings = {
        "algo": algo,
        "model": options.model,
        "width": options.width,
        "classifier": options.classifier,
        "batch_size": options.batch_size,
        "threads": threads or options.threads,
    }
    return Worker("minilocal", "minilocal.bench.our_steps", settings, say, env)


def start_torch(stack: contextlib.ExitStack, plan: Plan, options: Options) -> TorchPeer:
    """Start PyTorch in both layouts, let them compete, and keep the faster one until the stack ends."""
    settings = {"network": plan.network, "batch_size": options.batch_size, "threads": options.threads}
    workers = {
        layout: stack.enter_context(
            Worker(f"PyTorch ({layout})", "minilocal.bench.torch_steps", settings | {"layout": layout}, say)
        )
        for layout in ("NCHW", "channels_last")
    }
    for worker in workers.values():
        warm_up(worker, plan)
    blocks = plan.shifts[0].blocks
    runners = {layout: partial(worker.ask, "step", blocks=blocks) for layout, worker in workers.items()}
    with bar(TRIAL, f"{plan.algo}, PyTorch's two layouts") as on_round:
        medians = {layout: median(seconds) for layout, seconds in turns(runners, TRIAL, on_round).items()}
    faster, slower = sorted(medians, key=medians.__getitem__)
    workers[slower].end()
    return TorchPeer(workers[faster], {faster: medians[faster], slower: medians[slower]})


def warm_up(worker: Worker, plan: Plan) -> None:
    """Have a process take steps that nobody times, at each of the plan's shifts."""
    for shift in plan.shifts:
        worker.ask("warm_up", blocks=shift.blocks, steps=WARM_UP)
