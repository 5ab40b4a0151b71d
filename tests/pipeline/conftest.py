"""Workers as threads of this process, for tests that need no other processes."""

import queue
import threading

import numpy as np
import pytest

from minilocal.datasets.prepare import prepare
from minilocal.networks.vgg import build_network
from minilocal.pipeline.holding import HeldLayers
from minilocal.pipeline.messages import Stop
from minilocal.pipeline.plan import make_plan
from minilocal.pipeline.root import Root
from minilocal.pipeline.transport import ROOT, SLOTS, Transport
from minilocal.pipeline.worker import Worker
from minilocal.training.recipe import Recipe
from minilocal.training.trainer import Trainer

SECONDS = 30  # a test that waits longer has failed


class ThreadTransport(Transport):
    """Queues between threads. `release` overwrites the array: nothing may read it afterwards."""

    def __init__(self, me, wires):
        super().__init__(me)
        self.wires, self.reading = wires, {}

    def wire(self, source, to):
        return self.wires.setdefault((source, to), (queue.Queue(), threading.Semaphore(SLOTS)))

    def send(self, to, message, array=None):
        messages, room = self.wire(self.me, to)
        if array is not None:
            with self.waiting():
                assert room.acquire(timeout=SECONDS)
            array = array.copy()
        messages.put((message, array))

    def receive(self, source):
        with self.waiting():
            message, array = self.wire(source, self.me)[0].get(timeout=SECONDS)
        if array is not None:
            self.reading[source] = array
        return message, array

    def release(self, source):
        if (array := self.reading.pop(source, None)) is not None:
            array.fill(np.nan)
            self.wire(source, self.me)[1].release()


@pytest.fixture
def trainer(images):
    """A function that makes a trainer of a network of five layers."""

    def make(algo="G2S1", epochs=3, local_loss="ce", **options):
        data = prepare(images, validation=0.25)
        recipe = Recipe(algo=algo, epochs=epochs, batch_size=12, **options)
        choices = {"features": 64, "dropout": 0.1, "local_loss": local_loss}
        network = build_network("4 5 M 6 6", [8], data.image_shape, 4, recipe.schedule, **choices)
        return Trainer(network, data, recipe)

    return make


@pytest.fixture
def on_threads():
    """A function that has `count` workers, which are threads, take the steps of a trainer that `make` makes.

    It returns the trainer, the result of `use(trainer)`, and the root's log. `costs(blocks)` are the seconds of a
    shift's blocks, by which the plan is made.
    """

    def run(make, count, use=lambda trainer: list(trainer.epochs()), costs=lambda blocks: [1.0] * len(blocks)):
        trainer, wires, errors = make(), {}, []
        schedule, layers = trainer.recipe.schedule, len(trainer.network)
        epochs = range(schedule.period)
        seconds = {schedule.shift_at(epoch): costs(schedule.blocks_at(epoch, layers)) for epoch in epochs}
        plan = make_plan(schedule, layers, seconds, count)
        root = trainer.workers = Root(trainer, plan, ThreadTransport(ROOT, wires))

        def work(number):
            mine = make()
            if number:
                mine.data = mine.data.without_pixels()
            held = HeldLayers(mine.network, mine.optimizer)
            held.keep_only(())
            try:
                Worker(number, mine, held, plan, ThreadTransport(number, wires), 0.0).run()
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(plan.workers)]
        for thread in threads:
            thread.start()
        try:
            result = use(trainer)
        finally:
            root.transport.send(0, Stop())
            for thread in threads:
                thread.join(SECONDS)
        assert errors == []
        return trainer, result, root.log

    return run


@pytest.fixture
def bits():
    """A function that returns all weights, statistics and momentum of a trainer as bytes, by name."""

    def of(trainer):
        momentum = {
            f"momentum.{name}.{key}": velocity
            for name, layer in trainer.network.named_layers()
            for key, velocity in trainer.optimizer.velocity_of(layer).items()
        }
        return {name: array.tobytes() for name, array in (trainer.network.arrays() | momentum).items()}

    return of
