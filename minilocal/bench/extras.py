"""Beyond steps: start-up, scaling with threads, and the loading of minibatches."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from typing import Any

from minilocal.bench.options import Options
from minilocal.bench.peers import start_ours, warm_up
from minilocal.bench.plan import Plan
from minilocal.bench.progress import bar, say
from minilocal.bench.worker import Worker, turns
from minilocal.compute.parallel import available_threads


def time_startup(backprop: Plan, options: Options) -> dict[str, float]:
    """Return the seconds of `import minilocal`, and of a fresh process up to the end of its first step of BP.

    The latter twice: with an empty cache of compiled kernels, in a temporary folder, and again with the cache that
    the first one left. Python's own start is contained in all three and given as a fourth.
    """
    say("start-up: in an empty cache of kernels, then again")
    with tempfile.TemporaryDirectory(prefix="minilocal-bench-") as folder:
        env = os.environ | {"NUMBA_CACHE_DIR": folder}
        return {
            "python": _process_seconds("pass", env),
            "import": _process_seconds("import minilocal", env),
            "first step, kernels compiled": _first_step_seconds(backprop, options, env),
            "first step, kernels cached": _first_step_seconds(backprop, options, env),
        }


def _process_seconds(code: str, env: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
    return time.perf_counter() - start


def _first_step_seconds(backprop: Plan, options: Options, env: dict[str, str]) -> float:
    start = time.perf_counter()
    with start_ours("BP", options, env=env) as ours:
        ours.ask("warm_up", blocks=backprop.shifts[0].blocks, steps=1)
        return time.perf_counter() - start


def time_scaling(backprop: Plan, options: Options) -> list[dict[str, Any]]:
    """Return, for 1, 2, 4, … threads up to the machine's processors, the seconds of BP steps taken in turns."""
    blocks = backprop.shifts[0].blocks
    with contextlib.ExitStack() as stack:
        runners = {}
        for threads in thread_counts(available_threads()):
            ours = stack.enter_context(start_ours("BP", options, threads))
            warm_up(ours, backprop)
            runners[threads] = partial(ours.ask, "step", blocks=blocks)
        with bar(options.steps, "scaling") as on_round:
            taken = turns(runners, options.steps, on_round)
    return [{"threads": threads, "seconds": seconds} for threads, seconds in taken.items()]


def thread_counts(most: int) -> list[int]:
    """Return 1, 2, 4, … and most.

    >>> thread_counts(1), thread_counts(4), thread_counts(6)
    ([1], [1, 2, 4], [1, 2, 4, 6])
    """
    return [2**i for i in range(most.bit_length()) if 2**i < most] + [most]


def time_loading(backprop: Plan, options: Options) -> dict[str, list[float]]:
    """Return the seconds of minibatches made ready (cropped, flipped, normalised), and of BP steps in between."""
    blocks = backprop.shifts[0].blocks
    settings = {"batch_size": options.batch_size, "threads": options.threads}
    with (
        Worker("loading", "minilocal.bench.loading", settings, say) as loading,
        start_ours("BP", options) as ours,
        bar(options.steps, "loading") as on_round,
    ):
        warm_up(ours, backprop)
        runners = {"batch": partial(loading.ask, "batch"), "step": partial(ours.ask, "step", blocks=blocks)}
        return turns(runners, options.steps, on_round)
