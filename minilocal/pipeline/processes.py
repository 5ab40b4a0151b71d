"""Worker processes: started, watched and ended, whatever happens to them or to this process."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from itertools import permutations
from multiprocessing import get_context
from multiprocessing.context import SpawnProcess
from multiprocessing.shared_memory import SharedMemory

from minilocal.console.signals import TERMINATIONS, asked_to_stop
from minilocal.datasets.batches import EVALUATED
from minilocal.errors import LostWorkerError
from minilocal.networks.network import Network
from minilocal.pipeline.holding import HeldLayers, moves
from minilocal.pipeline.messages import Stop
from minilocal.pipeline.plan import Plan
from minilocal.pipeline.replicas import await_replicas, build_replica
from minilocal.pipeline.root import Root
from minilocal.pipeline.shared import Ends, Pair, SharedTransport, close, explaining, join
from minilocal.pipeline.transport import CHUNK, ROOT
from minilocal.pipeline.worker import Worker
from minilocal.training.trainer import Trainer

LOST = 3  # exit status of a worker that ends because another process is gone
PATIENCE = 10.0  # seconds that we give processes to end by themselves


@contextlib.contextmanager
def worker_processes(trainer: Trainer, build: Callable[[], Trainer], plan: Plan, threads: int = 1) -> Iterator[Root]:
    """Start a plan's workers, and yield the root through which they take the trainer's steps in the `with` block.

    Each worker calls `build`, a function that can be imported by name, for its own trainer, which must be equal to this
    one, and computes on `threads` threads. After the block, all processes and their shared memory are gone.

    Raises `InputError` if there is too little shared memory or a worker can't read its data. In the block,
    `LostWorkerError` names a worker that died and its blocks.
    """
    context = get_context("spawn")
    memory, ends = join(context, slot_sizes(plan, trainer.network, max(trainer.recipe.batch_size, EVALUATED)))
    processes: list[SpawnProcess] = []
    root: Root | None = None
    try:
        zero = time.perf_counter()
        for number in range(plan.workers):
            arguments = number, build, plan, threads, memory.name, ends[number], zero
            process = context.Process(target=_work, args=arguments, daemon=True)
            _start(process, number)
            processes.append(process)
        for number in range(plan.workers):
            close(ends[number])  # they are the worker's now: when it dies, its pipes break
        transport = SharedTransport(
            ROOT, memory, ends[ROOT], lambda: _loss(processes, plan, root), _Patience(processes).check
        )
        await_replicas(range(plan.workers), transport)
        memory.unlink()  # all processes have opened it; without a name it can't be left behind
        root = Root(trainer, plan, transport)
        yield root
        with contextlib.suppress(LostWorkerError):
            transport.send(0, Stop())
            deadline = time.monotonic() + PATIENCE
            for process in processes:
                process.join(max(0.0, deadline - time.monotonic()))
    finally:
        for process in processes:
            process.kill()  # does nothing if the process has ended
            process.join()
        for member in ends:
            close(ends[member])
        if root is None:
            memory.unlink()
        memory.close()


def slot_sizes(plan: Plan, network: Network, images: int) -> dict[Pair, int]:
    """Return the bytes of a slot on every channel that a plan needs, for batches of at most `images` images.

    From a worker to the next, a slot holds features; on all other channels, a chunk of a layer.
    """
    workers = range(plan.workers)
    owners = [plan.owners(shift) for shift in plan.shares]
    pairs = {*((ROOT, k) for k in workers), *((k, ROOT) for k in workers), *((k, k + 1) for k in workers[:-1])}
    pairs |= {(move.source, move.target) for before, after in permutations(owners, 2) for move in moves(before, after)}
    sizes = dict.fromkeys(sorted(pairs), CHUNK)
    itemsize = max(array.itemsize for array in network.layer(1).params.values())
    for shares in plan.shares.values():
        for worker, share in enumerate(shares[:-1]):
            features = images * math.prod(network.shapes[share.last - 1]) * itemsize
            sizes[worker, worker + 1] = max(features, sizes[worker, worker + 1])
    return sizes


def _work(
    number: int, build: Callable[[], Trainer], plan: Plan, threads: int, memory: str, ends: Ends, zero: float
) -> None:
    """Be worker `number`: the whole life of its process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where signals can't be blocked; see `_start`
    status = 1
    try:
        transport = SharedTransport(number, SharedMemory(memory), ends)
        trainer = build_replica(number, build, threads, transport)
        if trainer is None:
            transport.receive(ROOT)  # until the root ends all processes
        else:
            held = HeldLayers(trainer.network, trainer.optimizer)
            held.keep_only(())
            Worker(number, trainer, held, plan, transport, zero).run()
            status = 0
    except (LostWorkerError, FileNotFoundError):  # the latter if the root is gone, and the shared memory with it
        status = LOST
    except Exception:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # at once: shared memory can't be closed while arrays in it are in use


def _start(process: SpawnProcess, number: int) -> None:
    """Start a worker with Ctrl-C, SIGTERM and their like blocked: the root obeys them, and then ends the workers."""
    can_block = hasattr(signal, "pthread_sigmask")  # Windows can't
    if can_block:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *TERMINATIONS})
    try:
        with explaining(f"worker {number + 1} can't be started", "try fewer workers"):
            process.start()
    finally:
        if can_block:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _loss(processes: Sequence[SpawnProcess], plan: Plan, root: Root | None) -> str:
    """Say which worker died and how. Workers that ended only because of it have the status `LOST`."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for number, process in enumerate(processes):
            if (status := process.exitcode) not in (None, LOST):
                shift = next(iter(plan.shares)) if root is None or root.shift is None else root.shift
                how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
                return f"worker {number + 1} ({plan.share(number, shift) or 'without blocks'}) {how}"
        time.sleep(0.01)
    return "a worker ended"


class _Patience:
    """Waits for stopped workers, but not for ever once a signal has asked this process to end."""

    def __init__(self, processes: Sequence[SpawnProcess]) -> None:
        self.processes = processes
        self.since: float | None = None  # when we first had to end while a worker was stopped

    def check(self) -> None:
        """Raise `LostWorkerError` if a worker was stopped all the time while this process had to end."""
        stopped = [number for number, process in enumerate(self.processes) if _is_stopped(process)]
        if not stopped or not asked_to_stop():
            self.since = None
        elif self.since is None:
            self.since = time.monotonic()
        elif time.monotonic() - self.since > PATIENCE:
            raise LostWorkerError(
                f"worker {stopped[0] + 1} was stopped by a signal and has not continued for {PATIENCE:.0f} seconds"
            )


def _is_stopped(process: SpawnProcess) -> bool:
    """Return whether a child is stopped, as by SIGSTOP, where the system can tell."""
    if not hasattr(os, "waitid"):
        return False
    try:
        return os.waitid(os.P_PID, process.pid or 0, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:  # it has ended
        return False
