"""`python -m minilocal.bench`: how fast a step is, where its time goes, and how that compares with PyTorch.

The command itself measures nothing. It starts worker processes, has them take turns, and puts their answers in
tables. What is measured stands in files of its own:

    timing.py       training steps and inference, ours and PyTorch's in turns
    per_layer.py    every convolution and linear layer alone
    extras.py       start-up, thread scaling, loading of minibatches
    workers.py      blocks in parallel, tables in workers_text.py
    figure10.py     step times as the cost model estimates them for kinds of processors, beside those measured
    rates.py        what follows from the seconds: rates, ratios, shares

    worker.py       a worker process, seen from the command    serve.py           the same, seen from inside
    our_steps.py    our side of timing.py                      torch_steps.py     PyTorch's
    our_products.py our side of per_layer.py                   torch_products.py  PyTorch's
    instruments.py  clocks around layers                       saved.py           bytes kept for backward
"""
