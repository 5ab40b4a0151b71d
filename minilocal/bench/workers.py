"""Blocks in parallel: workers, each a process on one thread, against one of them; the plan's bound; and a simulation.

In every round a process takes a step of BP, and at each shift this one takes a step block by block, and so many workers
take a few steps in a row: a slow or a busy minute of the machine hits all of them alike.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from functools import partial
from statistics import fmean, median
from typing import Any, TypeVar

import numpy as np

from minilocal.bench.batch import CLASSES, DROPOUT, IMAGE_SHAPE, LR, MOMENTUM, WEIGHT_DECAY
from minilocal.bench.clock import median_seconds
from minilocal.bench.options import Options
from minilocal.bench.peers import start_ours
from minilocal.bench.progress import bar
from minilocal.bench.saved import saved_at_loss
from minilocal.bench.worker import PAUSE
from minilocal.compute.parallel import available_threads, set_threads
from minilocal.datasets import Dataset
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
from minilocal.training.trainer import Trainer

STEPS = 8  # that are timed in a row, once the pipeline is full
SIMULATED = 40  # steps

T = TypeVar("T")


def build(algo: str, model: str, width: float, classifier: str, batch_size: int, steps: int) -> Trainer:
    """Return a trainer on random images, with an epoch of so many steps at each shift."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (steps * batch_size, *IMAGE_SHAPE), np.uint8)
    labels = rng.integers(0, CLASSES, len(images))
    names = tuple(map(str, range(CLASSES)))
    data = prepare(Dataset("random", images, labels, images[:1], labels[:1], names, flip=True))
    network = build_vgg(model, IMAGE_SHAPE, CLASSES, algo, width, classifier=classifier, dropout=DROPOUT)
    recipe: dict[str, Any] = {"lr": LR, "momentum": MOMENTUM, "weight_decay": WEIGHT_DECAY, "batch_size": batch_size}
    return Trainer(network, algo, data, epochs=parse(algo).period, **recipe)


def time_workers(options: Options) -> list[dict[str, Any]]:
    """Return what was measured and simulated of each algorithm; raises `InputError` for BP."""
    for algo in options.algos:
        check_shareable(parse(algo))
    set_threads(1)
    layers = len(build_vgg(options.model, IMAGE_SHAPE, CLASSES, "BP", options.width))
    with start_ours("BP", options, threads=1) as ours:
        backprop_step = partial(ours.ask, "step", blocks=[[1, layers]])
        backprop_step()  # warms up
        return [_time_algorithm(algo, options, backprop_step) for algo in options.algos]


def _time_algorithm(algo: str, options: Options, backprop_step: Callable[[], float]) -> dict[str, Any]:
    steps = STEPS + max(options.workers)
    make = partial(build, algo, options.model, options.width, options.classifier, options.batch_size, steps)
    trainer = make()
    schedule, layers = trainer.schedule, len(trainer.network)
    shifts = [schedule.shift_at(turn) for turn in range(schedule.period)]
    before = block_seconds(trainer, repeats=1)
    plans = {count: make_plan(schedule, layers, before, count) for count in sorted({1, *options.workers})}
    clock = BlockClock(trainer)
    backprop: list[float] = []
    blocks: list[list[list[float]]] = []  # by round and shift
    paces: dict[int, list[float]] = {}
    with contextlib.ExitStack() as stack:
        roots = {
            count: stack.enter_context(worker_processes(make(), make, plan))
            for count, plan in plans.items()
            if plan.workers == count <= available_threads()
        }
        for root in roots.values():
            _pace(root)  # warms up
        counts = " and ".join(map(str, roots))
        with bar(options.steps, f"{schedule.title} on {counts} workers") as on_round:
            for _ in range(options.steps):
                backprop.append(_rested(backprop_step))
                blocks.append([_rested(partial(clock.step, turn)) for turn in range(schedule.period)])
                for count, root in roots.items():
                    paces.setdefault(count, []).append(_rested(partial(_pace, root)))
                on_round()
    seconds = {
        shift: [median(times) for times in zip(*(round_[turn] for round_ in blocks), strict=True)]
        for turn, shift in enumerate(shifts)
    }
    passing = [_copy_seconds(options.batch_size, shape) for shape in trainer.network.shapes]
    memory = _memory(trainer, plans)
    return {
        "algo": schedule.title,
        "backprop": backprop,
        "shifts": [
            {"shift": shift, "blocks": [str(b) for b in schedule.blocks_at(turn, layers)], "seconds": seconds[shift]}
            for turn, shift in enumerate(shifts)
        ],
        "rows": [
            {
                "workers": count,
                "shares": {shift: [str(share) for share in plan.shares[shift]] for shift in shifts},
                "bound": plan.timed(seconds).bound(),
                "simulated": _simulated(plan.timed(seconds), passing),
                "seconds": paces.get(count),
                "bytes": memory[count],
            }
            for count, plan in plans.items()
        ],
    }


def _rested(function: Callable[[], T]) -> T:
    """Call a function once the threads of the one before sleep."""
    time.sleep(PAUSE)
    return function()


def _pace(root: Root) -> float:
    """Have workers take steps at each shift; return the mean seconds from step to step, once the pipeline is full."""
    trainer = root.trainer
    paces = []
    for epoch in range(trainer.schedule.period):
        ends = [time.perf_counter() for _ in root.steps(epoch, range(trainer.steps_per_epoch))]
        paces.append(pace(ends, root.plan.workers))
    return fmean(paces)


def _simulated(plan: Plan, passing: list[float]) -> float:
    """Return what `_pace` would be according to the simulation."""
    paces = []
    for shift, shares in plan.shares.items():
        spans = simulate(loads(plan, shift, passing), SIMULATED)
        ends = [span.ended for span in spans if span.worker == len(shares) - 1]
        paces.append(pace(ends, SIMULATED // 2))
    return fmean(paces)


def _copy_seconds(images: int, shape: tuple[int, ...]) -> float:
    """Return the seconds of passing on a batch's features of that shape: of copying them."""
    features = np.ones((images, *shape), np.float32)
    room = np.ones_like(features)
    return median_seconds(lambda: np.copyto(room, features))


def _memory(trainer: Trainer, plans: Mapping[int, Plan]) -> dict[int, int]:
    """Return the most bytes of weights, statistics, momentum and saved activations of one worker, by their number.

    Activations are counted at the losses of a step in this process. A worker has those of one block at a time.
    """
    held = HeldLayers(trainer.network, trainer.optimizer)
    own = {number: sum(array.nbytes for array in held.arrays(number)) for number in held.numbers}
    batches = trainer.minibatches(0)
    most = dict.fromkeys(plans, 0)
    for turn in range(trainer.schedule.period):
        blocks = trainer.schedule.blocks_at(turn, len(trainer.network))
        with saved_at_loss(trainer.network) as sizes:
            local_step(trainer.network, blocks, batches.pixels(0), batches.labels(0))
        saved = dict(zip(blocks, sizes, strict=True))
        for count, plan in plans.items():
            for share in plan.shares[trainer.schedule.shift_at(turn)]:
                layers = sum(own[number] for number in range(share.first, share.last + 1))
                most[count] = max(most[count], layers + max(saved[block] for block in share.blocks))
    return most
