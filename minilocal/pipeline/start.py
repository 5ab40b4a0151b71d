"""From a trainer to one whose steps are taken by workers: measure, plan, start."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from minilocal.compute.parallel import get_threads
from minilocal.errors import InputError
from minilocal.pipeline.plan import make_plan
from minilocal.pipeline.processes import worker_processes
from minilocal.pipeline.ranks import Ranks
from minilocal.pipeline.root import Root
from minilocal.pipeline.timing import block_seconds
from minilocal.schedule import Schedule
from minilocal.training.trainer import Trainer


def check_shareable(schedule: Schedule) -> None:
    """Raise `InputError` for BP, which workers can't share."""
    if schedule.block_size is None:
        raise InputError(
            "workers can't share BP: each layer waits for the gradient of the layers after it (backward locking); "
            "choose an algorithm whose blocks learn by themselves, such as G1 or G3S2"
        )


def join_ranks() -> Ranks:
    """Return the ranks that mpiexec started, including this process; raise `InputError` if MPI is not installed."""
    try:
        from mpi4py import MPI  # starts MPI
    except (ImportError, RuntimeError):
        raise InputError('--parallel mpi needs mpi4py and an MPI; run `pip install "minilocal[mpi]"`') from None
    return Ranks(MPI.COMM_WORLD, threads=MPI.Query_thread() == MPI.THREAD_MULTIPLE)


@contextlib.contextmanager
def workers(
    trainer: Trainer,
    count: int,
    build: Callable[[], Trainer],
    ranks: Ranks | None = None,
    say: Callable[[str], object] = lambda line: None,
) -> Iterator[Root]:
    """Have `count` workers take a trainer's steps in the `with` block: processes of this machine, or MPI ranks.

    This process measures the blocks first; the lines of the plan go to `say`. Each worker calls `build`, a function
    that can be imported by name, for its own trainer, which must be equal to this one, and computes on as many threads
    as this process.

    Raises `InputError` for BP, if there is too little shared memory, or if a worker can't read its data. In the block,
    `LostWorkerError` names a process that died and its blocks. If an MPI rank dies, MPI's launcher ends them all.
    """
    check_shareable(trainer.recipe.schedule)
    plan = make_plan(trainer.recipe.schedule, len(trainer.network), block_seconds(trainer), count)
    for line in plan.describe(count):
        say(line)
    with contextlib.ExitStack() as stack:
        if ranks is not None:
            root = ranks.start(trainer, build, plan)
        else:
            root = stack.enter_context(worker_processes(trainer, build, plan, get_threads()))
        trainer.workers = root
        try:
            yield root
        finally:
            trainer.workers = None
