"""Evaluate a finished run: `python -m minilocal.evaluate RUN [--predict IMAGE ...]`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from minilocal.compute.compilation import COMPILING, on_first_compilation
from minilocal.compute.parallel import set_threads
from minilocal.console.cli import Parser, command
from minilocal.datasets.batches import evaluation_batches
from minilocal.datasets.image_file import read_image
from minilocal.datasets.prepare import Images
from minilocal.errors import InputError, TrainingError
from minilocal.networks.network import Network
from minilocal.runs.config import Config
from minilocal.runs.directory import RunDirectory
from minilocal.runs.figures import draw_confusion
from minilocal.runs.preprocessing import Preprocessing
from minilocal.training.evaluation import confusion_matrix, evaluate
from minilocal.training.results import Position


def parser() -> Parser:
    """Return the command's argument parser."""
    p = Parser(
        prog="python -m minilocal.evaluate",
        description="Report a run's test accuracy for each classifier of its last epoch, and a confusion matrix; "
        "or, with --predict, classify single images.",
    )
    p.add_argument("run", metavar="RUN", help="a run directory written by `python -m minilocal.train`")
    p.add_argument(
        "--predict", metavar="IMAGE", nargs="+", help="classify these image files (PNG, JPEG, GIF, BMP, WebP) instead"
    )
    p.add_argument(
        "--invert",
        action="store_true",
        help="swap black and white first, because Fashion-MNIST and MNIST are white on black",
    )
    p.add_argument(
        "--data-dir", metavar="DIR", help="where the data set's files are now (default: where they were for training)"
    )
    p.add_argument("--threads", type=int, help="threads to use (default: all processors)")
    return p


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = parser().parse_args(argv)
    set_threads(options.threads)
    run = RunDirectory(Path(options.run))
    config, preprocessing = run.read_config()
    network = config.network(preprocessing.image_shape, len(preprocessing.classes))
    position = run.read_checkpoint(network)
    with on_first_compilation(lambda: print(COMPILING, file=sys.stderr)):
        if options.predict:
            if (white := preprocessing.white_level) is None:
                raise InputError(
                    f"{run.path} was trained on images whose white is neither 1 nor 255, as far as their pixels show; "
                    "--predict needs a run on images from 0 to 1 or from 0 to 255"
                )
            shape = preprocessing.raw_shape
            images = [(file, read_image(file, shape, white, options.invert)) for file in options.predict]
            for file, pixels in images:
                print(f"{file}: {_guess(network, pixels, preprocessing)}")
        else:
            _report(run, config.moved_to(options.data_dir), preprocessing, network, position)
    return 0


def _report(
    run: RunDirectory, config: Config, preprocessing: Preprocessing, network: Network, position: Position
) -> None:
    """Print accuracies and the confusion matrix, and draw the matrix."""
    data = config.data()
    if (data.image_shape, data.classes) != (preprocessing.image_shape, preprocessing.classes):
        raise InputError(
            f"{config.dataset} now has another image shape or other classes than when {run.path} was trained; "
            "name the original with --data-dir"
        )
    test = Images(data.test.pixels, data.test.labels, preprocessing.normalisation)
    last_epoch = position.epoch - (position.step == 0)
    blocks = config.schedule.blocks_at(max(last_epoch, 0), len(network))
    scores = evaluate(network, test, [block.last for block in blocks])
    matrix = confusion_matrix(network, test, len(preprocessing.classes))

    print(f"{config.title}; after {position}")
    for block in blocks:
        score = scores[block.last]
        own = "the network's own" if block.last == len(network) else f"block {block}"
        print(f"  A_{block.last:<3} test accuracy {100 * score.accuracy:6.2f} %, loss {score.loss:.4f}  ({own})")
    print("confusion matrix (rows: true class, columns: predicted class; last: share of the class that is correct)")
    print(_table(matrix, preprocessing.classes))
    try:
        path = draw_confusion(matrix, preprocessing.classes, config.title, run.path / "confusion_matrix.png")
        print(f"drawn in {path}")
    except TrainingError as error:  # the run directory may be read-only; the numbers matter more
        print(f"not drawn: {error}")
    print(f"test accuracy {100 * scores[len(network)].accuracy:.2f} % on {len(test)} images")


def _table(matrix: np.ndarray, classes: Sequence[str]) -> str:
    """Return the matrix as text, with recall per class; for more than 20 classes only recall and the worst mistake."""
    recall = matrix.diagonal() / np.maximum(matrix.sum(axis=1), 1)
    name_width = max(len(name) for name in classes)
    if len(classes) <= 20:
        width = len(str(matrix.max())) + 1
        return "\n".join(
            f"  {name:<{name_width}}{''.join(f'{n:>{width}}' for n in row)}   {100 * share:5.1f} %"
            for name, row, share in zip(classes, matrix, recall, strict=True)
        )
    mistakes = matrix - np.diag(matrix.diagonal())
    return "\n".join(
        f"  {name:<{name_width}} {100 * share:5.1f} %, most often mistaken for {classes[row.argmax()]} ({row.max()})"
        for name, row, share in zip(classes, mistakes, recall, strict=True)
    )


def _guess(network: Network, pixels: np.ndarray, preprocessing: Preprocessing) -> str:
    """Return the three most likely classes with their softmax probabilities."""
    (x, _), *_ = evaluation_batches(Images(pixels, np.zeros(1, np.int64), preprocessing.normalisation))
    logits = network.predict(x)[0].astype(np.float64)
    p = np.exp(logits - logits.max())
    p /= p.sum()
    return ", ".join(f"{preprocessing.classes[i]} {100 * p[i]:.1f} %" for i in p.argsort()[::-1][:3])


if __name__ == "__main__":
    sys.exit(main())
