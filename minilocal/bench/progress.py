"""What a person sees meanwhile, on stderr: a line per thing measured, and a bar on a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from tqdm import tqdm

from minilocal.console.text import plural


def say(text: str) -> None:
    """Print a line to stderr without tearing the bar."""
    tqdm.write(text, file=sys.stderr)
    sys.stderr.flush()


@contextlib.contextmanager
def bar(rounds: int, what: str) -> Iterator[Callable[[], object]]:
    """Say what is being measured, show a bar of its rounds, and yield the function that counts one."""
    say(f"{what}: {plural(rounds, 'round')}")
    with tqdm(total=rounds, desc=what, leave=False, disable=None, file=sys.stderr, dynamic_ncols=True) as shown:
        yield shown.update
