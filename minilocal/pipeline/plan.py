"""Who trains which blocks: consecutive ones to each worker, so that the slowest worker is as fast as can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise

from minilocal.schedule import Block, Schedule


@dataclass(frozen=True)
class Share:
    """What a worker does while boundaries stand still.

    Attributes:
        blocks: the blocks that it trains, at least one.
        times: each block's seconds in a step, as measured beforehand.
        first, last: the layers that it holds; the first worker holds the frozen ones too.
    """

    blocks: tuple[Block, ...]
    times: tuple[float, ...]
    first: int
    last: int

    @property
    def seconds(self) -> float:
        """Return its seconds in a step."""
        return sum(self.times)

    def __str__(self) -> str:
        frozen = f"frozen {Block(self.first, first - 1)} " if (first := self.blocks[0].first) > self.first else ""
        return frozen + " ".join(f"[{block}]" for block in self.blocks)


@dataclass(frozen=True)
class Plan:
    """The workers' shares by boundary shift. Where a shift has fewer blocks than workers, the last ones rest."""

    shares: Mapping[int, tuple[Share, ...]]

    @property
    def workers(self) -> int:
        """Return how many workers have something to do at one shift at least."""
        return max(map(len, self.shares.values()))

    def concerned(self, shift: int | None) -> int:
        """Return how many workers, from the first on, have something to do at a shift; none before the first shift."""
        return 0 if shift is None else len(self.shares[shift])

    def share(self, worker: int, shift: int | None) -> Share | None:
        """Return a worker's share at a shift; None if it rests."""
        return self.shares[shift][worker] if shift is not None and worker < len(self.shares[shift]) else None

    def bound(self, shift: int | None = None) -> float:
        """Return how many times faster than one worker these can be, at a shift or over all of them.

        The seconds of all shares over those of the slowest one: a step's work over what has to be waited for.
        Passing features on is taken to cost nothing. Source: tutorials/reference.md, "Update unlocking".
        """
        shifts = list(self.shares) if shift is None else [shift]
        seconds = [[share.seconds for share in self.shares[shift]] for shift in shifts]
        return sum(map(sum, seconds)) / sum(map(max, seconds))

    def timed(self, seconds: Mapping[int, Sequence[float]]) -> Plan:
        """Return the same shares with other seconds for each shift's blocks."""
        plan = {}
        for shift, shares in self.shares.items():
            times = iter(seconds[shift])
            plan[shift] = tuple(replace(share, times=tuple(islice(times, len(share.blocks)))) for share in shares)
        return Plan(plan)

    def owners(self, shift: int) -> dict[int, int]:
        """Return the worker, from 0, that holds each layer at a shift."""
        shares = enumerate(self.shares[shift])
        return {layer: worker for worker, share in shares for layer in range(share.first, share.last + 1)}


def make_plan(schedule: Schedule, layers: int, seconds: Mapping[int, Sequence[float]], workers: int) -> Plan:
    """Share the blocks out at each shift; `seconds` are those of each shift's blocks.

    The first block's seconds hold what else the first worker does: it makes minibatches and runs the frozen layers.
    """
    shares = {}
    for turn in range(schedule.period):
        shift, blocks = schedule.shift_at(turn), schedule.blocks_at(turn, layers)
        times, mine = seconds[shift], []
        for part in partition(times, workers):
            first = blocks[part.start].first if part.start else 1
            mine.append(Share(tuple(blocks[part]), tuple(times[part]), first, blocks[part.stop - 1].last))
        shares[shift] = tuple(mine)
    return Plan(shares)


def partition(costs: Sequence[float], parts: int) -> list[slice]:
    """Cut costs into so many runs, or one for each if there are fewer, so that the largest sum is as small as can be.

    >>> partition([3, 1, 4, 1, 5], 2)
    [slice(0, 3, None), slice(3, 5, None)]
    """
    count = len(costs)
    # best[i] is the smallest possible largest sum of costs[:i] in as many runs as were tried so far, with its cuts.
    best: list[tuple[float, tuple[int, ...]]] = [(sum(costs[:i]), (0,)) for i in range(count + 1)]
    for runs in range(2, min(parts, count) + 1):
        best = [
            min((max(best[j][0], sum(costs[j:i])), (*best[j][1], j)) for j in range(runs - 1, i))
            if i >= runs
            else best[i]
            for i in range(count + 1)
        ]
    cuts = (*best[count][1], count)
    return [slice(a, b) for a, b in pairwise(cuts)]
