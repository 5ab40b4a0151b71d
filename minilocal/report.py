"""Runs as a page for a browser: `python -m minilocal.report RUN [RUN ...]`."""

from __future__ import annotations

if __name__ == "__main__":
    from minilocal.console.launch import launch

    launch("minilocal.report")

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from minilocal.compute.compilation import on_compilation
from minilocal.console.cli import Parser, check_once, command
from minilocal.console.text import shown
from minilocal.errors import InputError
from minilocal.evaluate import confusion, test_images
from minilocal.files import check_writable, expanded
from minilocal.runs import page
from minilocal.runs.directory import RunDirectory

PATIENCE = 5.0  # seconds between two looks at runs that are watched


def parser() -> Parser:
    """Return the command's argument parser."""
    p = Parser(
        prog="python -m minilocal.report",
        description="Write one page of HTML about runs, side by side: curves, gradient map, blocks, confusion matrix, "
        "timing and options. The page needs no network. The runs may still be going on.",
    )
    p.add_argument("runs", metavar="RUN", nargs="+", help="run directories written by `python -m minilocal.train`")
    p.add_argument("--out", metavar="FILE", default="report.html", help="the page (default: report.html)")
    p.add_argument("--data-dir", metavar="DIR", help="where the data sets' files are now (default: as for training)")
    p.add_argument("--watch", action="store_true", help="write it again after each epoch, until all runs are complete")
    p.add_argument("--no-confusion", action="store_true", help="leave out confusion matrices; then no images are read")
    return p


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = parser().parse_args(argv)
    check_once("RUN", options.runs)
    out = expanded(options.out)
    check_writable(out, "--out")
    contents: list[dict[str, Any]] = []
    while True:
        runs = [RunDirectory(name) for name in options.runs]
        before, contents = contents, [_contents(run, options) for run in runs]
        if contents != before:
            page.write(contents, out)
            epochs = ", ".join(f"{run['done']} of {run['epochs']}" for run in contents)
            print(f"written to {shown(out)}, epochs: {epochs}", flush=True)
        if not options.watch or all(run["done"] >= run["epochs"] for run in contents):
            return 0
        time.sleep(PATIENCE)


def _contents(run: RunDirectory, options: argparse.Namespace) -> dict[str, Any]:
    """Return a run's contents, with the confusion matrix of the newest checkpoint if the test images are there."""
    if options.no_confusion:
        return page.contents(run, None, "Left out.")
    config, preprocessing = run.read_config()
    try:
        network = config.network(preprocessing.image_shape, len(preprocessing.classes))
        position = run.read_checkpoint(network)
        with on_compilation(partial(print, file=sys.stderr)):
            counts = confusion(network, test_images(run, config.moved_to(options.data_dir), preprocessing))
    except InputError as error:
        return page.contents(run, None, f"There is none: {shown(error)}.")
    return page.contents(run, counts, f"{sum(counts.values()):,} test images, network after {position}.")
