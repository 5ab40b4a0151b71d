"""What training costs, by formula: `python -m minilocal.costs`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from minilocal.console.cli import command
from minilocal.costs import report, text
from minilocal.costs.algorithm import algorithm_costs
from minilocal.costs.figure import draw
from minilocal.costs.options import Options, Task, read
from minilocal.costs.published import reductions, table1
from minilocal.networks.configs import architecture
from minilocal.schedule import parse


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = read(argv)
    if options.table1 or options.figures:
        words, content = papers_numbers(options)
    else:
        words, content = costs_of(options.task)
    print(json.dumps(content, indent=1) if options.json else words)
    return 0


def costs_of(task: Task) -> tuple[str, dict[str, Any]]:
    """Return the algorithms' costs, as tables and ready for JSON."""
    config = architecture(task.model, task.width)
    backprop, *algorithms = (
        algorithm_costs(config, algo, task.image_shape, task.classes, task.classifier, task.batch_size)
        for algo in (parse("BP"), *task.schedules)
    )
    content = {"task": asdict(task), "algorithms": [report.of_algorithm(a, backprop) for a in algorithms]}
    return f"{task.title}\n\n{text.render(algorithms, backprop)}", content


def papers_numbers(options: Options) -> tuple[str, dict[str, Any]]:
    """Return the paper's table and figures beside ours, as texts and ready for JSON, and draw the figures."""
    texts: list[str] = []
    content: dict[str, Any] = {}
    if options.table1:
        rows = table1()
        texts.append(text.render_table1(rows))
        content["table1"] = report.of_table1(rows)
    for figure in options.figures:
        off_chip, macs = reductions(figure)
        texts.append(text.render_figure(figure, off_chip, macs))
        content[f"figure{figure.number}"] = report.of_figure(figure, off_chip, macs)
        path = draw(figure, off_chip, macs, options.out / figure.file)
        print(f"drawn in {path}", file=sys.stderr)
    return "\n\n\n".join(texts), content


if __name__ == "__main__":
    sys.exit(main())
