"""What is printed of a plan, and of what the workers did."""

from __future__ import annotations

from collections.abc import Iterator

from minilocal.pipeline.log import Log
from minilocal.pipeline.plan import Plan


def describe_plan(plan: Plan) -> Iterator[str]:
    """Yield a line for each shift: every worker's blocks, and milliseconds for a step, as measured beforehand."""
    yield "the plan; worker: its blocks, measured ms per step | ... | how much faster than one worker"
    for shift, shares in plan.shares.items():
        parts = [f"{number}: {share} {1e3 * share.seconds:.1f}" for number, share in enumerate(shares, 1)]
        yield f"  shift {shift} | {' | '.join(parts)} | at most {plan.bound(shift):.2f}×"
    if len(plan.shares) > 1:
        yield f"  all shifts: at most {plan.bound():.2f}×"


def describe_surplus(plan: Plan, count: int) -> Iterator[str]:
    """Yield a line that names the workers, of so many, that a plan has no blocks for, if there are any."""
    first = plan.workers + 1
    if first <= count:
        names = f"worker {count} has" if first == count else f"workers {first} to {count} have"
        yield f"there are no more than {plan.workers} blocks at a time, so {names} nothing to do"


def describe_log(log: Log) -> Iterator[str]:
    """Yield lines on what each worker's step took, how long it waited, and what moves cost."""
    if not log.steps:
        return
    yield f"a step took {1e3 * log.seconds / log.steps:.1f} ms; of these each worker was"
    for number, busy in enumerate(log.busy, 1):
        waiting = max(0.0, log.seconds - busy)
        yield (
            f"  {number}: {1e3 * busy / log.steps:.1f} ms busy, {1e3 * waiting / log.steps:.1f} ms waiting "
            f"({100 * waiting / log.seconds:.0f} %)"
        )
    if log.moves:
        count = len(log.moves)
        size = sum(move.bytes for move in log.moves) / count / 1e6
        seconds = sum(move.seconds for move in log.moves) / count
        yield (
            f"boundaries moved: {count}×, each time {size:.2f} MB of layers with their momentum and statistics, "
            f"{1e3 * seconds:.1f} ms"
        )
