"""Who takes a trainer's steps and evaluates its network: here this process, one step after the other.

pipeline/ has another way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from minilocal.errors import NonFiniteError
from minilocal.steps import backprop_step, local_step
from minilocal.training.diagnosis import diagnosed
from minilocal.training.evaluation import Score, evaluate
from minilocal.training.outcome import StepOutcome

if TYPE_CHECKING:
    from minilocal.training.trainer import Trainer


class Engine:
    """Takes steps and evaluates in this process."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer

    def steps(self, epoch: int, numbers: Iterable[int]) -> Iterator[StepOutcome]:
        """Take an epoch's steps of these numbers, and yield what each did once it is done.

        Raises `NonFiniteError`, which says where, when it comes to a step in which a number is not finite.
        """
        trainer = self.trainer
        network, optimizer, schedule, seed = trainer.network, trainer.optimizer, trainer.schedule, trainer.seed
        batches = trainer.minibatches(epoch)
        for number in numbers:
            step, turn = trainer.step_and_turn(epoch, number)
            x, labels = batches.pixels(number), batches.labels(number)
            optimizer.lr = trainer.learning_rate(step)
            blocks, idle = schedule.blocks_at(turn, len(network)), schedule.idle_at(turn, len(network))
            try:
                if schedule.block_size is None:
                    results = backprop_step(network, x, labels, optimizer, seed, step)
                else:
                    results = local_step(network, blocks, x, labels, optimizer, seed, step, idle)
                outcome = StepOutcome.of(results, network)
            except NonFiniteError as error:
                raise diagnosed(error, network, blocks, x) from None
            yield outcome

    def evaluate(self, classifiers: Collection[int]) -> dict[str, dict[int, Score]]:
        """Return the scores of the classifiers on those layers, by held-out set."""
        held_out, network = self.trainer.data.held_out, self.trainer.network
        return {name: evaluate(network, images, classifiers, self.trainer.pause) for name, images in held_out.items()}

    def collect(self) -> None:
        """See to it that the trainer's network and optimizer hold all that was trained."""
