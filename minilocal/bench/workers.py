"""Blocks in parallel: workers of one thread each against a single one, with the plan's bound and a simulation.

In each round, a process takes a step of BP, this one takes a step block by block at each shift, and each set of workers
takes a few steps in a row. A slow or busy minute of the machine then hits all of them alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from statistics import fmean, median
from typing import Any

import numpy as np

from minilocal.bench.instruments import saved_at_loss
from minilocal.bench.options import Options
from minilocal.bench.peers import warm_up
from minilocal.bench.plan import CLASSES, IMAGE_SHAPE, LR, MOMENTUM, TASK, WEIGHT_DECAY, plan_steps
from minilocal.bench.timing import start_ours
from minilocal.bench.worker import median_seconds, turns
from minilocal.compute.parallel import available_threads, set_threads
from minilocal.datasets.dataset import Dataset
from minilocal.datasets.prepare import prepare
from minilocal.networks.vgg import build_vgg
from minilocal.pipeline.holding import HeldLayers
from minilocal.pipeline.plan import Plan, make_plan
from minilocal.pipeline.processes import worker_processes
from minilocal.pipeline.root import Root
from minilocal.pipeline.simulate import loads, pace, simulate
from minilocal.pipeline.start import check_shareable
from minilocal.pipeline.timing import BlockClock, block_seconds
from minilocal.schedule import parse
from minilocal.steps import local_step
from minilocal.training.recipe import Recipe
from minilocal.training.trainer import Trainer

STEPS = 8  # timed in a row, once the pipeline is full
SIMULATED = 40  # steps


def build(algo: str, steps: int, batch_size: int, **network: Any) -> Trainer:
    """Return a trainer on random images, with an epoch of that many steps at each shift."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (steps * batch_size, *IMAGE_SHAPE), np.uint8)
    labels, names = rng.integers(0, CLASSES, len(images)), tuple(map(str, range(CLASSES)))
    data = prepare(Dataset("random", images, labels, images[:1], labels[:1], names, flip=True))
    recipe = Recipe(
        algo=algo,
        epochs=parse(algo).period,
        batch_size=batch_size,
        lr=LR,
        momentum=MOMENTUM,
        weight_decay=WEIGHT_DECAY,
    )
    return Trainer(build_vgg(algo=algo, **TASK, **network), data, recipe)


def time_workers(options: Options) -> list[dict[str, Any]]:
    """Return what was measured and simulated for each algorithm; raises `InputError` for BP."""
    for algo in options.algo:
        check_shareable(parse(algo))
    set_threads(1)
    backprop = plan_steps("BP", **options.network)
    with ExitStack() as stack:
        ours = start_ours(stack, "BP", options)
        warm_up(ours, backprop)
        backprop_step = partial(ours.ask, "step", blocks=backprop.steps[0].blocks)
        return [_time_algorithm(algo, options, backprop_step) for algo in options.algo]


def _time_algorithm(algo: str, options: Options, backprop_step: Callable[[], float]) -> dict[str, Any]:
    make = partial(build, algo, STEPS + max(options.workers), options.batch_size, **options.network)
    trainer = make()
    schedule, layers = trainer.recipe.schedule, len(trainer.network)
    shifts = {epoch: schedule.shift_at(epoch) for epoch in range(schedule.period)}
    before = block_seconds(trainer, repeats=1)
    plans = {count: make_plan(schedule, layers, before, count) for count in sorted({1, *options.workers})}
    clock = BlockClock(trainer)
    runners: dict[Any, Callable[[], Any]] = {"BP": backprop_step}
    runners |= {("blocks", epoch): partial(clock.step, epoch) for epoch in shifts}
    with ExitStack() as stack:
        roots = {
            count: stack.enter_context(worker_processes(make(), make, plan))
            for count, plan in plans.items()
            if plan.workers == count <= available_threads()
        }
        for count, root in roots.items():
            _pace(root)  # warms up
            runners["workers", count] = partial(_pace, root)
        taken = turns(f"{schedule.title} on {' and '.join(map(str, roots))} workers", runners, options.steps)
    seconds = {
        shift: [median(times) for times in zip(*taken["blocks", epoch], strict=True)] for epoch, shift in shifts.items()
    }
    features = [np.ones((options.batch_size, *shape), np.float32) for shape in trainer.network.shapes]
    passing = [median_seconds(partial(np.copyto, np.ones_like(x), x)) for x in features]  # passed on by copying
    memory = _memory(trainer, plans)
    return {
        "algo": schedule.title,
        "backprop": taken["BP"],
        "shifts": [
            {"shift": shift, "blocks": [str(b) for b in schedule.blocks_at(epoch, layers)], "seconds": seconds[shift]}
            for epoch, shift in shifts.items()
        ],
        "rows": [
            {
                "workers": count,
                "shares": {shift: [str(share) for share in shares] for shift, shares in plan.shares.items()},
                "bound": plan.timed(seconds).bound(),
                "simulated": _simulated(plan.timed(seconds), passing),
                "seconds": taken.get(("workers", count)),
                "bytes": memory[count],
            }
            for count, plan in plans.items()
        ],
    }


def _pace(root: Root) -> float:
    """Have workers take steps at each shift; return the mean seconds from step to step, once the pipeline is full."""
    trainer, paces = root.trainer, []
    for epoch in range(trainer.recipe.schedule.period):
        ends: list[float] = []
        for step in trainer.recipe.steps(epoch, 0, trainer.steps_per_epoch, len(trainer.network)):
            ends += [time.perf_counter() for _ in root.take(step)]
        ends += [time.perf_counter() for _ in root.finish()]
        paces.append(pace(ends, root.plan.workers))
    return fmean(paces)


def _simulated(plan: Plan, passing: list[float]) -> float:
    """Return what `_pace` would return according to the simulation."""
    paces = []
    for shift, shares in plan.shares.items():
        spans = simulate(loads(plan, shift, passing), SIMULATED)
        ends = [span.ended for span in spans if span.worker == len(shares) - 1]
        paces.append(pace(ends, SIMULATED // 2))
    return fmean(paces)


def _memory(trainer: Trainer, plans: Mapping[int, Plan]) -> dict[int, int]:
    """Return, by number of workers, the bytes of weights, statistics, momentum and activations of the largest worker.

    Activations are counted in this process, at the losses of a step. A worker saves those of one block at a time.
    """
    held = HeldLayers(trainer.network, trainer.optimizer)
    own = {number: sum(array.nbytes for array in held.arrays(number)) for number in held.numbers}
    batches = trainer.minibatches(0)
    most = dict.fromkeys(plans, 0)
    for epoch in range(trainer.recipe.schedule.period):
        blocks = trainer.recipe.schedule.blocks_at(epoch, len(trainer.network))
        with saved_at_loss(trainer.network) as sizes:
            local_step(trainer.network, blocks, batches.pixels(0), batches.labels(0))
        saved = dict(zip(blocks, sizes, strict=True))
        for count, plan in plans.items():
            for share in plan.shares[trainer.recipe.schedule.shift_at(epoch)]:
                layers = sum(own[number] for number in range(share.first, share.last + 1))
                most[count] = max(most[count], layers + max(saved[block] for block in share.blocks))
    return most
