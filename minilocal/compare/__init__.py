"""`python -m minilocal.compare`: several algorithms, several seeds, one table.

    entries.py    what is compared, `G1/a2` say       presets.py    settings to begin with
    options.py    the command's options
    sweep.py      the runs, and the directory of them  train.py      training what it lacks
    results.py    what the runs came to; results.csv   progress.py   what a person sees meanwhile
    table.py      tables of accuracies and costs       published.py  the paper's Tables II and III
    figures.py    Figs. 7 and 9, accuracy against cost report.py     the report, results.md

A sweep's results, for a notebook say:

    from minilocal.compare import read_results, read_sweep

    results = read_results(read_sweep("sweeps/vgg8b-0.125-fashion-mnist-mini-10-epochs"))
    for entry in results.entries:
        print(entry.label, results.final(entry).mean, [mean.mean for mean in results.by_epoch(entry, "test_loss")])
"""

from minilocal.compare.entries import Entry, parse
from minilocal.compare.published import accuracies
from minilocal.compare.results import Mean, Result, Results, read_results
from minilocal.compare.sweep import Run, Sweep, read_sweep

__all__ = ["Entry", "Mean", "Result", "Results", "Run", "Sweep", "accuracies", "parse", "read_results", "read_sweep"]
