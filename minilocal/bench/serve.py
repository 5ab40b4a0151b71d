"""A worker process from inside: read a request, measure, answer; sleep in between.

Requests and answers are lines of JSON, on standard input and output. The first request holds the arguments of the
object that measures, each later one names a method of it: {"do": "step", "with": {"blocks": [[1, 3]]}}. Answers
are {"result": …}, {"error": …, "status": …} for what a user can mend, and {"note": …} before either, to be shown.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from minilocal.errors import InputError, TrainingError


def serve(make: Callable[..., Any]) -> None:
    """Make the object that measures and call its methods as asked, until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints must not get between the answers

    def answer(**message: Any) -> None:
        try:
            print(json.dumps(message), file=answers, flush=True)
        except BrokenPipeError:  # the command is gone: nobody waits for this
            os._exit(1)

    measuring: Any = None
    for line in sys.stdin:  # blocks, asleep, until the next request
        request = json.loads(line)
        function = make if measuring is None else getattr(measuring, request["do"])
        arguments = request["with"] | ({"note": lambda text: answer(note=text)} if measuring is None else {})
        try:
            result = function(**arguments)
        except InputError as error:
            answer(error=str(error), status=2)
        except TrainingError as error:
            answer(error=str(error), status=1)
        except MemoryError:
            answer(error="there is not enough memory for this; try a smaller network or batch", status=1)
        else:
            if measuring is None:
                measuring, result = result, None
            answer(result=result)


def peak_memory() -> int | None:
    """Return the most bytes of memory that this process has held so far; None where the system can't tell (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
