import json

import pytest

from minilocal.compare.entries import parse
from minilocal.compare.sweep import DataSize, Sweep
from minilocal.runs.config import Config
from minilocal.runs.tables import METRICS

DATA = {"classes": [*"0123456789"], "raw_shape": [32, 32, 3], "image_shape": [32, 32, 3], "white_level": 255.0,
        "mean": [0.5] * 3, "std": [0.2] * 3}  # fmt: skip


@pytest.fixture
def made_up(tmp_path):
    """Return a function that writes a made-up sweep with these final test accuracies, by entry and seed."""

    def write(accuracies, epochs=2, path="sweep", only_epochs=None, **options):
        setting = Config(**{"algo": "BP", "dataset": "cifar10", "train_size": 1000, "epochs": epochs} | options)
        entries = tuple(parse(text, setting) for text in accuracies)
        seeds = tuple(range(max(map(len, accuracies.values()))))
        sweep = Sweep(tmp_path / path, setting, DataSize(1000, 2000, (32, 32, 3), 10), entries, seeds)
        sweep.write()
        for run in sweep.runs:
            finals = list(accuracies.values())[entries.index(run.entry)]
            if run.seed < len(finals) and (final := finals[run.seed]) is not None:
                write_run(run, final, only_epochs or run.config.epochs)
        return sweep

    return write


def write_run(run, final, epochs):
    """Write a run whose own classifier's accuracy grows to `final`, and rows of another block, which do not count."""
    run.directory.path.mkdir()
    content = {"config": run.config.as_dict(), "data": DATA}
    (run.directory.path / "config.json").write_text(json.dumps(content))
    metrics, timing = [",".join(METRICS)], ["epoch,train_seconds,evaluation_seconds,images_per_second"]
    for epoch in range(1, epochs + 1):
        accuracy = final * epoch / epochs
        validation = (0.8, accuracy - 0.01) if run.config.validation else ("", "")
        for number, last, scores in ((1, 3, (9, 0, "", "", 9, 0)), (2, 7, (0.5, accuracy, *validation, 0.7, accuracy))):
            metrics.append(",".join(map(str, (epoch, 0, number, last - 2, last, 0.1, *scores))))
        timing.append(f"{epoch},1.5,0.5,100")
    (run.directory.path / "metrics.csv").write_text("\n".join(metrics) + "\n")
    (run.directory.path / "timing.csv").write_text("\n".join(timing) + "\n")
