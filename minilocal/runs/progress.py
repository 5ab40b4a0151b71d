"""What a person sees while training: a bar per epoch on a terminal, lines elsewhere, nothing if quiet."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from tqdm import tqdm

from minilocal.training.reports import EpochReport, Position
from minilocal.schedule import Block
from minilocal.steps import BlockResult

LINE_SECONDS = 30.0  # without a terminal, how often a line within an epoch at the most


class Progress:
    """Shows steps and epochs. Bars go to stderr, an epoch's line to stdout."""

    def __init__(self, epochs: int, images: int, quiet: bool = False) -> None:
        self.epochs, self.images, self.quiet = epochs, images, quiet
        self.bars = not quiet and sys.stderr.isatty()
        self.bar: Any = None
        self.epoch, self.seen, self.steps, self.losses = -1, 0, 0, np.zeros(1)
        self.behind = 0  # images of the first epoch that were seen before
        self.blocks: list[Block] = []
        self.start = self.next_line = 0.0

    def say(self, text: str) -> None:
        """Print a line without tearing the bar, unless quiet."""
        if not self.quiet:
            tqdm.write(text, file=sys.stdout)
            sys.stdout.flush()

    def begin_at(self, position: Position, batch_size: int) -> None:
        """Say from where a run goes on, if not from the beginning, and count what lies behind."""
        if position.epoch >= self.epochs:
            self.say(f"all {self.epochs} epochs are trained already")
        elif position != (0, 0):
            self.say(f"going on after {position}")
        self.behind = position.step * batch_size

    def on_step(self, epoch: int, images: int, results: list[BlockResult]) -> None:
        """Count a step's images and each block's running loss: its mean since the epoch or these blocks began."""
        if epoch != self.epoch:
            self._begin(epoch)
        if (blocks := [result.block for result in results]) != self.blocks:
            self.blocks, self.steps, self.losses = blocks, 0, np.zeros(1)
        self.seen += images
        self.steps += 1
        self.losses = self.losses + [result.loss for result in results]
        losses = " ".join(f"{loss:.3f}" for loss in self.losses / self.steps)
        if self.bars:
            self.bar.set_postfix_str(f"loss {losses}", refresh=False)
            self.bar.update(images)
        elif (now := time.monotonic()) >= self.next_line:
            self.next_line = now + LINE_SECONDS
            rate = (self.seen - self.behind) / (now - self.start)
            self.say(
                f"epoch {epoch + 1}/{self.epochs}: {self.seen}/{self.images} images, {rate:.0f} images/s, loss {losses}"
            )

    def on_epoch(self, report: EpochReport) -> None:
        """Close the bar and print the epoch's line."""
        self.close()
        parts = [f"epoch {report.epoch:>{len(str(self.epochs))}}/{self.epochs}"]
        for part in report.parts:
            if len(report.parts) > 1:
                parts.append(f"shift {part.shift}")
            if (first := part.blocks[0].block.first) > 1:
                parts.append(f"frozen {Block(1, first - 1)}")
            parts += [
                f"[{block.block}] {block.train.loss:.3f} {100 * block.train.accuracy:.1f} %" for block in part.blocks
            ]
        if "validation" in report.blocks[-1].held_out:
            parts.append(f"validation {100 * report.blocks[-1].held_out['validation'].accuracy:.2f} %")
        parts.append(f"test {100 * report.test.accuracy:.2f} %")
        parts.append(f"{report.train_seconds + report.evaluation_seconds:.1f} s")
        self.say(" | ".join(parts))

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def _begin(self, epoch: int) -> None:
        if self.epoch >= 0:
            self.behind = 0
        self.epoch, self.seen, self.blocks = epoch, self.behind, []
        self.start = time.monotonic()
        self.next_line = self.start + LINE_SECONDS
        if self.bars:
            self.bar = tqdm(
                total=self.images,
                initial=self.behind,
                desc=f"epoch {epoch + 1}/{self.epochs}",
                unit="img",
                leave=False,
                dynamic_ncols=True,
            )
