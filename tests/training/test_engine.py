"""Where a trainer's steps are taken is the engine's business; which steps, and up to where, is the trainer's."""

from minilocal.training.engine import Engine

from minilocal.datasets.prepare import prepare
from minilocal.networks.vgg import build_network
from minilocal.training.results import Position
from minilocal.training.trainer import Trainer


class Recording(Engine):
    """Notes what it is asked for."""

    def __init__(self, trainer):
        super().__init__(trainer)
        self.asked = []

    def steps(self, epoch, numbers):
        numbers = list(numbers)
        self.asked.append((epoch, numbers))
        yield from super().steps(epoch, numbers)

    def collect(self):
        self.asked.append("collect")


def test_an_engine_takes_steps_up_to_where_a_pause_is_due(images):
    data = prepare(images)
    trainer = Trainer(
        build_network("4", [6], data.image_shape, 4, "G1", features=16), "G1", data, epochs=2, batch_size=16
    )
    trainer.engine = Recording(trainer)
    paused = []
    trainer.is_due = lambda position: position in (Position(0, 2), Position(1, 6)) and position not in paused
    trainer.on_pause = lambda: paused.append(trainer.sums.position)
    assert len(list(trainer.epochs())) == 2
    assert paused == [(0, 2), (1, 6)]
    assert trainer.engine.asked == [
        (0, [0, 1]), "collect", (0, [2, 3, 4, 5]), "collect",
        (1, [0, 1, 2, 3, 4, 5]), "collect", "collect",
    ]  # fmt: skip
