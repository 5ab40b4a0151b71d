"""Timing something short: several calls in a row, whose median counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

CALLS, SECONDS = 3, 0.02  # at least so many calls, and for so long: the first ones find caches cold and threads asleep


def median_seconds(function: Callable[[], Any]) -> float:
    """Return the median seconds of a call."""
    taken: list[float] = []
    while len(taken) < CALLS or sum(taken) < SECONDS:
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return median(taken)
