"""Workers, as threads, give the bits of one process: whatever the algorithm, their number, and how blocks are cut."""

import copy

import pytest

from minilocal.errors import NonFiniteError
from minilocal.pipeline.worker import Worker
from minilocal.schedule import parse

SCHEDULES = [
    *map(parse, ("G1", "G2", "G2S1", "G3", "G3S2")),
    parse("G3S1", idle="learn"),
    parse("G3S2", front="block"),
    parse("G2S1", shift_every=2),
    parse("G3S1", idle="learn", front="block", shift_every=2, shift_order="random"),
]


def reports(trainer):
    return [(report.epoch, report.lr, report.images, report.parts) for report in trainer.epochs()]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.title)
def test_bits_are_those_of_one_process(trainer, on_threads, bits, rng, schedule):
    alone = trainer(schedule)
    expected, weights = reports(alone), bits(alone)
    for count in (1, 2, 3):
        shared, found, log = on_threads(
            lambda: trainer(schedule), count, reports, lambda blocks: list(rng.random(len(blocks)))
        )
        assert found == expected
        assert bits(shared) == weights
        assert log.steps == 18


def test_steps_are_reported_in_order_and_as_they_are_done(trainer, on_threads):
    seen = []

    def use(shared):
        shared.on_step = lambda epoch, images, results: seen.append((epoch, images, [r.block for r in results]))
        return shared.train_epoch(0)

    on_threads(lambda: trainer("G2"), 3, use)
    assert seen == [(0, 12, parse("G2").blocks_at(0, 5))] * 6


def test_a_worker_holds_its_own_layers_alone(trainer, on_threads, monkeypatch):
    held = set()

    def train(self, *arguments, original=Worker._train):
        held.add((self.shift, self.number, tuple(sorted(self.held.numbers))))
        arrays = self.trainer.network.arrays() | {
            name: gradient for name, layer in self.trainer.network.parts for gradient in layer.grads.values()
        }
        real = {int(name.split(".")[1]) for name, array in arrays.items() if any(array.strides)}
        assert real == self.held.numbers
        assert len(self.trainer.optimizer.velocity) <= 2 * len(self.held.numbers)
        return original(self, *arguments)

    monkeypatch.setattr(Worker, "_train", train)
    on_threads(lambda: trainer("G3S2"), 2)
    assert held == {(0, 0, (1, 2, 3)), (0, 1, (4, 5)), (2, 0, (1, 2, 3, 4, 5))}


def test_the_root_holds_all_when_an_epoch_ends_and_nothing_while_it_lasts(trainer, on_threads):
    held = []

    def use(shared):
        shared.on_step = lambda *_: held.append(len(shared.engine.held.numbers))
        for _ in shared.epochs():
            held.append(len(shared.engine.held.numbers))

    on_threads(lambda: trainer("G2"), 2, use)
    assert held == [0, 0, 0, 0, 0, 0, 5] * 3


@pytest.mark.parametrize("lr", [1e38, 1e19])
@pytest.mark.parametrize("algo", ["G1", "G2S1"])
def test_a_run_that_diverges_says_the_same(trainer, on_threads, algo, lr):
    def diverge(shared):
        with pytest.raises(NonFiniteError) as error:
            list(shared.epochs())
        return str(error.value)

    expected = diverge(trainer(algo, lr=lr, epochs=20))
    for count in (2, 3):
        assert on_threads(lambda: trainer(algo, lr=lr, epochs=20), count, diverge)[1] == expected


def test_a_pause_comes_where_it_is_due_with_all_layers_at_hand(trainer, on_threads, bits):
    """As for a checkpoint: the pipeline drains just there, and training goes on as if nothing had been."""

    def use(shared):
        saved = {}
        shared.is_due = lambda position: position.step in (2, 5) and position not in saved
        shared.on_pause = lambda: saved.update({shared.sums.position: bits(shared)})
        return list(shared.epochs()) and saved

    alone = trainer("G2S1")
    expected = use(alone)
    assert list(expected) == [(0, 2), (0, 5), (1, 2), (1, 5), (2, 2), (2, 5)]
    shared, found, _ = on_threads(lambda: trainer("G2S1"), 2, use)
    assert found == expected
    assert bits(shared) == bits(alone)


@pytest.mark.parametrize("step", [4, 6])
def test_going_on_within_an_epoch_and_behind_its_last_step(trainer, on_threads, bits, step):
    """With the state of another trainer, as a checkpoint holds it."""
    state = {}

    def save(alone):
        state["arrays"] = {name: array.copy() for name, array in alone.network.arrays().items()}
        state["velocity"] = [
            [v.copy() for v in alone.optimizer.velocity_of(layer).values()] for _, layer in alone.network.parts
        ]
        state["sums"] = copy.deepcopy(alone.sums)

    def go_on(shared):
        shared.network.load(state["arrays"])
        for (_, layer), saved in zip(shared.network.parts, state["velocity"], strict=True):
            for velocity, array in zip(shared.optimizer.velocity_of(layer).values(), saved, strict=True):
                velocity[...] = array
        shared.sums = copy.deepcopy(state["sums"])
        return [report.parts for report in shared.epochs(1)]

    alone = trainer("G2S1")
    alone.is_due = lambda position: position == (1, step) and not state
    alone.on_pause = lambda: save(alone)
    expected = [report.parts for report in alone.epochs()][1:]
    shared, found, _ = on_threads(lambda: trainer("G2S1"), 2, go_on)
    assert found == expected
    assert bits(shared) == bits(alone)
