"""Worker processes from both sides: the command asks them questions in turn, and `serve` answers.

Each side of a comparison is a process of its own. So its peak memory is its own, and PyTorch's threads and ours don't
meet. Questions and replies are lines of JSON on the worker's standard input and output; a question names a method of
the object that measures:

    {"ask": "step", "with": {"blocks": [[1, 3]]}}      {"answer": 0.123}      {"error": "there is not …", "status": 1}
"""

from __future__ import annotations

import contextlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from statistics import fmean, median
from typing import Any

from tqdm import tqdm

from minilocal.console.text import plural
from minilocal.errors import InputError, TrainingError

PAUSE = 0.05  # seconds between turns: idle threads of OpenMP and OpenBLAS spin for up to 30 ms before they sleep
TURN = 0.2  # seconds that a turn of training steps lasts at least
CALLS, SECONDS = 3, 0.04  # `median_seconds` makes at least this many calls, and takes at least this long


class Worker:
    """A process that serves a class named like "minilocal.bench.our_side:OurSteps", until its `with` block ends.

    The first question makes it construct the object, with `settings` as arguments. It sleeps between questions. It has
    a session of its own: Ctrl-C in a terminal reaches the command alone, which then ends its workers. `environment`
    adds variables to those of this process.
    """

    def __init__(self, name: str, measures: str, environment: Mapping[str, str] = {}, **settings: Any) -> None:
        self.name = name
        code = f"from minilocal.bench.worker import serve; serve({measures!r}, **{settings!r})"
        self.process: Any = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", start_new_session=True,
            env={**os.environ, **environment},
        )  # fmt: skip

    def ask(self, what: str, **arguments: Any) -> Any:
        """Have the worker do something and return its answer.

        Raises `InputError` if the worker names bad input, and `TrainingError` if it fails or dies.
        """
        line = ""
        with contextlib.suppress(OSError):
            print(json.dumps({"ask": what, "with": arguments}), file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
        if not line:
            status = self.process.wait()
            how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
            raise TrainingError(
                f"the {self.name} process died ({how}); if memory ran out, try a smaller network or batch"
            )
        reply = json.loads(line)
        if "error" in reply:
            raise (InputError if reply["status"] == 2 else TrainingError)(reply["error"])
        return reply["answer"]

    def end(self) -> None:
        """End the process by closing its standard input, and wait for it."""
        with contextlib.suppress(OSError), self.process:  # closing fails if a dead process left something unread
            pass

    def kill(self) -> None:
        """End the process at once, and those that it has started, such as compilers."""
        if self.process.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL) if hasattr(os, "killpg") else self.process.kill()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.kill()
        self.end()


def serve(measures: str, **settings: Any) -> None:
    """Be a worker: make the object that measures, and call its methods as asked until standard input ends."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not get between the replies
    make, measuring = pkgutil.resolve_name(measures), None
    for line in sys.stdin:
        question = json.loads(line)
        try:
            measuring = measuring or make(**settings)
            function = peak_memory if question["ask"] == "peak_memory" else getattr(measuring, question["ask"])
            reply = {"answer": function(**question["with"])}
        except (InputError, TrainingError) as error:
            reply = {"error": str(error), "status": 2 if isinstance(error, InputError) else 1}
        except MemoryError:
            reply = {"error": "there is not enough memory for this; try a smaller network or batch", "status": 1}
        try:
            print(json.dumps(reply), file=replies, flush=True)
        except BrokenPipeError:  # the command is gone
            os._exit(1)


def peak_memory() -> int | None:
    """Return the most bytes of memory that this process has held; None where the system doesn't tell (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def turns(what: str, runners: Mapping[Any, Callable[[], Any]], rounds: int) -> dict[Any, list[Any]]:
    """Call every runner once per round, one after the other; return what each one returned, round by round.

    A slow or busy minute of the machine then hits all of them alike. A line on stderr names what is measured, and a
    terminal shows a progress bar.
    """
    print(f"{what}: {plural(rounds, 'round')}", file=sys.stderr, flush=True)
    results: dict[Any, list[Any]] = {name: [] for name in runners}
    for _ in tqdm(range(rounds), what, leave=False, disable=None, file=sys.stderr, dynamic_ncols=True):
        for name, run in runners.items():
            time.sleep(PAUSE)
            results[name].append(run())
    return results


def mean_seconds(step: Callable[[], float]) -> float:
    """Return the mean of the seconds that `step()` returns, called until they are `TURN` together, at least once.

    So short steps are taken in a row, as in training. A step to warm up comes first and isn't counted (see
    `median_seconds`) unless it takes so long that waking up counts little.
    """
    taken = [step()]
    if taken[0] < TURN:
        taken = [step()]
    while sum(taken) < TURN:
        taken.append(step())
    return fmean(taken)


def median_seconds(function: Callable[[], Any]) -> float:
    """Return the median seconds of several calls in a row, after about as many to warm up.

    A process that slept finds its caches cold, and its threads may share one processor for some milliseconds until
    the system spreads them. In training, layers follow one another without a pause.
    """
    for _ in ("to warm up", "to count"):
        taken: list[float] = []
        while len(taken) < CALLS or sum(taken) < SECONDS:
            start = time.perf_counter()
            function()
            taken.append(time.perf_counter() - start)
    return median(taken)
