"""The program that every worker runs: take a minibatch's features, train its own blocks, pass the features on.

    worker 1   images ─► blocks of its own ─► features ┐ t+1
    worker 2                           └───────────────► blocks of its own ─► features ┐ t
    worker 3                                                                      └─────► … t−1

Nobody waits for a loss or a gradient of somebody else. Each worker does the same as `local_step` does for its blocks,
on the same features, so that weights are the same to the bit. Source: tutorials/reference.md, "Update unlocking".
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from minilocal.compute.parallel import one_blas_thread
from minilocal.datasets.batches import Minibatches, evaluation_batch, evaluation_labels
from minilocal.errors import InputError, NonFiniteError
from minilocal.pipeline.holding import HeldLayers, move_layers
from minilocal.pipeline.messages import Collect, Command, Report, Shift, Step, Stop, Test
from minilocal.pipeline.plan import Plan, Share
from minilocal.pipeline.transport import ROOT, Transport
from minilocal.steps import block_step, frozen_forward
from minilocal.training.diagnosis import diagnosed
from minilocal.training.evaluation import sums
from minilocal.training.outcome import StepOutcome
from minilocal.training.trainer import Trainer


class Worker:
    """Worker `number`, from 0: trains the parts of the network that the plan gives it, on what the trainer says."""

    def __init__(
        self, number: int, trainer: Trainer, held: HeldLayers, plan: Plan, transport: Transport, zero: float
    ) -> None:
        self.number, self.trainer, self.held, self.plan, self.transport = number, trainer, held, plan, transport
        self.in_front = number - 1 if number else ROOT
        self.zero = zero  # when the workers' clocks began
        self.shift: int | None = None  # at first the root has all layers
        self.minibatches: tuple[int, Minibatches] | None = None  # an epoch's, with its number
        self.failed = False

    def run(self) -> None:
        """Do what comes from the worker in front, or from the root, until told to stop."""
        with one_blas_thread(), np.errstate(all="ignore"):
            while self.do(*self.transport.receive(self.in_front)):
                pass

    def do(self, command: Command, x: np.ndarray | None = None) -> bool:
        """Carry out a command, given the features that came behind it; return whether more may come."""
        began, waited = self._clock(), self.transport.waited
        content: Any = None
        if isinstance(command, Step | Test):
            features, content = self._compute(command, x)
            self._release()
            self._pass_on(command, features)
        else:
            self._pass_on(command)  # first: nobody has to wait for what is done here
        match command:
            case Shift():
                content = self._move(command.shift)
            case Collect():
                self._copy_to_root()
            case Stop():
                return False
        self.transport.send(ROOT, Report(content, began, self._clock(), self.transport.waited - waited))
        return True

    def _compute(self, command: Step | Test, x: np.ndarray | None) -> tuple[np.ndarray | None, Any]:
        """Return the features to pass on, and what to report.

        A worker that has failed passes no features on any more, and one that gets none does likewise: so all are there
        when they are told to stop.
        """
        if self.failed or (self.number and x is None):
            return None, None
        try:
            return self._train(command.number, x) if isinstance(command, Step) else self._test(command, x)
        except (InputError, NonFiniteError, MemoryError) as error:
            self.failed = True
            return None, error

    def _train(self, step: int, x: np.ndarray | None) -> tuple[np.ndarray, StepOutcome]:
        """Do this worker's part of `local_step`."""
        trainer, share = self.trainer, self._share()
        network, optimizer = trainer.network, trainer.optimizer
        epoch, number = divmod(step, trainer.steps_per_epoch)
        _, turn = trainer.step_and_turn(epoch, number)
        idle = trainer.schedule.idle_at(turn, len(network))
        optimizer.lr = trainer.learning_rate(step)
        network.set_dropout_keys(trainer.seed, step)
        batches = self._minibatches(epoch)
        labels = batches.labels(number)
        if x is None:
            x = batches.pixels(number)
        taken, first, results = x, share.first, []
        try:
            if self.number == 0:
                x = frozen_forward(network, share.blocks[0].first - 1, x, labels, optimizer, idle)
            for block in share.blocks:
                taken, first = x, block.first
                x, result = block_step(network, block, x, labels, optimizer, idle)
                self._release()  # not before the first block's backward, which needs the features that came
                results.append(result)
            return x, StepOutcome.of(results, network)
        except NonFiniteError as error:
            raise diagnosed(error, network, share.blocks, taken, first) from None

    def _test(self, command: Test, x: np.ndarray | None) -> tuple[np.ndarray, dict[int, tuple[float, int]]]:
        """Do this worker's part of `evaluate`."""
        share, network, images = self._share(), self.trainer.network, self.trainer.data.held_out[command.images]
        if x is None:
            x, _ = evaluation_batch(images, command.batch)
        found = {}
        for number in range(share.first, share.last + 1):
            x = network.layer(number).forward(x)
            self._release()
            if number in command.classifiers:
                logits = network.classifier(number).forward(x)
                found[number] = sums(logits, evaluation_labels(images, command.batch))
        return x, found

    def _move(self, shift: int) -> int:
        """Give parts away and take others, so that each is with who trains it at this shift; return the bytes given."""
        before, self.shift = self.shift, shift
        return move_layers(self.plan, before, shift, self.held, self.transport)

    def _copy_to_root(self) -> None:
        if not self.transport.is_same(self.number, ROOT):
            for number in sorted(self.held.numbers):
                self.transport.send_all(ROOT, self.held.arrays(number))

    def _pass_on(self, command: Command, features: np.ndarray | None = None) -> None:
        """Send a command to the next worker; steps go to those only who have a share in them."""
        concerned = self.plan.concerned(self.shift) if isinstance(command, Step | Test) else self.plan.workers
        if self.number + 1 < concerned:
            self.transport.send(self.number + 1, command, features)

    def _release(self) -> None:
        """Make room for more features, once those that came, if any, are not needed any more."""
        self.transport.release(self.in_front)

    def _minibatches(self, epoch: int) -> Minibatches:
        if self.minibatches is None or self.minibatches[0] != epoch:
            self.minibatches = epoch, self.trainer.minibatches(epoch)
        return self.minibatches[1]

    def _share(self) -> Share:
        share = self.plan.share(self.number, self.shift)
        assert share is not None
        return share

    def _clock(self) -> float:
        return time.perf_counter() - self.zero
