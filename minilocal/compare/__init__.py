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

from __future__ import annotations

from minilocal import lazily

# Public name → the module that defines it. They load when first used: the command handles Ctrl-C before that.
_PUBLIC = {
    "Entry": "entries",
    "parse": "entries",
    "accuracies": "published",
    "Mean": "results",
    "Results": "results",
    "read_results": "results",
    "Run": "sweep",
    "Sweep": "sweep",
    "read_sweep": "sweep",
}

__all__ = sorted(_PUBLIC)
__getattr__ = lazily(__name__, _PUBLIC)
