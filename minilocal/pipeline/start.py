"""From a trainer to one whose steps are taken by workers: measure, plan, start."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from minilocal.errors import InputError
from minilocal.parallel import set_threads
from minilocal.pipeline.plan import make_plan
from minilocal.pipeline.processes import worker_processes
from minilocal.pipeline.root import Root
from minilocal.pipeline.text import describe_plan, surplus
from minilocal.pipeline.timing import block_seconds
from minilocal.schedule import Schedule
from minilocal.trainer import Trainer

if TYPE_CHECKING:
    from minilocal.pipeline.ranks import Ranks


def check(schedule: Schedule, workers: int) -> None:
    """Raise `InputError` if an algorithm can't be shared out among workers, or there are none."""
    if workers < 1:
        raise InputError(f"--workers is {workers}; it must be at least 1")
    if schedule.block_size is None:
        raise InputError(
            "BP can't be shared out among workers: every layer has to wait for the gradient of the layers behind it "
            "(backward locking); choose an algorithm whose blocks learn by themselves, G1 or G3S2 say"
        )


@contextlib.contextmanager
def workers(
    trainer: Trainer,
    count: int,
    make: Callable[[], Trainer],
    threads: int = 1,
    ranks: Ranks | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Iterator[Root]:
    """Have a trainer's steps taken by workers within the `with` block, processes of this machine or MPI ranks.

    Block times are measured first. `make` makes a trainer like this one in each process (see `worker_processes`), and
    `say` is told the plan.
    """
    check(trainer.schedule, count)
    set_threads(threads)
    plan = make_plan(trainer.schedule, len(trainer.network), block_seconds(trainer), count)
    for line in describe_plan(plan):
        say(line)
    if plan.workers < count:
        say(surplus(plan, count))
    with contextlib.ExitStack() as stack:
        if ranks is not None:
            root = ranks.start(trainer, plan)
        else:
            root = stack.enter_context(worker_processes(trainer, make, plan, threads))
        engine, trainer.engine = trainer.engine, root
        try:
            yield root
        finally:
            trainer.engine = engine
