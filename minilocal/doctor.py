"""Is this machine ready for the course? `python -m minilocal.doctor` looks, and trains for ten seconds.

Each check is a line: ✓ with what was found, or ✗ with what is wrong and how to mend it. The first check imports the
packages one by one, and nothing imports them before it, so that a missing one is a line too.
"""

from __future__ import annotations

if __name__ == "__main__":
    from minilocal.console.launch import launch

    launch("minilocal.doctor")

import importlib
import os
import platform
import time
from collections.abc import Sequence

import minilocal as ml
from minilocal.console.cli import Parser, command
from minilocal.errors import InputError, TrainingError

SECONDS = 10  # how long to train, after an epoch that compiles


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0 if this machine is ready, 1 if not."""
    Parser(prog="python -m minilocal.doctor", description="Check packages, processor, training, cache.").parse_args(
        argv
    )
    for check in (packages, processor, training, cache):
        try:
            print(f"✓ {check()}", flush=True)
        except (InputError, TrainingError) as problem:
            print(f"✗ {problem}\nthis machine is not ready; mend this and run the command again")
            return 1
    print("this machine is ready")
    return 0


def packages() -> str:
    """Import each package that minilocal needs and return the versions; raise `InputError` if one can't be imported."""
    found = [f"minilocal {ml.__version__}", f"Python {platform.python_version()}"]
    for name in ("numpy", "numba", "matplotlib", "tqdm", "threadpoolctl"):
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            raise InputError(f"{error}; run python -m pip install --upgrade {name}") from error
        found.append(f"{name} {module.__version__}")
    return ", ".join(found)


def processor() -> str:
    """Return the type of processor, how many of them this process may use, and the BLAS under NumPy."""
    from minilocal.compute.parallel import available_threads
    from minilocal.runs.machine import machine

    here = machine()
    return f"{available_threads()} of {os.cpu_count()} processors ({here['cpu']}), BLAS {here['blas']}"


def training() -> str:
    """Train on images that ship; return how fast that is and what was learned, or raise `TrainingError` if nothing."""
    from minilocal.compute.compilation import on_compilation

    config = ml.Config(algo="G3S2", train_size=3000, epochs=100, lr_schedule="cosine")  # large steps at once
    trainer, end = config.build(), 0.0
    with on_compilation(lambda sentence: print(f"  {sentence}", flush=True)):
        for report in trainer.epochs():
            end = end if report.epoch > 1 else time.perf_counter() + SECONDS  # the first one may compile
            if time.perf_counter() > end:
                break
    right, step = 100 * report.test.accuracy, report.train_seconds / trainer.steps_per_epoch
    found = f"{report.epoch} epochs of G3S2: {right:.0f} % of the test images right, {1e3 * step:.0f} ms a step; "
    if right < 20:  # guessing gets a tenth right
        raise TrainingError(found + "that is guessing; run python -m minilocal.gradcheck, which names a wrong gradient")
    return f"{found}python -m minilocal.train takes about {930 * step / 60:.1f} minutes"  # for its 930 steps


def cache() -> str:
    """Return where compiled kernels are kept; raise `InputError` if they can't be."""
    from minilocal.compute.compilation import announcement
    from minilocal.kernels import sgd

    folder = sgd.sgd._cache.cache_path
    if folder is None or "each run compiles" in announcement():
        raise InputError(announcement())
    return f"compiled kernels are kept in {folder}"
