"""Time minilocal and compare it with PyTorch: `python -m minilocal.bench --against torch`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from minilocal.bench import figure10, workers_text
from minilocal.bench.figure import draw
from minilocal.bench.measure import measure
from minilocal.bench.options import read
from minilocal.bench.progress import say
from minilocal.bench.text import render
from minilocal.console.cli import command


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = read(argv)
    results = measure(options)
    if options.json:
        print(json.dumps(results, indent=1))
    else:
        print(render(results))
        if options.workers:
            print("\n" + workers_text.render(results["workers"]))
        if options.figure10 is not None:
            print("\n" + figure10.render(results["figure10"]))
    if options.plot is not None:
        say(f"drawn in {draw(results, options.plot)}")
    if options.figure10 is not None:
        say(f"drawn in {figure10.draw(results, options.figure10)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
