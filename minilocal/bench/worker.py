"""A worker process from the command's side, and workers taking turns."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Hashable, Mapping
from types import TracebackType
from typing import Any, TypeVar

from minilocal.errors import InputError, TrainingError

PAUSE = 0.05  # seconds between turns: idle threads of OpenMP and OpenBLAS spin for up to 30 ms before they sleep

Name = TypeVar("Name", bound=Hashable)


class WorkerError(TrainingError):
    """A worker process failed or died; the command ends with this one sentence."""


class Worker:
    """A process that runs `python -m module`, sleeps until it is asked something, and ends with the `with` block.

    Its own process, so that its peak memory is its own, and PyTorch's threads and ours do not meet. A terminal's
    Ctrl-C reaches the command alone (a session of its own), which then ends the worker.
    """

    def __init__(
        self,
        name: str,
        module: str,
        settings: dict[str, Any],
        say: Callable[[str], None],
        env: dict[str, str] | None = None,
    ) -> None:
        self.name, self.say = name, say
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", env=env, start_new_session=True,
        )  # fmt: skip
        try:
            self.ask("make", **settings)
        except BaseException:
            self.end(at_once=True)
            raise

    def ask(self, what: str, **arguments: Any) -> Any:
        """Have the worker do something and return its answer.

        Raises `InputError` if the worker names bad input, `WorkerError` if it fails or dies.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps({"do": what, "with": arguments}) + "\n")
            self.process.stdin.flush()
        except OSError:
            raise self._died() from None
        for line in self.process.stdout:
            answer = json.loads(line)
            if "note" in answer:
                self.say(answer["note"])
            elif "error" in answer:
                raise (InputError if answer["status"] == 2 else WorkerError)(answer["error"])
            else:
                return answer["result"]
        raise self._died()

    def end(self, at_once: bool = False) -> None:
        """End the process: by closing its standard input or, at once, by killing it."""
        # Closing what is still to be written to a process that is no more fails; it is waited for all the same.
        with contextlib.suppress(OSError), self.process:
            if at_once:
                self.process.kill()

    def _died(self) -> WorkerError:
        status = self.process.wait()
        how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        return WorkerError(f"the {self.name} process died ({how}); if memory ran out, try a smaller network or batch")

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, traceback: TracebackType | None) -> None:
        self.end(at_once=kind is not None)


def turns(
    runners: Mapping[Name, Callable[[], float]], rounds: int, on_round: Callable[[], object] = lambda: None
) -> dict[Name, list[float]]:
    """Call every runner once per round, one after the other, and return what each returned, by name.

    So a slow or a busy minute of the machine hits all of them alike.
    """
    results: dict[Name, list[float]] = {name: [] for name in runners}
    for _ in range(rounds):
        for name, run in runners.items():
            time.sleep(PAUSE)
            results[name].append(run())
        on_round()
    return results
