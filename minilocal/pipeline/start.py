"""From a trainer to one whose steps are taken by workers: measure, plan, start."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from minilocal.compute.parallel import get_threads
from minilocal.errors import InputError
from minilocal.pipeline.plan import make_plan
from minilocal.pipeline.processes import worker_processes
from minilocal.pipeline.root import Root
from minilocal.pipeline.text import describe_plan, describe_surplus
from minilocal.pipeline.timing import block_seconds
from minilocal.schedule import Schedule
from minilocal.training.trainer import Trainer

if TYPE_CHECKING:
    from minilocal.pipeline.ranks import Ranks


def check_shareable(schedule: Schedule) -> None:
    """Raise `InputError` if an algorithm is BP, which can't be shared out among workers."""
    if schedule.block_size is None:
        raise InputError(
            "BP can't be shared out among workers: each layer waits for the gradient of the layers behind it "
            "(backward locking); choose an algorithm whose blocks learn by themselves, such as G1 or G3S2"
        )


def join_ranks() -> Ranks:
    """Return the ranks that mpiexec started, of which this process is one; raises `InputError` if there is no MPI."""
    try:
        from minilocal.pipeline.ranks import Ranks
    except (ImportError, RuntimeError):
        raise InputError('--parallel mpi needs mpi4py and an MPI; run `pip install "minilocal[mpi]"`') from None
    return Ranks()


@contextlib.contextmanager
def workers(
    trainer: Trainer,
    count: int,
    build: Callable[[], Trainer],
    ranks: Ranks | None = None,
    say: Callable[[str], object] = lambda text: None,
) -> Iterator[Root]:
    """Have a trainer's steps taken by workers inside the `with` block: by processes, or by MPI ranks.

    Blocks are timed first, in this process; `say` is told the plan. Each worker calls `build`, a function that can be
    imported by its name, for a trainer of its own, alike to this one, and computes on as many threads as this process.

    Raises `InputError` for BP, if there is too little shared memory, or if a worker does not find its data; and within
    the block `LostWorkerError`, which names the worker and its blocks, if one dies.
    """
    check_shareable(trainer.recipe.schedule)
    if ranks is not None:
        ranks.prepare(build)
    plan = make_plan(trainer.recipe.schedule, len(trainer.network), block_seconds(trainer), count)
    for line in (*describe_plan(plan), *describe_surplus(plan, count)):
        say(line)
    with contextlib.ExitStack() as stack:
        if ranks is not None:
            root = ranks.start(trainer, plan)
        else:
            root = stack.enter_context(worker_processes(trainer, build, plan, get_threads()))
        trainer.workers = root
        try:
            yield root
        finally:
            trainer.workers = None
