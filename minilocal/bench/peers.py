"""PyTorch's side of a comparison: several ways to run it compete, and the fastest one takes turns with minilocal.

The ways are plain (eager) PyTorch; the same with another memory allocator preloaded, where one is installed; and
torch.compile with whichever allocator did best. Some allocators keep the memory that a step frees, so that the next
step need not ask the system for it again.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import ExitStack
from ctypes.util import find_library
from functools import partial
from statistics import median
from typing import Any

from minilocal.bench.options import Options
from minilocal.bench.plan import Plan
from minilocal.bench.worker import Worker, turns
from minilocal.errors import TrainingError

LAYOUTS = ("NCHW", "channels_last")
EAGER, COMPILED = "eager", "torch.compile"
LIBRARIES = {"jemalloc": ("jemalloc",), "tcmalloc": ("tcmalloc_minimal", "tcmalloc")}

WARM_UP = 2  # steps at each shift before the clock runs
TRIAL = 3  # rounds

# PyTorch's fastest process for a plan, and what the contest says of all: "peers", a dict per way to run PyTorch in its
# faster layout, the fastest first, and "missing", a sentence per way that could not be tried.
TorchPeer = tuple[Worker, dict[str, Any]]


def fastest_torch(stack: ExitStack, plan: Plan, options: Options) -> TorchPeer:
    """Let all ways to run PyTorch compete at a plan's first shift, and keep the fastest one until the stack ends."""
    libraries, missing = allocators()
    settings = {"algo": plan.costs.algo} | options.network | options.load

    def start(name: str, layout: str, allocator: str, compiled: bool = False) -> Worker:
        library, more = libraries[allocator], settings | {"layout": layout, "compiled": compiled}
        before = os.environ.get("LD_PRELOAD")
        preload = {"LD_PRELOAD": ":".join(filter(None, (library, before)))} if library else {}
        measures = "minilocal.bench.torch_side:TorchSteps"
        return stack.enter_context(Worker(f"PyTorch ({name})", measures, preload, preloaded=library, **more))

    def trial(what: str, workers: dict[str, Worker]) -> dict[str, float]:
        """Return the median seconds of each process, the fastest first; all others end."""
        runners = {name: partial(worker.ask, "pace", blocks=plan.steps[0].blocks) for name, worker in workers.items()}
        taken = {name: median(seconds) for name, seconds in turns(f"{plan.algo}, {what}", runners, TRIAL).items()}
        names = sorted(taken, key=taken.__getitem__)
        for name in names[1:]:
            workers[name].end()
        return {name: taken[name] for name in names}

    # All start at once and import PyTorch side by side. They make their networks when first asked, one after the other.
    pairs = {name: {layout: start(name, layout, name) for layout in LAYOUTS} for name in libraries}
    finalists, peers, eager = {}, {}, {}
    for name, workers in pairs.items():
        try:
            for worker in workers.values():
                warm_up(worker, plan)
            layout, eager[name] = next(iter(trial(f"PyTorch's layouts, {name}", workers).items()))
        except TrainingError as error:
            if name == EAGER:
                raise
            for worker in workers.values():
                worker.end()
            missing[name] = str(error)
            continue
        finalists[name], peers[name] = workers[layout], {"name": name, "layout": layout, "allocator": name}
    if options.compile_seconds:
        best = min(eager, key=eager.__getitem__)
        worker = start(COMPILED, "channels_last", best, compiled=True)  # its convolutions have that layout in any case
        if problem := compile_steps(worker, plan, options.compile_seconds):
            missing[COMPILED] = problem
        else:
            finalists[COMPILED], peers[COMPILED] = (
                worker,
                {"name": COMPILED, "layout": "channels_last", "allocator": best},
            )
    ranking = trial("ways to run PyTorch", finalists)
    winner = finalists[next(iter(ranking))]
    return winner, {"peers": [peers[name] | {"median": taken} for name, taken in ranking.items()], "missing": missing}


def allocators() -> tuple[dict[str, str | None], dict[str, str]]:
    """Return the library of each allocator, None for the system's own, and a sentence for each that isn't there."""
    libraries: dict[str, str | None] = {EAGER: None}
    missing = {}
    for name, candidates in LIBRARIES.items():
        found = next(filter(None, map(find_library, candidates)), None) if sys.platform == "linux" else None
        if found:
            libraries[name] = found
        else:
            missing[name] = f"lib{candidates[0]} is not installed" if sys.platform == "linux" else "tried on Linux only"
    return libraries, missing


def warm_up(worker: Worker, plan: Plan) -> None:
    """Have a process take steps that don't count, at each of the plan's shifts."""
    for step in plan.steps:
        for _ in range(WARM_UP):
            worker.ask("step", blocks=step.blocks)


def compile_steps(worker: Worker, plan: Plan, seconds: int) -> str | None:
    """Have a process compile a plan's steps and take some; return None, or a sentence if it fails or takes too long.

    PyTorch keeps what it compiles on disk, so a second attempt gets further.
    """
    print(f"{plan.algo}, {COMPILED}: compiling, at most {seconds} s", file=sys.stderr, flush=True)
    limit = threading.Timer(seconds, worker.kill)
    limit.start()
    try:
        for step in plan.steps:
            worker.ask("compile", blocks=step.blocks)
        warm_up(worker, plan)
    except TrainingError as error:
        worker.end()
        if limit.is_alive():
            return str(error)
        return (
            f"compiling {plan.algo} takes more than {seconds} s; a higher --compile-seconds, or another attempt, may do"
        )
    finally:
        limit.cancel()
    return None
