"""Update unlocking put to use: workers train blocks side by side, on one machine or on many.

Each worker passes features on to the next one and never waits for a gradient. The results are equal, bit for bit, to
those of a single process. The modules:

    start.py        puts everything together
    plan.py         which worker trains which blocks; timing.py measures the blocks first
    worker.py       the program that every worker runs
    root.py         the trainer's view of all workers
    messages.py     commands to workers and their reports
    holding.py      the layers that a process holds, and how they pass to another
    transport.py    what carries messages: shared.py between processes.py's processes, mpi.py between ranks.py's ranks
    heartbeat.py    how ranks notice that another one can't be reached
    replicas.py     each worker's own copy of the trainer
    log.py          what each worker did, and when; timeline.py draws it
    simulate.py     how fast more workers than this machine has processors would be

Source: tutorials/reference.md, "Update unlocking".
"""
