"""Every convolution and linear layer alone, forward and both gradients: minilocal and, if asked, PyTorch in turns."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from statistics import median
from typing import Any

from minilocal.bench.options import Options
from minilocal.bench.products import Product
from minilocal.bench.progress import bar, say
from minilocal.bench.worker import Worker, turns

PASSES = ("forward", "weight gradient", "input gradient")


def time_layers(products: Sequence[Product], options: Options) -> list[dict[str, Any]]:
    """Return each product's sizes and, by pass, median seconds: ours and PyTorch's in its faster layout."""
    settings = {"batch_size": options.batch_size, "threads": options.threads}
    rows = []
    with contextlib.ExitStack() as stack, bar(len(products) * options.steps, "layers") as on_round:
        ours = stack.enter_context(
            Worker(
                "minilocal", "minilocal.bench.our_products",
                settings | {"model": options.model, "width": options.width}, say,
            )
        )  # fmt: skip
        torch = None
        if options.torch:
            torch = stack.enter_context(Worker("PyTorch", "minilocal.bench.torch_products", settings, say))
        for number, product in enumerate(products):
            ours.ask("take", number=number)
            layouts: list[str] = torch.ask("take", product=asdict(product)) if torch else []
            runners: dict[Any, Callable[[], float]] = {}
            for name in PASSES:
                runners["minilocal", name] = partial(ours.ask, "seconds", name=name)
                if torch:
                    for layout in layouts:
                        runners[layout, name] = partial(torch.ask, "seconds", layout=layout, name=name)
            medians = {key: median(seconds) for key, seconds in turns(runners, options.steps, on_round).items()}
            rows.append(_row(product, medians, layouts, options.batch_size))
    return rows


def _row(
    product: Product, medians: dict[tuple[str, str], float], layouts: Sequence[str], batch_size: int
) -> dict[str, Any]:
    row: dict[str, Any] = asdict(product) | {"flop": 2 * product.macs * batch_size, "passes": {}}
    for name in PASSES:
        row["passes"][name] = {"minilocal": {"median": medians["minilocal", name]}}
        if layouts:
            layout = min(layouts, key=lambda layout: medians[layout, name])
            row["passes"][name]["torch"] = {"median": medians[layout, name], "layout": layout}
    return row
