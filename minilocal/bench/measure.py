"""All that the command measures, in order, as one dict of plain data."""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import asdict
from typing import Any

from minilocal import __version__
from minilocal.bench.batch import CLASSES, DROPOUT, IMAGE_SHAPE
from minilocal.bench.extras import time_loading, time_scaling, time_startup
from minilocal.bench.figure10 import add_estimates
from minilocal.bench.options import Options
from minilocal.bench.per_layer import time_layers
from minilocal.bench.plan import Plan, plan_inference, plan_steps
from minilocal.bench.products import products
from minilocal.bench.progress import say
from minilocal.bench.rates import add_rates
from minilocal.bench.timing import time_plans
from minilocal.bench.worker import Worker
from minilocal.bench.workers import time_workers
from minilocal.compute.parallel import available_threads
from minilocal.networks.network import Network
from minilocal.networks.vgg import build_vgg
from minilocal.schedule import parse

SGEMM_SIZE, SGEMM_CALLS = 4096, 5


def measure(options: Options) -> dict[str, Any]:
    """Return the results by section, with rates; raises `InputError` before anything is measured."""
    results: dict[str, Any]
    if options.workers:
        results = {"about": _about(options), "workers": time_workers(options)}
        add_rates(results, options.batch_size)
        return results
    network = _network("BP", options)
    backprop = plan_steps(network, parse("BP"))
    plans = [_plan(algo, options) for algo in options.algos]
    if plans:
        plans.append(plan_inference(network))
    layers = [product for product, _ in products(network)] if "per_layer" in options.sections else []
    del network

    results = {"about": _about(options)}
    if plans or layers:
        settings = {"size": SGEMM_SIZE, "threads": options.threads}
        with Worker("SGEMM", "minilocal.bench.sgemm", settings, say) as sgemm:
            at_start = sgemm.ask("best", calls=SGEMM_CALLS)
            if plans:
                results["steps"] = time_plans(plans, backprop, options)
            if layers:
                results["per_layer"] = time_layers(layers, options)
            at_end = sgemm.ask("best", calls=SGEMM_CALLS)
        results["sgemm"] = {"size": SGEMM_SIZE, "start": at_start, "end": at_end, "flops": max(at_start, at_end)}
    if "scaling" in options.sections:
        results["scaling"] = time_scaling(backprop, options)
    if "loading" in options.sections:
        results["loading"] = time_loading(backprop, options)
    if "startup" in options.sections:
        results["startup"] = time_startup(backprop, options)
    add_rates(results, options.batch_size)
    if options.figure10 is not None:
        add_estimates(results, options)
    return results


def _network(algo: str, options: Options) -> Network:
    return build_vgg(
        options.model, IMAGE_SHAPE, CLASSES, algo, options.width, classifier=options.classifier, dropout=DROPOUT
    )


def _plan(algo: str, options: Options) -> Plan:
    return plan_steps(_network(algo, options), parse(algo))


def _about(options: Options) -> dict[str, Any]:
    """Return what was measured, on what, with which versions."""
    packages = ["numpy", "numba", *(["torch"] if options.torch else [])]
    versions = {"minilocal": __version__, "python": platform.python_version()}
    versions |= {name: importlib.metadata.version(name) for name in packages}
    plain = {name: value for name, value in asdict(options).items() if name not in ("json", "plot", "figure10")}
    machine = {"system": platform.system(), "machine": platform.machine(), "processors": available_threads()}
    return {"title": options.title, "options": plain, "versions": versions, "machine": machine}
