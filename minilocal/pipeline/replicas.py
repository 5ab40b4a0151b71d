"""Each worker's own copy of the trainer: built by the worker itself, which tells the root whether that worked."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from minilocal.compute.parallel import set_threads
from minilocal.errors import InputError, TrainingError
from minilocal.pipeline.messages import Report
from minilocal.pipeline.transport import ROOT, Transport
from minilocal.training.trainer import Trainer


def build_replica(number: int, build: Callable[[], Trainer], threads: int, transport: Transport) -> Trainer | None:
    """On worker `number`: build a trainer and tell the root; return None if that failed.

    Only worker 0 reads images. The others get features, and need no more than the labels.
    """
    trainer: Trainer | None = None
    problem: Exception | None = None
    try:
        set_threads(threads)
        trainer = build()
        if number:
            trainer.data = trainer.data.without_pixels()
    except (InputError, TrainingError, MemoryError, OSError) as error:
        problem = error
    transport.send(ROOT, Report(problem, 0.0, 0.0, 0.0))
    return trainer


def await_replicas(workers: Iterable[int], transport: Transport) -> None:
    """On the root: wait until these workers have built their trainers; raise the error of the first that failed."""
    for number in workers:
        report, _ = transport.receive(number)
        if report.content is not None:
            raise report.content
