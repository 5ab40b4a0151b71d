"""Timing something short: several calls in a row, whose median counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

CALLS, SECONDS = 3, 0.04  # at least so many calls, and for so long


def median_seconds(function: Callable[[], Any]) -> float:
    """Return the median seconds of a call, once calls before it have warmed things up.

    A process that slept finds its caches cold, and its threads may share one processor for some milliseconds until
    the system spreads them. In training layers follow one another without a pause.
    """
    _calls(function)
    return median(_calls(function))


def _calls(function: Callable[[], Any]) -> list[float]:
    taken: list[float] = []
    while len(taken) < CALLS or sum(taken) < SECONDS:
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return taken
