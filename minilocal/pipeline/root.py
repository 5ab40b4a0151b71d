"""The root: tells workers what to do, in a trainer's name, and puts what they report together again."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator

from minilocal.datasets.batches import EVALUATED
from minilocal.pipeline.holding import HeldLayers, move_layers
from minilocal.pipeline.log import Log
from minilocal.pipeline.messages import Collect, Command, Report, Shift, Step, Test
from minilocal.pipeline.plan import Plan
from minilocal.pipeline.transport import ROOT, SLOTS, Transport
from minilocal.training.engine import Engine
from minilocal.training.evaluation import Score
from minilocal.training.outcome import StepOutcome
from minilocal.training.trainer import Trainer


class Root(Engine):
    """Takes a trainer's steps, and evaluates, by the workers of a plan, with results equal to the bit.

    While they train, the trainer's network is with them; `collect` fetches copies.
    """

    def __init__(self, trainer: Trainer, plan: Plan, transport: Transport) -> None:
        super().__init__(trainer)
        self.plan, self.transport = plan, transport
        self.held = HeldLayers(trainer.network, trainer.optimizer)
        self.shift: int | None = None
        self.under_way: deque[tuple[Command, int]] = deque()  # commands, and how many workers will report
        self.log = Log(plan.workers)

    def steps(self, epoch: int, numbers: Iterable[int]) -> Iterator[StepOutcome]:
        """Take an epoch's steps of these numbers, and yield what each did once all workers have done it."""
        for command, reports in self._run(self._commands(epoch, numbers)):
            if isinstance(command, Step):
                outcomes = [report.content for report in reports]
                yield StepOutcome(
                    [result for outcome in outcomes for result in outcome.results],
                    {layer: norm for outcome in outcomes for layer, norm in outcome.gradient_norms.items()},
                )

    def evaluate(self, classifiers: Collection[int]) -> dict[str, dict[int, Score]]:
        """Return the scores of the classifiers on those layers, by held-out set."""
        if self.shift is None:  # training goes on behind an epoch's last step: layers are still here
            self._do(Shift(next(iter(self.plan.shares))))
        return {name: self._evaluate(name, frozenset(classifiers)) for name in self.trainer.data.held_out}

    def collect(self) -> None:
        """See to it that the trainer's network and optimizer hold all that was trained."""
        if self.shift is not None:
            self._do(Collect())

    def _do(self, command: Command) -> None:
        for _ in self._run([command]):
            pass

    def _commands(self, epoch: int, numbers: Iterable[int]) -> Iterator[Command]:
        for number in numbers:
            step, turn = self.trainer.step_and_turn(epoch, number)
            if (shift := self.trainer.schedule.shift_at(turn)) != self.shift:
                yield Shift(shift)
            yield Step(step)

    def _tests(self, name: str, classifiers: frozenset[int], batches: Iterable[int]) -> Iterator[Command]:
        for batch in batches:
            yield Test(name, batch, classifiers)
            if self.trainer.is_due(self.trainer.sums.position):
                return

    def _evaluate(self, name: str, classifiers: frozenset[int]) -> dict[int, Score]:
        images = len(self.trainer.data.held_out[name])
        losses, correct = dict.fromkeys(sorted(classifiers), 0.0), dict.fromkeys(classifiers, 0)
        done, batches = 0, -(-images // EVALUATED)
        while done < batches:
            for _, reports in self._run(self._tests(name, classifiers, range(done, batches))):
                done += 1
                for report in reports:
                    for number, (loss, right) in report.content.items():
                        losses[number] += loss
                        correct[number] += right
            self.trainer.pause()
        return {number: Score(losses[number] / images, correct[number] / images) for number in losses}

    def _run(self, commands: Iterable[Command]) -> Iterator[tuple[Command, list[Report]]]:
        """Give commands, as many ahead as keep all workers busy; yield each with its reports, in order."""
        ahead = self.plan.workers + (self.plan.workers - 1) * SLOTS + 1
        for command in commands:
            self._give(command)
            if len(self.under_way) > ahead:
                yield self._reported()
        while self.under_way:
            yield self._reported()

    def _give(self, command: Command) -> None:
        if not isinstance(command, Collect) and self.shift is not None:
            self.held.keep_only(self._own())  # those collected last would soon be out of date
        self.transport.send(0, command)
        if isinstance(command, Shift):
            before, self.shift = self.shift, command.shift
            move_layers(self.plan, before, self.shift, self.held, self.transport)
        concerned = self.plan.concerned(self.shift) if isinstance(command, Step | Test) else self.plan.workers
        self.under_way.append((command, concerned))

    def _reported(self) -> tuple[Command, list[Report]]:
        """Wait for all reports on the command that was given first; raise the error of who failed in it."""
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
        """Take what a worker sends of all its parts, unless they are in this process."""
        if self.shift is not None and not self.transport.is_same(worker, ROOT):
            for number in (n for n, owner in sorted(self.plan.owners(self.shift).items()) if owner == worker):
                self.held.hold(number)
                self.transport.receive_into(worker, self.held.arrays(number))

    def _own(self) -> list[int]:
        """Return the parts of a worker that is in this process."""
        mine = self.plan.owners(self.shift).items() if self.shift is not None else ()
        return [number for number, owner in mine if self.transport.is_same(owner, ROOT)]
