"""Progress during training: a bar per epoch on a terminal, lines elsewhere, nothing if quiet."""

from __future__ import annotations

import math
import sys
import time
from typing import Any

import numpy as np
from tqdm import tqdm

from minilocal.schedule import Block
from minilocal.steps import BlockResult
from minilocal.training.results import EpochReport, Position

LINE_SECONDS = 30.0  # without a terminal, the minimum time between two lines within an epoch


class Progress:
    """Shows steps and epochs: bars on stderr, each epoch's line on stdout."""

    def __init__(self, epochs: int, images: int, quiet: bool = False) -> None:
        self.epochs, self.images, self.quiet = epochs, images, quiet
        self.bars = not quiet and sys.stderr.isatty()
        self.bar: Any = None
        self.epoch, self.seen, self.steps, self.losses = -1, 0, 0, np.zeros(1)
        self.seen_before = 0  # images that an interrupted run has already seen in this process's first epoch
        self.start = self.next_line = 0.0

    def say(self, text: str) -> None:
        """Print a line without tearing the bar, unless quiet."""
        if not self.quiet:
            tqdm.write(text, file=sys.stdout)
            sys.stdout.flush()

    def on_kernel(self) -> None:
        """Count a compiled kernel."""
        if self.bars and self.epoch < 0:  # later, the bar is an epoch's
            if self.bar is None:
                self.bar = tqdm(desc="compiling", unit=" kernels", leave=False, dynamic_ncols=True)
            self.bar.update()

    def begin_at(self, position: Position, batch_size: int) -> None:
        """Say where a run resumes, if it does, and count the images that it has already seen."""
        if position.epoch >= self.epochs:
            self.say(f"all {self.epochs} epochs are trained already")
        elif position != (0, 0):
            self.say(f"resuming after {position}")
        self.seen_before = position.step * batch_size

    def on_step(self, epoch: int, images: int, results: list[BlockResult]) -> None:
        """Count a step's images and each block's running loss: its mean since the epoch began."""
        if epoch != self.epoch:
            self._begin(epoch)
        self.seen += images
        self.steps += 1
        self.losses = self.losses + [result.loss for result in results]
        losses = " ".join(f"{loss:.3f}" for loss in self.losses / self.steps)
        if self.bars:
            self.bar.set_postfix_str(f"loss {losses}", refresh=False)
            self.bar.update(images)
        elif (now := time.monotonic()) >= self.next_line:
            self.next_line = now + LINE_SECONDS
            rate = (self.seen - self.seen_before) / (now - self.start)
            self.say(
                f"epoch {epoch + 1}/{self.epochs}: {self.seen}/{self.images} images, {rate:.0f} images/s, loss {losses}"
            )

    def on_epoch(self, report: EpochReport) -> None:
        """Close the bar and print the epoch's line."""
        self.close()
        columns = [f"epoch {report.epoch:>{len(str(self.epochs))}}/{self.epochs}"]
        if (first := report.blocks[0].block.first) > 1:
            columns.append(f"frozen {Block(1, first - 1)}")
        columns += [
            f"[{block.block}] {block.train.loss:.3f}"
            + ("" if math.isnan(block.train.accuracy) else f" {100 * block.train.accuracy:.1f} %")
            for block in report.blocks
        ]
        if "validation" in report.blocks[-1].held_out:
            columns.append(f"validation {100 * report.blocks[-1].held_out['validation'].accuracy:.2f} %")
        columns.append(f"test {100 * report.test.accuracy:.2f} %")
        columns.append(f"{report.train_seconds + report.evaluation_seconds:.1f} s")
        self.say(" | ".join(columns))

    def close(self) -> None:
        """Remove the bar."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def _begin(self, epoch: int) -> None:
        self.close()
        if self.epoch >= 0:
            self.seen_before = 0
        self.epoch, self.seen, self.steps, self.losses = epoch, self.seen_before, 0, np.zeros(1)
        self.start = time.monotonic()
        self.next_line = self.start + LINE_SECONDS
        if self.bars:
            self.bar = tqdm(
                total=self.images,
                initial=self.seen_before,
                desc=f"epoch {epoch + 1}/{self.epochs}",
                unit="img",
                leave=False,
                dynamic_ncols=True,
            )
