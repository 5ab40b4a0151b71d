"""A program that kills itself while it writes: `python tests/runs/dying.py FOLDER ALGO COUNT`.

It trains a small network again and again, each time in a process of its own that gets SIGKILL at a different moment: in
the middle of a write, or before a flush to disk, a rename or a removal of checkpoints and tables. Then another process
resumes from what is there, and the result must equal that of undisturbed training. It tries COUNT moments of each kind,
evenly spread, or all if COUNT is 0, and prints how many it tried and which ones lost something.
"""

import os
import shutil
import signal
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from minilocal.compute import parallel
from minilocal.datasets import Dataset
from minilocal.datasets.prepare import prepare
from minilocal.networks.vgg import build_network
from minilocal.runs import sealed
from minilocal.runs.directory import RunDirectory
from minilocal.runs.record import train_into
from minilocal.training.recipe import Recipe
from minilocal.training.trainer import Trainer

SAME = ("metrics.csv", "gradients.csv", "checkpoint.npz")


class Fate:
    """Counts the moments at which a process may be killed, by kind, and kills it at one of them."""

    def __init__(self, fatal):
        self.fatal, self.kinds = fatal, []

    def moment(self, kind, last_words=None):
        self.kinds.append(kind)
        if len(self.kinds) == self.fatal:
            if last_words is not None:
                last_words()
            os.kill(os.getpid(), signal.SIGKILL)


class File:
    """A file whose writes are moments: at the fatal one, half of the bytes reach the file."""

    def __init__(self, file, fate):
        self.file, self.fate = file, fate

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, data):
        def half():
            self.file.write(bytes(data)[: len(data) // 2])
            self.file.flush()

        self.fate.moment("write", half)
        return self.file.write(data)


def watch(fate):
    """Make this process's writes, flushes, renames and removals of files moments of its fate."""
    open_, replace, unlink, fsync = Path.open, Path.replace, Path.unlink, os.fsync

    def watched_open(path, mode="r", *args, **kwargs):
        file = open_(path, mode, *args, **kwargs)
        return File(file, fate) if {*"wx"} & {*mode} else file

    def watched(kind, function):
        def call(*args, **kwargs):
            fate.moment(kind)
            return function(*args, **kwargs)

        return call

    Path.open, os.fsync = watched_open, watched("flush", fsync)
    Path.replace, Path.unlink = watched("rename", replace), watched("removal", unlink)


def train(path, algo, fate=None):
    """Train two epochs of three steps, with a checkpoint every two steps."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 255, (24, 8, 8, 1)).astype(np.uint8), np.arange(24) % 3
    data = prepare(Dataset("noise", x, y, x[:8], y[:8], ("a", "b", "c"), flip=False))
    network = build_network("4 M 4", [4], data.image_shape, 3, algo, features=16)
    path.mkdir(exist_ok=True)
    if fate is not None:
        watch(fate)
    list(
        train_into(
            RunDirectory(path), Trainer(network, data, Recipe(algo=algo, epochs=2, batch_size=8)), checkpoint_every=2
        )
    )


def in_a_process(task, *args):
    """Run a task in a forked process; return its exit status."""
    if (child := os.fork()) == 0:
        status = 1
        try:
            task(*args)
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def chosen(kinds, count):
    """Return the numbers, from 1, of the moments to try: `count` of each kind, evenly spread, or all."""
    numbers = []
    for kind in {*kinds}:
        mine = [number for number, other in enumerate(kinds, 1) if other == kind]
        numbers += [mine[i] for i in {*np.linspace(0, len(mine) - 1, min(count or len(mine), len(mine)), dtype=int)}]
    return sorted(numbers)


def main(folder, algo, count):
    """Kill and resume; return what was lost."""
    parallel.set_threads(1)
    whole, fate = folder / "whole", Fate(fatal=0)
    in_a_process(train, whole, algo)  # compiles what is not compiled yet
    kinds_file = folder / "kinds"
    if in_a_process(lambda: (train(folder / "counted", algo, fate), kinds_file.write_text(" ".join(fate.kinds)))):
        raise SystemExit("training fails")
    kinds = kinds_file.read_text().split()
    numbers, losses = chosen(kinds, count), []
    for fatal in numbers:
        path, what = folder / "killed", f"{fatal} ({kinds[fatal - 1]})"
        if in_a_process(train, path, algo, Fate(fatal)) != signal.SIGKILL:
            losses.append(f"{what} does not kill")
        for file in path.glob("checkpoint*.npz"):
            sealed.read(file)  # a file with this name is complete
        if in_a_process(train, path, algo):
            losses.append(f"{what} can't be resumed")
        elif any((path / name).read_bytes() != (whole / name).read_bytes() for name in SAME):
            losses.append(f"{what} leads elsewhere")
        if len((path / "timing.csv").read_text().splitlines()) != 3:
            losses.append(f"{what} leaves another timing.csv")
        shutil.rmtree(path)
    tried = Counter(kinds[number - 1] for number in numbers)
    print(f"{algo}: {len(numbers)} of {len(kinds)} moments tried: {dict(tried)}; lost: {losses or 'nothing'}")
    return losses


if __name__ == "__main__":
    folder, algo, count = sys.argv[1:]
    sys.exit(1 if main(Path(folder), algo, int(count)) else 0)
