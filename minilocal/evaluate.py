"""Evaluate a finished run: `python -m minilocal.evaluate RUN [--predict IMAGE ...]`."""

from __future__ import annotations

if __name__ == "__main__":
    from minilocal.console.launch import launch

    launch("minilocal.evaluate")

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from minilocal.compute.compilation import on_compilation
from minilocal.compute.parallel import set_threads
from minilocal.console.cli import Parser, command
from minilocal.console.plots import if_possible
from minilocal.console.text import columns, padded, shown
from minilocal.datasets.batches import evaluation_batches
from minilocal.datasets.image_file import read_image
from minilocal.datasets.prepare import Images
from minilocal.errors import InputError
from minilocal.files import expanded
from minilocal.networks.network import Network
from minilocal.runs.config import Config
from minilocal.runs.directory import RunDirectory
from minilocal.runs.figures import LONGEST_NAME, draw_confusion
from minilocal.runs.preprocessing import Preprocessing
from minilocal.training.evaluation import evaluate, predictions
from minilocal.training.results import Position

MOST_COLUMNS = 20  # classes of which the confusion matrix is printed
MOST_DRAWN = 200  # classes of which it is drawn


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
        "--flips",
        action="store_true",
        help="also report the accuracy with test-time flips: the logits of each image and of its mirror image, added",
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
    if options.invert and not options.predict:
        raise InputError("--invert has no effect without --predict; leave it out")
    if options.predict and (options.flips or options.data_dir):
        raise InputError(f"{'--flips' if options.flips else '--data-dir'} has no effect on --predict; leave it out")
    set_threads(options.threads)
    run = RunDirectory(options.run)
    config, preprocessing = run.read_config()
    network = config.network(preprocessing.image_shape, len(preprocessing.classes))
    position = run.read_checkpoint(network)
    with on_compilation(partial(print, file=sys.stderr)):
        if options.predict:
            if (white := preprocessing.white_level) is None:
                raise InputError(
                    f"{run.path} was trained on images whose white is neither 1 nor 255, as far as their pixels show; "
                    "--predict needs a run on images from 0 to 1 or from 0 to 255"
                )
            shape = preprocessing.raw_shape
            images = [(file, read_image(expanded(file), shape, white, options.invert)) for file in options.predict]
            for file, pixels in images:
                print(f"{shown(file)}: {_guess(network, pixels, preprocessing)}")
        else:
            _report(run, config.moved_to(options.data_dir), preprocessing, network, position, options.flips)
    return 0


def test_images(run: RunDirectory, config: Config, preprocessing: Preprocessing) -> Images:
    """Return a run's test images, normalised as for training; raise `InputError` if they are others now."""
    data = config.data()
    run.check_data(preprocessing, data)
    return Images(data.test.pixels, data.test.labels, preprocessing.normalisation)


def confusion(network: Network, images: Images) -> Counter[tuple[int, int]]:
    """Return how many images there are by true class and predicted class."""
    return Counter(zip(images.labels.tolist(), predictions(network, images).tolist(), strict=True))


def _report(
    run: RunDirectory, config: Config, preprocessing: Preprocessing, network: Network, position: Position, flips: bool
) -> None:
    """Print accuracies and the confusion matrix, and draw the matrix."""
    test = test_images(run, config, preprocessing)
    last_epoch = position.epoch - (position.step == 0)
    blocks = config.schedule.blocks_at(max(last_epoch, 0), len(network))
    blocks = [block for block in blocks if block.last in network.auxiliary]  # others have no class scores
    scores = evaluate(network, test, [block.last for block in blocks])
    counts = confusion(network, test)

    print(f"{config.title}; after {position}")
    for block in blocks:
        score = scores[block.last]
        own = "the network's own" if block.last == len(network) else f"block {block}"
        print(f"  A_{block.last:<3} test accuracy {100 * score.accuracy:6.2f} %, loss {score.loss:.4f}  ({own})")
    print("confusion matrix (rows: true class, columns: predicted class; last: share of the class that is correct)")
    print(_table(counts, preprocessing.classes))
    print(f"test accuracy {100 * scores[len(network)].accuracy:.2f} % on {len(test)} images")
    if flips:
        accuracy = np.mean(predictions(network, test, flips=True) == test.labels)
        print(f"with test-time flips {100 * accuracy:.2f} %")
    if (count := len(preprocessing.classes)) > MOST_DRAWN:
        print(f"not drawn: a confusion matrix of {count:,} classes", file=sys.stderr)
        return
    matrix = np.zeros((count, count), np.int64)
    for place, images in counts.items():
        matrix[place] = images
    with if_possible():  # the run directory may be read-only
        path = draw_confusion(matrix, preprocessing.classes, config.title, run.path / "confusion_matrix.png")
        print(f"drawn in {shown(path)}")


def _table(counts: Mapping[tuple[int, int], int], classes: Sequence[str]) -> str:
    """Return the matrix as text, with recall per class; for more than 20 classes only recall and the worst mistake.

    `counts` has the number of images by (true class, predicted class). Of many classes, those without images are left
    out.
    """
    names = [shown(name, LONGEST_NAME) for name in classes]
    width = max(map(columns, names))
    by_class: dict[int, dict[int, int]] = {}
    for (label, predicted), count in sorted(counts.items()):
        by_class.setdefault(label, {})[predicted] = count
    lines = []
    for label in by_class if len(classes) > MOST_COLUMNS else range(len(classes)):
        row = by_class.get(label, {})
        recall = f"{100 * row.get(label, 0) / max(sum(row.values()), 1):5.1f} %"
        if len(classes) <= MOST_COLUMNS:
            size = len(str(max(counts.values()))) + 1
            cells = "".join(f"{row.get(predicted, 0):>{size}}" for predicted in range(len(classes)))
            lines.append(f"  {padded(names[label], width)}{cells}   {recall}")
            continue
        worst = max((predicted for predicted in row if predicted != label), key=lambda p: row[p], default=None)
        mistake = f", most often mistaken for {names[worst]} ({row[worst]})" if worst is not None else ""
        lines.append(f"  {padded(names[label], width)} {recall}{mistake}")
    return "\n".join(lines)


def _guess(network: Network, pixels: np.ndarray, preprocessing: Preprocessing) -> str:
    """Return the three most likely classes with their softmax probabilities."""
    (x, _), *_ = evaluation_batches(Images(pixels, np.zeros(1, np.int64), preprocessing.normalisation))
    logits = network.predict(x)[0].astype(np.float64)
    p = np.exp(logits - logits.max())
    p /= p.sum()
    return ", ".join(f"{shown(preprocessing.classes[i])} {100 * p[i]:.1f} %" for i in p.argsort()[::-1][:3])
