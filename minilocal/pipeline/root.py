"""The root: has workers take a trainer's steps, and puts their reports together."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator

from minilocal.datasets.batches import EVALUATED
from minilocal.pipeline.holding import HeldLayers, move_layers
from minilocal.pipeline.log import Log
from minilocal.pipeline.messages import Collect, Command, Report, Shift, Test, Train
from minilocal.pipeline.plan import Plan
from minilocal.pipeline.transport import ROOT, SLOTS, Transport
from minilocal.training.evaluation import Score
from minilocal.training.recipe import Step
from minilocal.training.results import StepResults
from minilocal.training.trainer import Trainer


class Root:
    """Takes a trainer's steps, and evaluates, with the workers of a plan; the results are the same, bit for bit.

    This is what `Trainer.workers` is set to. While the workers train, the layers are with them; `collect` fetches
    copies.
    """

    def __init__(self, trainer: Trainer, plan: Plan, transport: Transport) -> None:
        self.trainer, self.plan, self.transport = trainer, plan, transport
        self.held = HeldLayers(trainer.network, trainer.optimizer)
        self.shift: int | None = None
        self.under_way: deque[tuple[Command, int]] = deque()  # commands, and how many workers will report on each
        self.most_under_way = plan.workers + (plan.workers - 1) * SLOTS + 1  # keeps all workers busy
        self.log = Log(plan.workers)

    def take(self, step: Step) -> Iterator[StepResults]:
        """Have the workers take a step; return an iterator over results of earlier steps, in order."""
        if step.shift != self.shift:
            self._give(Shift(step.shift))
        self._give(Train(step))
        return self._step_results(self.most_under_way)

    def finish(self) -> Iterator[StepResults]:
        """Return an iterator over the results of all steps under way, which waits for each."""
        return self._step_results(0)

    def evaluate(self, classifiers: Collection[int]) -> dict[str, dict[int, Score]]:
        """Return the scores of the classifiers on those layers, by held-out set."""
        if self.shift is None:  # training was resumed after an epoch's last step, and the layers are still here
            self._do(Shift(next(iter(self.plan.shares))))
        return {name: self._evaluate(name, frozenset(classifiers)) for name in self.trainer.data.held_out}

    def collect(self) -> None:
        """Copy all that was trained into the trainer's network and optimizer."""
        if self.shift is not None:
            self._do(Collect())

    def _do(self, command: Command) -> None:
        self._give(command)
        for _ in self._reports(0):
            pass

    def _step_results(self, under_way: int) -> Iterator[StepResults]:
        """Yield each step's results at once: if a later step fails, the trainer has counted those before it."""
        for command, reports in self._reports(under_way):
            if isinstance(command, Train):
                contents = [report.content for report in reports]
                blocks = [block for content in contents for block in content.blocks]
                norms = {layer: norm for content in contents for layer, norm in content.gradient_norms.items()}
                yield StepResults(blocks, norms)

    def _evaluate(self, name: str, classifiers: frozenset[int]) -> dict[int, Score]:
        images = len(self.trainer.data.held_out[name])
        losses, correct = dict.fromkeys(sorted(classifiers), 0.0), dict.fromkeys(classifiers, 0)
        batches = -(-images // EVALUATED)
        for batch in range(batches):
            self._give(Test(name, batch, classifiers))
            due = self.trainer.is_due(self.trainer.totals.position)
            for _, reports in self._reports(0 if due or batch == batches - 1 else self.most_under_way):
                for report in reports:
                    for number, (loss, right) in report.content.items():
                        losses[number] += loss
                        correct[number] += right
            if due:
                self.trainer.pause()
        return {number: Score(losses[number] / images, correct[number] / images) for number in losses}

    def _reports(self, under_way: int) -> Iterator[tuple[Command, list[Report]]]:
        """Yield commands with their reports, in order, until only `under_way` commands are left."""
        while len(self.under_way) > under_way:
            yield self._reported()

    def _give(self, command: Command) -> None:
        if not isinstance(command, Collect) and self.shift is not None:
            self.held.keep_only(self._own())  # copies that were collected would soon be out of date
        self.transport.send(0, command)
        if isinstance(command, Shift):
            before, self.shift = self.shift, command.shift
            move_layers(self.plan, before, self.shift, self.held, self.transport)
        concerned = self.plan.concerned(self.shift) if isinstance(command, Train | Test) else self.plan.workers
        self.under_way.append((command, concerned))

    def _reported(self) -> tuple[Command, list[Report]]:
        """Wait for all reports on the oldest command under way; raise the error of a worker that failed."""
        command, workers = self.under_way.popleft()
        reports = []
        for worker in range(workers):
            if isinstance(command, Collect):
                self._receive_layers(worker)
            report, _ = self.transport.receive(worker)
            if isinstance(report.content, Exception):
                raise report.content
            reports.append(report)
        self.log.add(command, reports)
        return command, reports

    def _receive_layers(self, worker: int) -> None:
        """Receive copies of all layers that a worker holds, unless it is in this process."""
        if self.shift is not None and not self.transport.is_same(worker, ROOT):
            for number in (n for n, owner in sorted(self.plan.owners(self.shift).items()) if owner == worker):
                self.held.hold(number)
                self.transport.receive_into(worker, self.held.arrays(number))

    def _own(self) -> list[int]:
        """Return the layers held by a worker that is in this process."""
        mine = self.plan.owners(self.shift).items() if self.shift is not None else ()
        return [number for number, owner in mine if self.transport.is_same(owner, ROOT)]
