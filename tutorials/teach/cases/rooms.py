"""Cases of the lab on a pipeline with little room."""

TITLE, LESSON, WEEK = "a pipeline with little room", 9, 2


def pipelines(rng):
    """Yield what both functions get; in some, the slow block comes late, so that room runs out."""
    for costs in (
        [3],
        [1, 4],
        [4, 1],
        [2, 2, 2],
        [1, 2, 5],
        [int(c) for c in rng.integers(1, 7, 4)],
    ):
        for room in (1, 2):
            batches = int(rng.integers(3, 8))
            yield f"costs {costs}, {batches} minibatches, room for {room}", (costs, batches, room)


def without_limit(costs, batches, room):
    """Return when jobs begin if there is room for everything."""
    start = [[0] * batches for _ in costs]
    for t in range(batches):
        for b in range(len(costs)):
            before = [start[b][t - 1] + costs[b]] if t else []
            before += [start[b - 1][t] + costs[b - 1]] if b else []
            start[b][t] = max([0, *before])
    return start


CASES = [
    dict(
        name="when jobs begin", points=3, function="begins", returns=("the list of times",),
        nudge="a job begins when the last of the things that it waits for has happened",
        equation="the largest of 0, begin(b, t−1) + costs[b], begin(b−1, t) + costs[b−1] and begin(b+1, t−room)",
        trials=pipelines,
        mistakes={"there is room for any number of minibatches": without_limit},
    ),
    dict(
        name="utilisation", points=2, function="utilisation", returns=("the share",),
        nudge="how much work is there, and how much time do B blocks have together?",
        equation="T·Σ costs / (B · end), where end is when the last job of the last block ends",
        trials=pipelines, helpers=("begins",),
    ),
]  # fmt: skip
