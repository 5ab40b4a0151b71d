"""The first minute of `python -m minilocal.train`: where the time until its first step goes, and that of an epoch."""

from __future__ import annotations

import pkgutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

from minilocal.bench.worker import Worker
from minilocal.errors import TrainingError

JOB = ("--algo", "G3S2", "--epochs", "2")
FRESH, LATER = "fresh install", "later"
IMPORTS, DATA, COMPILING, REST = "Python and imports", "data", "compiling kernels", "everything else"


def time_first_minute(*more: str) -> dict[str, Any]:
    """Return what `Command.run` measures, first with an empty cache for compiled kernels, then with a filled one.

    `more` are options for `minilocal.train`. Raises `TrainingError` if it fails.
    """
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in (FRESH, LATER):
            cache, began = {"NUMBA_CACHE_DIR": str(Path(folder) / "cache")}, time.time()
            with Worker("training", "minilocal.bench.first_minute:Command", cache) as worker:
                results[name] = worker.ask("run", began=began, run_dir=str(Path(folder) / name), more=more)
    return results


class Command:
    """The command `minilocal.train`, with clocks in it."""

    def run(self, began: float, run_dir: str, more: list[str]) -> dict[str, Any]:
        """Train; return the seconds until the first step was done, by kind of work, and more.

        They count from the start of this process, at the time `began`. "kernels" has the seconds of all compilations by
        kernel, which include the functions that it calls, and "epochs" those of training and evaluation in each epoch.
        """
        train = pkgutil.resolve_name("minilocal.train")  # imports Numba and all of minilocal that training needs
        seconds = {IMPORTS: time.time() - began}
        kernels: dict[str, float] = {}
        read, on_step = train.Config.data, train.Progress.on_step

        def data(*arguments: Any) -> Any:
            start = time.time()
            try:
                return read(*arguments)
            finally:
                seconds.setdefault(DATA, time.time() - start)

        def step(*arguments: Any) -> None:
            if REST not in seconds:
                seconds[COMPILING] = sum(kernels.values())
                seconds[REST] = time.time() - began - sum(seconds.values())
            on_step(*arguments)

        with ExitStack() as stack:
            stack.enter_context(patch.object(train.Config, "data", data))
            stack.enter_context(patch.object(train.Progress, "on_step", step))
            stack.enter_context(_compilations(kernels))
            status = train.main([*JOB, "--quiet", "--run-dir", run_dir, *more])
        if status:
            raise TrainingError(f"training failed with exit status {status}")
        timing = pkgutil.resolve_name("minilocal.runs.tables:read")(Path(run_dir) / "timing.csv")
        epochs = [{"training": row["train_seconds"], "evaluation": row["evaluation_seconds"]} for row in timing]
        return {"first_step": seconds, "kernels": kernels, "epochs": epochs}


def _compilations(kernels: dict[str, float]) -> Any:
    """Add the seconds of each compilation to those of its kernel, inside a `with` block."""
    from numba.core import event

    running: list[float] = []  # Numba compiles one function at a time, and inside it those that it calls

    class Clock(event.Listener):
        def on_start(self, event: Any) -> None:
            running.append(time.time())

        def on_end(self, event: Any) -> None:
            taken = time.time() - running.pop()
            if not running:
                name = event.data["dispatcher"].py_func.__name__
                kernels[name] = kernels.get(name, 0.0) + taken

    return event.install_listener("numba:compile", Clock())
