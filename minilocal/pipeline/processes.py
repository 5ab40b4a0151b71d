"""Worker processes: started, watched and ended, whatever happens to them or to this process."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import permutations
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from multiprocessing.shared_memory import SharedMemory

from minilocal.compute.parallel import set_threads
from minilocal.datasets.batches import EVALUATED
from minilocal.errors import InputError, LostWorkerError, TrainingError
from minilocal.networks.network import Network
from minilocal.pipeline.messages import Report, Stop
from minilocal.pipeline.parts import Parts, moves
from minilocal.pipeline.plan import Plan
from minilocal.pipeline.root import Root
from minilocal.pipeline.shared import Pair, SharedTransport, Way, join
from minilocal.pipeline.transport import PIECE, ROOT
from minilocal.pipeline.worker import Worker
from minilocal.training.trainer import Trainer

LOST = 3  # exit status of a worker that ends because another process did
PATIENCE = 10.0  # seconds in which workers end by themselves

Ways = Mapping[Pair, tuple[Way, Way]]


@contextlib.contextmanager
def worker_processes(trainer: Trainer, make: Callable[[], Trainer], plan: Plan, threads: int = 1) -> Iterator[Root]:
    """Start a plan's workers, and yield the root that has them take the trainer's steps inside the `with` block.

    Each worker calls `make`, a function that can be imported by its name, for a trainer of its own, alike to this one,
    and computes on so many threads. Behind the block the processes are gone, and the shared memory with them.

    Raises `InputError` if there is too little shared memory or a worker does not find its data. Within the block,
    `LostWorkerError` names the worker that died, and its blocks.
    """
    context = get_context("spawn")
    memory, ways = join(context, way_sizes(plan, trainer.network, max(trainer.recipe.batch_size, EVALUATED)))
    processes: list[SpawnProcess] = []
    root: Root | None = None
    try:
        zero = time.perf_counter()
        for number in range(plan.workers):
            arguments = (number, make, plan, threads, memory.name, *_ends(ways, number), zero)
            process = context.Process(target=_work, args=arguments, daemon=True)
            try:
                with _signals_blocked():
                    process.start()
            except OSError as error:
                raise InputError(
                    f"worker {number + 1} can't be started ({error.strerror}); try fewer workers"
                ) from None
            processes.append(process)
        _close(way for pair, both in ways.items() for member, way in zip(pair, both, strict=True) if member != ROOT)
        sentinels = [process.sentinel for process in processes]
        transport = SharedTransport(ROOT, memory, *_ends(ways, ROOT), sentinels, lambda: _loss(processes, plan, root))
        for number in range(plan.workers):
            report, _ = transport.receive(number)
            if report.content is not None:
                raise report.content
        memory.unlink()  # all have it open and need its name no more; so it can't be left behind
        root = Root(trainer, plan, transport)
        yield root
        with contextlib.suppress(LostWorkerError):
            transport.send(0, Stop())
            _wait_for(processes)
    finally:
        for process in processes:
            process.kill()  # does nothing to one that has ended
            process.join()
        _close(way for both in ways.values() for way in both)
        if root is None:
            memory.unlink()
        memory.close()


def way_sizes(plan: Plan, network: Network, images: int) -> dict[Pair, int]:
    """Return the bytes of a slot on every way that a plan needs, for batches of at most so many images.

    Between neighbours they hold features; from and to the root, and from who gives a layer to who takes it, a piece of
    a layer.
    """
    workers = range(plan.workers)
    owners = [plan.owners(shift) for shift in plan.shares]
    pairs = {*((ROOT, k) for k in workers), *((k, ROOT) for k in workers), *((k, k + 1) for k in workers[:-1])}
    pairs |= {(move.source, move.target) for before, after in permutations(owners, 2) for move in moves(before, after)}
    sizes = dict.fromkeys(sorted(pairs), PIECE)
    itemsize = max(array.itemsize for array in network.layer(1).params.values())
    for shares in plan.shares.values():
        for worker, share in enumerate(shares[:-1]):
            features = images * math.prod(network.shapes[share.last - 1]) * itemsize
            sizes[worker, worker + 1] = max(features, sizes[worker, worker + 1])
    return sizes


def _work(
    number: int,
    make: Callable[[], Trainer],
    plan: Plan,
    threads: int,
    memory_name: str,
    to: Mapping[int, Way],
    of: Mapping[int, Way],
    zero: float,
) -> None:
    """The life of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the root's business, which then ends this process
    status = 1
    try:
        memory = SharedMemory(memory_name)
        transport = SharedTransport(number, memory, to, of)
        trainer: Trainer | None = None
        error: Exception | None = None
        try:
            set_threads(threads)
            trainer = make()
            if number:
                trainer.data = trainer.data.without_pixels()
        except (InputError, TrainingError, MemoryError, OSError) as problem:
            error = problem
        transport.send(ROOT, Report(error, 0.0, 0.0, 0.0))
        if trainer is None:
            transport.receive(ROOT)  # the root ends all
        else:
            parts = Parts(trainer.network, trainer.optimizer)
            parts.keep_only(())
            Worker(number, trainer, parts, plan, transport, zero).run()
            status = 0
    except (LostWorkerError, FileNotFoundError):  # the latter: of shared memory, once the root is gone
        status = LOST
    except Exception:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # at once: features that are still referred to don't let the shared memory be closed


def _ends(ways: Ways, member: int) -> tuple[dict[int, Way], dict[int, Way]]:
    """Return a process's ends of the ways to others, and of those from others."""
    to = {target: sender for (source, target), (sender, _) in ways.items() if source == member}
    of = {source: receiver for (source, target), (_, receiver) in ways.items() if target == member}
    return to, of


def _close(ways: Iterable[Way]) -> None:
    for way in ways:
        way.pipe.close()


def _wait_for(processes: Sequence[SpawnProcess]) -> None:
    """Wait until all processes have ended, or patience has."""
    deadline = time.monotonic() + PATIENCE
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))


def _loss(processes: Sequence[SpawnProcess], plan: Plan, root: Root | None) -> str:
    """Say which worker died, and how. Those that end because of it have a status of their own."""
    deadline = time.monotonic() + PATIENCE
    while True:
        alive = [process.sentinel for process in processes if process.is_alive()]
        dead = [number for number, process in enumerate(processes) if process.exitcode not in (None, LOST)]
        if dead:
            break
        if not alive or time.monotonic() > deadline:
            return "a worker ended"
        wait(alive, 0.1)
    number, status = dead[0], processes[dead[0]].exitcode or 0
    shift = next(iter(plan.shares)) if root is None or root.shift is None else root.shift
    share = plan.share(number, shift)
    how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    return f"worker {number + 1} ({share or 'at rest'}) {how}"


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Have a process that is started inside the `with` block never hear of Ctrl-C and SIGTERM: they go to the root."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
