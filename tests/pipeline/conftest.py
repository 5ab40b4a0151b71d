"""Workers as threads of this process, for all that needs no processes of its own."""

import queue
import threading

import numpy as np
import pytest

from minilocal.datasets.prepare import prepare
from minilocal.networks.vgg import build_network
from minilocal.pipeline.messages import Stop
from minilocal.pipeline.parts import Parts
from minilocal.pipeline.plan import make_plan
from minilocal.pipeline.root import Root
from minilocal.pipeline.transport import ROOT, SLOTS, Transport
from minilocal.pipeline.worker import Worker
from minilocal.schedule import parse
from minilocal.training.trainer import Trainer

SECONDS = 30  # after which a test that waits has failed


class ThreadTransport(Transport):
    """Queues between threads. Arrays that are given back are overwritten at once: nobody may read them any more."""

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
    """Return a function that makes a trainer of a network of five layers."""

    def make(algo="G2S1", epochs=3, **options):
        data = prepare(images, validation=0.25)
        schedule = parse(algo) if isinstance(algo, str) else algo
        network = build_network("4 5 M 6 6", [8], data.image_shape, 4, schedule, features=64, dropout=0.1)
        return Trainer(network, schedule, data, epochs=epochs, batch_size=12, **options)

    return make


@pytest.fixture
def on_threads():
    """Return a function that has so many workers, as threads, take the steps of a trainer that `make` makes.

    It returns the trainer, what `use(trainer)` returned and the root's log. Blocks are cut by `costs`, a function of a
    shift's blocks.
    """

    def run(make, count, use=lambda trainer: list(trainer.epochs()), costs=lambda blocks: [1.0] * len(blocks)):
        trainer, wires, errors = make(), {}, []
        schedule, layers = trainer.schedule, len(trainer.network)
        turns = range(schedule.period)
        seconds = {schedule.shift_at(turn): costs(schedule.blocks_at(turn, layers)) for turn in turns}
        plan = make_plan(schedule, layers, seconds, count)
        root = trainer.engine = Root(trainer, plan, ThreadTransport(ROOT, wires))

        def work(number):
            mine = make()
            if number:
                mine.data = mine.data.without_pixels()
            parts = Parts(mine.network, mine.optimizer)
            parts.keep_only(())
            try:
                Worker(number, mine, parts, plan, ThreadTransport(number, wires), 0.0).run()
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
    """Return a function that gives all weights, statistics and momentum of a trainer as bytes by name."""

    def of(trainer):
        momentum = {
            f"momentum.{name}.{key}": velocity
            for name, layer in trainer.network.parts
            for key, velocity in trainer.optimizer.velocity_of(layer).items()
        }
        return {name: array.tobytes() for name, array in (trainer.network.arrays() | momentum).items()}

    return of
