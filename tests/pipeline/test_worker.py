"""Workers, as threads, compute the same bits as one process, whatever the algorithm, their number and the plan."""

import copy

import pytest

from minilocal.errors import NonFiniteError
from minilocal.pipeline.worker import Worker
from minilocal.schedule import parse

RECIPES = [
    *({"algo": algo} for algo in ("G1", "G2", "G2S1", "G3", "G3S2")),
    {"algo": "G3S1", "idle": "learn"},
    {"algo": "G3S2", "front": "block"},
    {"algo": "G3S1", "idle": "learn", "front": "block"},
    {"algo": "G2S1", "label_smoothing": 0.1},
    {"algo": "G3S2", "local_loss": "predsim"},
    {"algo": "G3S1", "idle": "learn", "local_loss": "sim"},
]


def reports(trainer):
    return [(report.epoch, report.lr, report.images, report.blocks, report.layers) for report in trainer.epochs()]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: " ".join(map(str, recipe.values())))
def test_bits_are_those_of_one_process(trainer, on_threads, bits, rng, recipe):
    alone = trainer(**recipe)
    expected, weights = reports(alone), bits(alone)
    for count in (1, 2, 3):
        shared, found, log = on_threads(
            lambda: trainer(**recipe), count, reports, lambda blocks: list(rng.random(len(blocks)))
        )
        assert found == expected
        assert bits(shared) == weights
        assert log.steps == 18


def test_steps_are_reported_in_order(trainer, on_threads):
    seen = []

    def use(shared):
        shared.on_step = lambda epoch, images, results: seen.append((epoch, images, [r.block for r in results]))
        return shared.train_epoch(0)

    on_threads(lambda: trainer("G2"), 3, use)
    assert seen == [(0, 12, parse("G2").blocks_at(0, 5))] * 6


def test_a_worker_holds_only_its_own_layers(trainer, on_threads, monkeypatch):
    held = set()

    def train(self, *arguments, original=Worker._train):
        held.add((self.shift, self.number, tuple(sorted(self.held.numbers))))
        arrays = self.trainer.network.arrays() | {
            name: gradient for name, layer in self.trainer.network.named_layers() for gradient in layer.grads.values()
        }
        real = {int(name.split(".")[1]) for name, array in arrays.items() if any(array.strides)}
        assert real == self.held.numbers
        assert len(self.trainer.optimizer.velocity) <= 2 * len(self.held.numbers)
        return original(self, *arguments)

    monkeypatch.setattr(Worker, "_train", train)
    on_threads(lambda: trainer("G3S2"), 2)
    assert held == {(0, 0, (1, 2, 3)), (0, 1, (4, 5)), (2, 0, (1, 2, 3, 4, 5))}


def test_the_root_holds_all_layers_after_an_epoch_and_none_within_it(trainer, on_threads):
    held = []

    def use(shared):
        shared.on_step = lambda *_: held.append(len(shared.workers.held.numbers))
        for _ in shared.epochs():
            held.append(len(shared.workers.held.numbers))

    on_threads(lambda: trainer("G2"), 2, use)
    assert held == [0, 0, 0, 0, 0, 0, 5] * 3


@pytest.mark.parametrize("spoiled", ["lr", "layers.1", "layers.4", "aux.5"])
@pytest.mark.parametrize("algo", ["G1", "G2S1"])
def test_a_run_that_diverges_raises_the_same_error(trainer, on_threads, algo, spoiled):
    def make():
        made = trainer(algo, lr=1000 if spoiled == "lr" else 0.1, epochs=20)
        if spoiled != "lr":
            for weights in dict(made.network.named_layers())[spoiled].params.values():
                weights[...] = 3e38
        return made

    def diverge(made):
        with pytest.raises(NonFiniteError) as error:
            list(made.epochs())
        return str(error.value)

    expected = diverge(make())
    for count in (2, 3):
        assert on_threads(make, count, diverge)[1] == expected


def test_training_is_saved_where_it_is_due_with_all_layers_in_the_trainer(trainer, on_threads, bits):
    """As for a checkpoint: the pipeline drains at that step, and training then continues unchanged."""

    def use(shared):
        saved = {}
        shared.is_due = lambda position: position.step in (2, 5) and position not in saved
        shared.save = lambda: saved.update({shared.totals.position: bits(shared)})
        return list(shared.epochs()) and saved

    alone = trainer("G2S1")
    expected = use(alone)
    assert list(expected) == [(0, 2), (0, 5), (1, 2), (1, 5), (2, 2), (2, 5)]
    shared, found, _ = on_threads(lambda: trainer("G2S1"), 2, use)
    assert found == expected
    assert bits(shared) == bits(alone)


@pytest.mark.parametrize("step", [4, 6])
def test_resuming_within_an_epoch_and_after_its_last_step(trainer, on_threads, bits, step):
    """With the state of another trainer, as a checkpoint holds it."""
    state = {}

    def save(alone):
        state["arrays"] = {name: array.copy() for name, array in alone.network.arrays().items()}
        state["velocity"] = [
            [v.copy() for v in alone.optimizer.velocity_of(layer).values()] for _, layer in alone.network.named_layers()
        ]
        state["totals"] = copy.deepcopy(alone.totals)

    def resume(shared):
        shared.network.load(state["arrays"])
        for (_, layer), saved in zip(shared.network.named_layers(), state["velocity"], strict=True):
            for velocity, array in zip(shared.optimizer.velocity_of(layer).values(), saved, strict=True):
                velocity[...] = array
        shared.totals = copy.deepcopy(state["totals"])
        return reports(shared)

    alone = trainer("G2S1")
    alone.is_due = lambda position: position == (1, step) and not state
    alone.save = lambda: save(alone)
    expected = reports(alone)[1:]
    shared, found, _ = on_threads(lambda: trainer("G2S1"), 2, resume)
    assert found == expected
    assert bits(shared) == bits(alone)
