"""Which worker trains which blocks: each gets consecutive ones, so that the slowest worker is as fast as possible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice, pairwise

from minilocal.pipeline.transport import ROOT
from minilocal.schedule import Block, Schedule


@dataclass(frozen=True)
class Share:
    """A worker's blocks and layers at one boundary shift.

    Attributes:
        blocks: the blocks that it trains, at least one.
        times: each block's seconds per step, as measured before training.
        first, last: the layers that it holds; the first worker also holds the frozen ones.
    """

    blocks: tuple[Block, ...]
    times: tuple[float, ...]
    first: int
    last: int

    @property
    def seconds(self) -> float:
        """Seconds per step."""
        return sum(self.times)

    def __str__(self) -> str:
        frozen = f"frozen {Block(self.first, first - 1)} " if (first := self.blocks[0].first) > self.first else ""
        return frozen + " ".join(f"[{block}]" for block in self.blocks)


@dataclass(frozen=True)
class Plan:
    """The workers' shares by boundary shift. At a shift with fewer blocks than workers, the last workers have none."""

    shares: Mapping[int, tuple[Share, ...]]

    @property
    def workers(self) -> int:
        """Number of workers that have blocks at some shift."""
        return max(map(len, self.shares.values()))

    def concerned(self, shift: int | None) -> int:
        """Return how many workers, counted from the first, have blocks at a shift; 0 before the first shift (None)."""
        return 0 if shift is None else len(self.shares[shift])

    def share(self, worker: int, shift: int | None) -> Share | None:
        """Return a worker's share at a shift; None if it has no blocks then."""
        return self.shares[shift][worker] if shift is not None and worker < len(self.shares[shift]) else None

    def bound(self, shift: int | None = None) -> float:
        """Return the largest possible speed-up over one worker, at a shift or over all shifts.

        It is the seconds of all shares divided by those of the slowest one. Passing features on is assumed to take no
        time. Source: tutorials/reference.md, "Update unlocking".
        """
        shifts = list(self.shares) if shift is None else [shift]
        seconds = [[share.seconds for share in self.shares[shift]] for shift in shifts]
        return sum(map(sum, seconds)) / sum(map(max, seconds))

    def timed(self, seconds: Mapping[int, Sequence[float]]) -> Plan:
        """Return the same shares with new times for the blocks of each shift."""
        plan = {}
        for shift, shares in self.shares.items():
            times = iter(seconds[shift])
            plan[shift] = tuple(replace(share, times=tuple(islice(times, len(share.blocks)))) for share in shares)
        return Plan(plan)

    def owners(self, shift: int | None) -> dict[int, int]:
        """Return which worker, counted from 0, holds each layer at a shift; before the first one (None), the root."""
        if shift is None:
            return dict.fromkeys(self.owners(next(iter(self.shares))), ROOT)
        shares = enumerate(self.shares[shift])
        return {layer: worker for worker, share in shares for layer in range(share.first, share.last + 1)}

    def describe(self, workers: int) -> Iterator[str]:
        """Yield lines for people: shares, ms per step and bounds by shift; last, workers without any blocks."""
        yield "the plan; worker: its blocks, measured ms per step | ... | how much faster than one worker"
        for shift, shares in self.shares.items():
            texts = [f"{number}: {share} {1e3 * share.seconds:.1f}" for number, share in enumerate(shares, 1)]
            yield f"  shift {shift} | {' | '.join(texts)} | at most {self.bound(shift):.2f}×"
        if len(self.shares) > 1:
            yield f"  all shifts: at most {self.bound():.2f}×"
        if workers > self.workers:
            names = (
                f"worker {workers} has"
                if workers == self.workers + 1
                else f"workers {self.workers + 1} to {workers} have"
            )
            yield f"there are at most {self.workers} blocks at a time, so {names} nothing to do"


def make_plan(schedule: Schedule, layers: int, seconds: Mapping[int, Sequence[float]], workers: int) -> Plan:
    """Divide the blocks of each shift among the workers, given the seconds of each shift's blocks.

    The first block's seconds include the first worker's other duties: making minibatches and running the frozen layers.
    """
    shares = {}
    for epoch in range(schedule.period):
        shift, blocks = schedule.shift_at(epoch), schedule.blocks_at(epoch, layers)
        times, mine = seconds[shift], []
        for group in partition(times, workers):
            first = blocks[group.start].first if group.start else 1
            mine.append(Share(tuple(blocks[group]), tuple(times[group]), first, blocks[group.stop - 1].last))
        shares[shift] = tuple(mine)
    return Plan(shares)


def partition(costs: Sequence[float], count: int) -> list[slice]:
    """Cut costs into `count` consecutive groups, or one per cost if there are fewer; the largest sum is minimal.

    >>> partition([3, 1, 4, 1, 5], 2)
    [slice(0, 3, None), slice(3, 5, None)]
    """

    @cache
    def best(end: int, groups: int) -> tuple[float, tuple[int, ...]]:
        """Return the smallest possible largest sum of `costs[:end]` in that many groups, and where they begin."""
        if groups == 1:
            return sum(costs[:end]), (0,)
        shorter = {start: best(start, groups - 1) for start in range(groups - 1, end)}
        return min((max(most, sum(costs[start:end])), (*starts, start)) for start, (most, starts) in shorter.items())

    _, starts = best(len(costs), min(count, len(costs)))
    return [slice(start, end) for start, end in pairwise((*starts, len(costs)))]
