"""How far a download is: a bar on a terminal, a line for every tenth elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def progress(label: str, total: int | None, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """Show on stderr how many of `total` bytes have come -> a function to be told of every few more."""
    if quiet:
        yield lambda count: None
    elif sys.stderr.isatty():
        with tqdm(desc=label, total=total, unit="B", unit_scale=True, file=sys.stderr) as bar:
            yield lambda count: bar.update(count)
    else:
        yield _lines(label, total)


def _lines(label: str, total: int | None) -> Callable[[int], None]:
    received = tenths = 0
    print(f"{label}: fetching{f' {total:,} bytes' if total else ''}", file=sys.stderr, flush=True)

    def advance(count: int) -> None:
        nonlocal received, tenths
        received += count
        if total and 10 * received // total > tenths:
            tenths = 10 * received // total
            print(f"{label}: {10 * tenths} %", file=sys.stderr, flush=True)

    return advance
