"""`python -m minilocal.compare`: several algorithms, several seeds, one table.

    __main__.py   the command: training what is missing     options.py    its options, and presets for them
    entries.py    what is compared, such as `G1/a2`         sweep.py      the runs, and their directory
    results.py    the results of runs; results.csv          progress.py   progress while runs train
    figures.py    Figs. 7 and 9, accuracy against cost      report.py     tables and notes; results.md
    published.py  the paper's Tables II and III

A sweep's results, for a notebook:

    from minilocal.compare import read_results, read_sweep

    results = read_results(read_sweep("sweeps/vgg8b-0.125-fashion-mnist-mini-10-epochs"))
    for entry in results.entries:
        print(entry.label, results.final(entry).mean, [mean.mean for mean in results.by_epoch(entry, "test_loss")])
"""

from minilocal.compare.entries import Entry, parse
from minilocal.compare.published import accuracies
from minilocal.compare.results import Mean, Results, read_results
from minilocal.compare.sweep import Run, Sweep, read_sweep

__all__ = ["Entry", "Mean", "Results", "Run", "Sweep", "accuracies", "parse", "read_results", "read_sweep"]
