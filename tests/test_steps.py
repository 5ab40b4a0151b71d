"""The guarantees of the two training steps, each as a test."""

import numpy as np
import pytest

from minilocal.errors import InputError, TrainingError
from minilocal.kernels import pooling
from minilocal.layers import Layer, Linear, ReLU, Sequential, im2col, linear
from minilocal.losses import softmax_cross_entropy
from minilocal.networks.network import Network
from minilocal.networks.vgg import build_network
from minilocal.optim import SGD
from minilocal.schedule import Block, parse
from minilocal.steps import backprop_step, local_step

K = 6
ALGORITHMS = ["G1", "G2", "G2S1", "G3", "G3S1", "G3S2", "G6"]


def network(algo="G1", **options):
    return build_network("4 4 M 6 6 M", [8, 8], (8, 8, 2), 3, algo, features=32, **options)


@pytest.fixture
def batch(rng):
    return rng.standard_normal((12, 8, 8, 2)).astype(np.float32), rng.integers(0, 3, 12)


def snapshot(net, optimizer=None):
    arrays = {name: array.copy() for name, array in net.arrays().items()}
    for part, layer in net.named_layers() if optimizer else ():
        arrays |= {f"momentum.{part}.{k}": v.copy() for k, v in optimizer.velocity_of(layer).items()}
    return arrays


def parameters(arrays):
    return {n: a for n, a in arrays.items() if not n.endswith((".mean", ".variance"))}


def changed(before, after):
    return {name for name in before if before[name].tobytes() != after[name].tobytes()}


def all_epochs(algorithms=ALGORITHMS):
    return [(algo, epoch) for algo in algorithms for epoch in range(parse(algo).period)]


def take_step(net, algo, epoch, batch, optimizer=None):
    if algo == "BP":
        return backprop_step(net, *batch, optimizer)
    return local_step(net, parse(algo).blocks_at(epoch, K), *batch, optimizer)


def belongs_to(name, block):
    """Whether a saved name is that of a layer in the block, or of its classifier."""
    kind, number, _ = name.removeprefix("momentum.").split(".", 2)
    return block.first <= int(number) <= block.last if kind == "layers" else int(number) == block.last


def test_gk_equals_bp_bit_for_bit(batch):
    bp, gk = network("BP"), network(f"G{K}")
    optimizers = SGD(), SGD()
    for step in range(3):
        a = backprop_step(bp, *batch, optimizers[0], seed=5, step=step)
        b = local_step(gk, [Block(1, K)], *batch, optimizers[1], seed=5, step=step)
        assert a == b
        assert not changed(snapshot(bp, optimizers[0]), snapshot(gk, optimizers[1]))


@pytest.mark.parametrize(("algo", "epoch"), all_epochs())
def test_a_blocks_loss_moves_nothing_outside_its_block(algo, epoch, batch, monkeypatch):
    """Multiply one block's loss gradient by 2: only its own layers and classifier may change differently."""
    blocks = parse(algo).blocks_at(epoch, K)
    plain = network(algo)
    local_step(plain, blocks, *batch, SGD())
    for target in blocks:
        turn = iter(blocks)

        def doubled(logits, labels, smoothing, turn=turn, target=target):
            loss, dlogits = softmax_cross_entropy(logits, labels, smoothing)
            return loss, dlogits * (2 if next(turn) == target else 1)

        with monkeypatch.context() as patch:
            patch.setattr("minilocal.losses.cross_entropy.softmax_cross_entropy", doubled)
            other = network(algo)
            local_step(other, blocks, *batch, SGD())
        moved = changed(parameters(plain.arrays()), parameters(other.arrays()))
        assert moved
        assert all(belongs_to(name, target) for name in moved)
        assert any(name.startswith(f"layers.{target.first}.") for name in moved)  # it reaches the block's first layer


@pytest.mark.parametrize(("algo", "epoch"), all_epochs())
def test_everything_outside_the_blocks_keeps_every_byte(algo, epoch, batch):
    net, optimizer = network(algo), SGD()
    for e in range(parse(algo).period):  # give every momentum buffer something to lose
        local_step(net, parse(algo).blocks_at(e, K), *batch, optimizer)
    blocks = parse(algo).blocks_at(epoch, K)
    before = snapshot(net, optimizer)
    local_step(net, blocks, *batch, optimizer, step=1)
    moved = changed(parameters(before), parameters(snapshot(net, optimizer)))
    for name in parameters(before):
        assert (name in moved) == any(belongs_to(name, block) for block in blocks), name


@pytest.mark.parametrize("algo", ["G3S2", "G2S1"])
def test_frozen_layers_run_forward_as_in_training(algo, batch, monkeypatch):
    """Their running statistics follow the batch, and dropout is on."""
    net = network(algo, dropout=0.5)
    blocks = parse(algo).blocks_at(1, K)
    before = snapshot(net)
    seen = []

    def forward(self, x, training=False, original=Sequential.forward):
        y = original(self, x, training)
        seen.append((self, training, (y == 0).mean()))
        return y

    monkeypatch.setattr(Sequential, "forward", forward)
    local_step(net, blocks, *batch, SGD())
    for number in range(1, blocks[0].first):
        ((training, zeros),) = [(t, z) for layer, t, z in seen if layer is net.layer(number)]
        assert training
        assert zeros > 0.6  # ReLU zeroes half, dropout half of the rest
        for name in ("bn.mean", "bn.variance"):
            assert not np.array_equal(before[f"layers.{number}.{name}"], net.layer(number).state[name])


@pytest.mark.parametrize(("algo", "epoch"), all_epochs())
def test_blocks_hand_over_features_from_before_their_update(algo, epoch, batch):
    """Running all blocks' forward passes first and updating afterwards gives the same bits, so no block has to wait."""
    blocks = parse(algo).blocks_at(epoch, K)
    now, later = network(algo), network(algo)
    optimizers = SGD(), SGD()
    for step in range(2):
        local_step(now, blocks, *batch, optimizers[0], step=step)
        held_back = HeldBack(optimizers[1])
        local_step(later, blocks, *batch, held_back, step=step)
        for layer in held_back.layers:
            optimizers[1].update(layer)
        assert not changed(snapshot(now, optimizers[0]), snapshot(later, optimizers[1]))


class HeldBack:
    """An optimizer that remembers what to update, and updates nothing yet."""

    def __init__(self, optimizer):
        self.optimizer, self.layers = optimizer, []

    def update(self, layer):
        self.layers.append(layer)


@pytest.mark.parametrize(("algo", "epoch"), [*all_epochs(), ("BP", 0)])
def test_no_input_gradient_for_a_blocks_first_layer(algo, epoch, batch, monkeypatch):
    """Count the input gradients that are computed: one per trained layer that is not the first of its block."""
    counts = {"conv": 0, "linear": 0, "pool": 0}

    def counting(kind, original):
        def wrapper(*args, **kwargs):
            counts[kind] += 1
            return original(*args, **kwargs)

        return wrapper

    monkeypatch.setattr(im2col, "input_gradient", counting("conv", im2col.input_gradient))
    monkeypatch.setattr(pooling, "max_pool_backward", counting("pool", pooling.max_pool_backward))
    products = []
    monkeypatch.setattr(linear, "matmul", lambda a, b, out=None: products.append(0) or np.matmul(a, b, out=out))
    net = network(algo)
    blocks = parse(algo).blocks_at(epoch, K)
    take_step(net, algo, epoch, batch)
    convs, pooled = {1, 2, 3, 4}, {3, 5}
    not_first = {layer for block in blocks for layer in range(block.first + 1, block.last + 1)}
    assert counts["conv"] == len(not_first & convs)
    assert bool(counts["pool"]) == bool(not_first & pooled)
    trained_fc = sum(layer > 4 for block in blocks for layer in range(block.first, block.last + 1))
    forward, weight_gradients = 2 + len(blocks), trained_fc + len(blocks)  # classifiers are one product each here
    assert len(products) - forward - weight_gradients == len(not_first - convs) + len(blocks)


def test_one_step_by_hand(batch):
    """G1 on two FC layers, redone in a dozen lines of NumPy from the same weights."""
    x, labels = batch[0].reshape(12, -1)[:, :5].astype(np.float64), batch[1]
    layers = [Sequential(linear=Linear(5, 4, rng=1, dtype=np.float64), relu=ReLU()),
              Sequential(linear=Linear(4, 4, rng=2, dtype=np.float64), relu=ReLU())]  # fmt: skip
    aux = {1: Linear(4, 3, rng=3, dtype=np.float64), 2: Linear(4, 3, rng=4, dtype=np.float64)}
    net = Network(layers, aux, (5,))
    w = {name: array.copy() for name, array in net.arrays().items()}
    results = local_step(net, parse("G1").blocks_at(0, 2), x, labels, SGD(lr=0.1, momentum=0.9, weight_decay=0.01))
    onehot = np.eye(3)[labels]
    for i in (1, 2):
        weight, head = w[f"layers.{i}.linear.weight"], w[f"aux.{i}.weight"]
        h = np.maximum(x @ weight + w[f"layers.{i}.linear.bias"], 0)
        p = np.exp(h @ head + w[f"aux.{i}.bias"])
        p /= p.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(results[i - 1].loss, -np.log(p[onehot == 1]).mean())
        dz = (p - onehot) / 12
        dh = dz @ head.T * (h > 0)
        arrays = net.arrays()
        np.testing.assert_allclose(arrays[f"aux.{i}.weight"], head - 0.1 * (h.T @ dz + 0.01 * head))
        np.testing.assert_allclose(arrays[f"layers.{i}.linear.weight"], weight - 0.1 * (x.T @ dh + 0.01 * weight))
        x = h


@pytest.mark.parametrize(("algo", "block"), [("BP", "1-6"), ("G2", "3-4")])
def test_a_non_finite_loss_stops_before_the_update_and_names_the_block(algo, block, batch):
    net, optimizer = network(algo), SGD()
    net.layer(4).params["conv.weight"][0, 0, 0, 0] = np.nan
    before = parameters(snapshot(net))
    with pytest.raises(TrainingError, match=f"the loss of block {block} is nan"):
        take_step(net, algo, 0, batch, optimizer)
    moved = changed(before, parameters(snapshot(net)))
    assert not any(name.startswith(("layers.3", "layers.4", "layers.5", "aux.4")) for name in moved)


@pytest.mark.parametrize("algo", ["BP", "G3S2"])
def test_nothing_is_kept_after_a_step(algo, batch):
    net = network(algo)
    take_step(net, algo, 1, batch, SGD())

    def leaves(layer):
        inner = getattr(layer, "layers", None)
        return [leaf for x in inner.values() for leaf in leaves(x)] if inner else [layer]

    for _, part in net.named_layers():
        for leaf in leaves(part):
            assert isinstance(leaf, Layer)
            assert all(getattr(leaf, name) is None for name in leaf.kept), leaf


def test_a_block_without_a_classifier_is_refused(batch):
    with pytest.raises(InputError, match="layer 1 has no local loss; build the network for this algorithm"):
        local_step(network("G2"), parse("G1").blocks_at(0, K), *batch)


def step_with_idle(net, algo, epoch, batch, optimizer=None, **options):
    schedule = parse(algo, idle="learn")
    return local_step(net, schedule.blocks_at(epoch, K), *batch, optimizer, idle=schedule.idle_at(epoch, K), **options)


@pytest.mark.parametrize(("algo", "epoch"), all_epochs(["G2S1", "G3S1", "G3S2"]))
def test_idle_classifiers_learn_and_change_nothing_else(algo, epoch, batch):
    """Compared with a step in which they rest, losses and all other arrays have the same bits."""
    alone, resting = network(algo, dropout=0.3), network(algo, dropout=0.3)
    optimizers = SGD(), SGD()
    for step in range(2):
        a = step_with_idle(alone, algo, epoch, batch, optimizers[0], step=step)
        b = local_step(resting, parse(algo).blocks_at(epoch, K), *batch, optimizers[1], step=step)
        assert a == b
    idle = parse(algo, idle="learn").idle_at(epoch, K)
    moved = changed(snapshot(resting, optimizers[1]), snapshot(alone, optimizers[0]))
    assert {int(name.removeprefix("momentum.").split(".")[1]) for name in moved} == set(idle)
    assert all(name.removeprefix("momentum.").startswith("aux.") for name in moved)
    assert {f"aux.{number}.linear.weight" for number in idle} <= moved


@pytest.mark.parametrize("classifier", ["a1", "a2"])
def test_an_idle_classifiers_gradient_is_that_of_its_loss_on_the_same_features(classifier, batch):
    """G3S2 at shift 2: A_3 and A_6 are idle. Their gradients are those of shift 0, where they end blocks."""
    net = build_network("8 8 M 8 8 M", [8, 8, 8], (8, 8, 2), 3, "G3S2", features=32, classifier=classifier)
    schedule = parse("G3S2", idle="learn")
    gradients = []
    for epoch in (0, 1):
        local_step(net, schedule.blocks_at(epoch, 7), *batch, idle=schedule.idle_at(epoch, 7))  # no update
        gradients.append({n: {k: g.copy() for k, g in net.classifier(n).grads.items()} for n in (3, 6)})
    assert schedule.idle_at(1, 7) == [3, 6]
    for number in (3, 6):
        for name, gradient in gradients[0][number].items():
            np.testing.assert_array_equal(gradients[1][number][name], gradient)


def test_a_non_finite_loss_of_an_idle_classifier_names_it(batch):
    net = network("G3S2")
    net.classifier(3).params["linear.weight"][:] = np.inf
    with np.errstate(all="ignore"), pytest.raises(TrainingError, match="the loss of the idle classifier A_3 is nan"):
        step_with_idle(net, "G3S2", 1, batch)


@pytest.mark.parametrize(
    ("blocks", "says"),
    [
        ([Block(1, 2), Block(4, 6)], "blocks 1-2, 4-6 must follow one another: after 1-2 comes layer 3"),
        ([Block(1, 3), Block(3, 6)], "blocks 1-3, 3-6 must follow one another: after 1-3 comes layer 4"),
        ([Block(3, 4), Block(1, 2), Block(5, 6)], "after 3-4 comes layer 5"),
        ([Block(1, 4)], "blocks 1-4 must lie in layers 1 to 6 and end at layer 6"),
        ([Block(0, 6)], "blocks 0-6 must lie in layers 1 to 6"),
        ([Block(3, 2), Block(3, 6)], r"block \(3, 2\) has no layers"),
        ([], "there are no blocks"),
    ],
)
def test_blocks_with_gaps_are_refused_by_name_and_nothing_changes(blocks, says, batch):
    net, optimizer = network("G1"), SGD()
    before = snapshot(net)
    with pytest.raises(InputError, match=says):
        local_step(net, blocks, *batch, optimizer)
    assert not changed(before, snapshot(net))


class SquaredFeatures:
    """A user-defined local loss without a classifier: L = mean over the batch of |scale ⊙ x|² / 2."""

    def __init__(self, features):
        self.layers = {"own": Layer()}
        self.layers["own"].add_param("scale", np.ones(features, np.float32))

    def __call__(self, x, labels, need_dx=True):
        layer, n, flat = self.layers["own"], len(x), x.reshape(len(x), -1)
        scale = layer.params["scale"]
        layer.grads["scale"][...] = (scale * flat**2).sum(axis=0) / n
        value = float(((scale * flat) ** 2).sum() / (2 * n))
        return value, 0, (scale**2 * flat / n).reshape(x.shape) if need_dx else None


def test_a_block_learns_from_a_loss_of_your_own(batch):
    net, optimizer = network("G2", dropout=0), SGD(lr=1e-3)
    net.losses[2] = SquaredFeatures(8 * 8 * 4)
    assert "own.2.scale" in net.arrays()
    before = snapshot(net)
    first = local_step(net, parse("G2").blocks_at(0, K), *batch, optimizer)
    moved = changed(parameters(before), parameters(snapshot(net)))
    assert {"own.2.scale", "layers.1.conv.weight", "layers.2.conv.weight"} <= moved
    for _ in range(5):
        last = local_step(net, parse("G2").blocks_at(0, K), *batch, optimizer)
    assert last[0].loss < first[0].loss
    with pytest.raises(InputError, match="the loss on layer 2 has no auxiliary classifier"):
        net.classifier(2)
