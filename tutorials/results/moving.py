"""What moving boundaries do to a network: measurements for RESULTS.md.

    python tutorials/results/moving.py --data-dir DIR --algo G2S1 --idle learn

trains vgg16 × 0.125 on 20,000 images of CIFAR-10 for 20 epochs (options of `minilocal.train` change
that) and then adds its rows to three CSV files in the folder --out:

    moving_classifiers.csv    for each epoch and classifier: its loss and accuracy on other images,
                              and whether a block ended there in that epoch. If so, also its mean
                              training loss in the first and the last ten steps of the epoch: those
                              of a classifier that has rested show how stale it was.
    moving_alignment.csv      for each epoch and layer: the cosine of its gradient and BP's
    moving_probes.csv         for each layer: the accuracy of a linear probe on its features, which
                              shows whether layers behind it still add anything
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import minilocal as ml
from minilocal.console.cli import Parser, command
from minilocal.console.options import add_options, given
from minilocal.datasets.prepare import Images
from minilocal.files import folder_for
from minilocal.runs.config import Config
from minilocal.training.evaluation import evaluate

DEFAULTS: dict[str, Any] = {
    "dataset": "cifar10",
    "train_size": 20_000,
    "test_size": 5000,
    "model": "vgg16",
    "dropout": 0.0,
    "epochs": 20,
    "lr_schedule": "cosine",
    "alignment": True,
}
STEPS = 10  # at either end of an epoch
FEATURES = 128  # that each probe sees


def measured(config: Config) -> Iterator[tuple[str, list[Any]]]:
    """Train a network; yield rows of all three tables, each with its table's name."""
    trainer = config.build()
    network, name = trainer.network, config.schedule.title
    losses: dict[int, list[float]] = {}

    def on_step(_epoch: int, _images: int, results: Any) -> None:
        for result in results:
            losses.setdefault(result.block.last, []).append(result.loss)

    trainer.on_step = on_step
    for report in trainer.epochs():
        for layer, score in evaluate(network, trainer.data.test, network.auxiliary).items():
            steps = losses.get(layer)
            ends = (np.mean(steps[:STEPS]), np.mean(steps[-STEPS:])) if steps else ("", "")
            active = int(bool(steps))
            yield "classifiers", [name, config.seed, report.epoch, layer, active, *ends, *score]
        for layer, cosine in report.alignment.items():
            yield "alignment", [name, config.seed, report.epoch, layer, cosine]
        losses.clear()
        accuracy = 100 * report.test.accuracy
        print(f"{name}, seed {config.seed}, epoch {report.epoch}: {accuracy:.2f} %", flush=True)
    for layer, accuracy in enumerate(probed(network, trainer.data.train, trainer.data.test)):
        yield "probes", [name, config.seed, layer, accuracy]


COLUMNS = {
    "classifiers": "run,seed,epoch,layer,active,first_loss,last_loss,test_loss,test_accuracy",
    "alignment": "run,seed,epoch,layer,cosine",
    "probes": "run,seed,layer,test_accuracy",
}


def features(network: ml.Network, images: Images) -> list[np.ndarray]:
    """Return x_0, …, x_K for all images, each pooled to at most `FEATURES` numbers."""

    def pooled(x: np.ndarray) -> np.ndarray:
        if x.ndim == 4:
            x = ml.AvgPool2d(ml.a1_window(x.shape[1:], FEATURES)).forward(x)
        return x.reshape(len(x), -1)

    batches = []
    for x, _ in ml.evaluation_batches(images):
        row = [pooled(x)]
        for layer in network.layers:
            x = layer.forward(x)
            row.append(pooled(x))
        batches.append(row)
    return [np.concatenate(column) for column in zip(*batches, strict=True)]


def probed(
    network: ml.Network, train: Images, test: Images, epochs: int = 10, batch: int = 128
) -> list[float]:
    """Return the test accuracy of a linear probe on x_0, …, x_K, trained as in lesson 10."""
    accuracies, classes = [], int(train.labels.max()) + 1
    for x, x_test in zip(features(network, train), features(network, test), strict=True):
        mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-5
        x, x_test = (x - mean) / deviation, (x_test - mean) / deviation
        probe, optimizer = ml.a1(x.shape[1:], classes, FEATURES, rng=0), ml.SGD()
        steps, rng = len(x) // batch, np.random.default_rng(0)
        for number in range(epochs * steps):
            if number % steps == 0:
                order = rng.permutation(len(x))
            chosen = order[number % steps * batch :][:batch]
            logits = probe.forward(x[chosen], training=True)
            _, dlogits = ml.softmax_cross_entropy(logits, train.labels[chosen])
            probe.backward(dlogits, need_dx=False)
            optimizer.lr = ml.learning_rate("cosine", 0.1, number, epochs * steps)
            optimizer.update(probe)
        accuracies.append(float(np.mean(probe.forward(x_test).argmax(axis=1) == test.labels)))
    return accuracies


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = Parser(prog="moving.py", description="Measure what moving boundaries do to a network.")
    here = str(Path(__file__).parent)
    parser.add_argument("--out", default=here, help="folder of the CSV files")
    add_options(parser, Config)
    options = parser.parse_args(argv)
    names = {table: f"moving_{table}.csv" for table in COLUMNS}
    config = Config(**(DEFAULTS | given(options, Config)))
    # A folder of no use is refused here, before all the training.
    with folder_for(options.out, "--out", *names.values()) as folder:
        rows = list(measured(config))
        for table, columns in COLUMNS.items():
            path = folder / names[table]
            new = not path.exists()
            with path.open("a") as file:
                if new:
                    print(columns, file=file)
                for row in (row for name, row in rows if name == table):
                    values = (f"{v:.4f}" if isinstance(v, float) else v for v in row)
                    print(*values, sep=",", file=file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
