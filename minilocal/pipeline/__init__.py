"""Update unlocking made real: blocks that train side by side, each worker its own, on one machine or on many.

Workers pass features on from one to the next and never wait for a gradient. What they compute is, to the bit, what one
process computes. What does what:

    start.py        all put together
    plan.py         which worker trains which blocks, by the times that timing.py measures
    worker.py       the program of every worker
    root.py         the trainer's side of all workers
    messages.py     what they tell each other
    parts.py        layers, and passing them from worker to worker
    transport.py    what joins them: shared.py, between processes that processes.py starts; mpi.py, between ranks.py's
    witness.py      says which rank died
    log.py          who did what when, in words in text.py, drawn in timeline.py

Source: tutorials/reference.md, "Update unlocking".
"""
