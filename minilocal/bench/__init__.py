"""`python -m minilocal.bench`: how fast a step is, where its time goes, and how that compares with PyTorch.

The command itself runs nothing that it times (except blocks in parallel). It starts worker processes, asks them in
turn, and puts their answers in tables.

    options.py      the command's options
    plan.py         what to time: steps at each shift, their multiply-adds, the minibatch
    worker.py       a worker process from both sides; runners that take turns
    timing.py       steps, inference and single layers, ours and PyTorch's taking turns
    peers.py        the ways to run PyTorch; the fastest one takes part
    growth.py       steps per second by width, batch, depth and threads
    first_minute.py the time until the first step of `minilocal.train`, and evaluation's share of an epoch
    our_side.py     what minilocal's processes run        torch_side.py   what PyTorch's run
    instruments.py  clocks around layers, and bytes saved for backward
    workers.py      blocks in parallel
    rates.py        what follows from the seconds: rates, ratios, shares; the cost model's estimates
    text.py         the tables                            figures.py      the figures
"""
