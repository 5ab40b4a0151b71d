"""Lab 8: a pipeline with little room (needs lesson 9; 5 points).

Blocks 0 … B−1 work side by side on minibatches 0 … T−1; costs[b] is what a minibatch takes in block
b. Job (b, t) waits for (b, t−1), because a block does one thing at a time, and for (b−1, t), whose
features it takes. In front of each block but the first there is room for the features of `room`
minibatches, and a block takes them out as it begins. So job (b, t) also waits until block b+1 has
begun minibatch t − room.

Plain Python is enough. Replace every `...` with your own code. Then run

    python -m minilocal.grade tutorials/labs/rooms.py
"""


def begins(costs, batches, room):
    """Return when each job begins, a list for each block: begins(...)[b][t], with (0, 0) at 0."""
    start = [[0] * batches for _ in costs]
    for t in range(batches):
        for b in range(len(costs)):
            ...
    return start


def utilisation(costs, batches, room):
    """Return the share of all blocks' time, from 0 to the last job's end, in which they work."""
    start = begins(costs, batches, room)
    end = ...
    return ...
