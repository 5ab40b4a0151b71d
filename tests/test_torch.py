"""minilocal compared with an independent implementation, whose gradients all come from PyTorch's autograd.

Skipped where PyTorch is not installed. Tensors have minilocal's names and layouts: (N, H, W, C), and weights
(kh, kw, C_in, C_out) and (in, out). Only inside `on_maps`, `conv` and `norm` are they in PyTorch's layout.
"""

import math

import numpy as np
import pytest

import minilocal as ml
from minilocal.layers.sequential import leaves

torch = pytest.importorskip("torch")
functional = torch.nn.functional
torch.set_num_threads(1)

DTYPES = [(np.float64, 1e-9), (np.float32, 1e-4)]  # and the tolerance, relative to an array's largest entry
NETWORKS = {  # name: stages, FC widths, D
    "vgg16": ("64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M", [1024, 1024], 2048),
    "vgg11b": ("128 128 128 256 M 256 512 M 512 512 M 512 M", [1024], 4096),
    "vgg8b": ("128 256 M 256 512 M 512 M 512 M", [1024], 4096),
}
SHIFTS = {"BP": [0], "G1": [0], "G2": [0], "G2S1": [0, 1], "G3": [0], "G3S2": [0, 2], "G3S1": [0, 1, 2]}


# The reference: functions of a batch x and a dict t of tensors by name.


def on_maps(function, x, *arguments):
    """Apply a function of PyTorch's maps (N, C, H, W), such as a pool, to x (N, H, W, C)."""
    return function(x.permute(0, 3, 1, 2), *arguments).permute(0, 2, 3, 1)


def conv(x, weight, bias=None, stride=1, padding=1):
    return on_maps(functional.conv2d, x, weight.permute(3, 2, 0, 1), bias, stride, padding)


def norm(x, t, name, training):
    mean, variance, gamma, beta = (t[f"{name}{key}"] for key in ("mean", "variance", "gamma", "beta"))
    y = functional.batch_norm(x.movedim(-1, 1), mean, variance, gamma, beta, training, momentum=0.1, eps=1e-5)
    return y.movedim(1, -1)


def unit(x, t, pool, mask, training):
    """CBRD or FBRD, after a max-pool if pool; the dropout mask contains 0 and 1/(1 − rate)."""
    if pool:
        x = on_maps(functional.max_pool2d, x, 2)
    y = conv(x, t["conv.weight"]) if "conv.weight" in t else x.flatten(1) @ t["linear.weight"]
    return functional.relu(norm(y, t, "bn.", training)) * (mask if training else 1)


def block(x, t, stride, mask, training):
    """A residual block with 3×3 kernels."""
    y = norm(conv(x, t["body.conv1.weight"], stride=stride), t, "body.bn1.", training)
    y = functional.relu(y) * (mask if training else 1)
    y = norm(conv(y, t["body.conv2.weight"]), t, "body.bn2.", training)
    if "shortcut.conv.weight" in t:
        x = norm(conv(x, t["shortcut.conv.weight"], stride=stride, padding=0), t, "shortcut.bn.", training)
    else:
        x = functional.pad(x[:, ::stride, ::stride], (0, y.shape[3] - x.shape[3]))
    return functional.relu(x + y)


def a1(x, t, training, features):
    if x.ndim == 4:
        (height, width, channels), h, w = x.shape[1:], 1, 1
        while (height // h) * (width // w) > 1 and (height // h) * (width // w) * channels > features:
            h, w = (2 * h, w) if h == w else (h, 2 * w)
        x = on_maps(functional.avg_pool2d, x, (h, w)).flatten(1)
    return norm(x @ t["linear.weight"], t, "bn.", training)


def a2(x, t, training, features):
    if x.ndim == 2:
        return a1(x, t, training, features)
    x = on_maps(functional.adaptive_avg_pool2d, x, [math.ceil(size / 4) for size in x.shape[1:3]])
    for i in (1, 2, 3):
        x = functional.relu(norm(conv(x, t[f"conv{i}.weight"], padding=0), t, f"bn{i}.", training))
    x = on_maps(functional.adaptive_avg_pool2d, x, [min(size, 2) for size in x.shape[1:3]]).flatten(1)
    for i in (1, 2, 3):
        x = functional.relu(norm(x @ t[f"linear{i}.weight"], t, f"bn{i + 3}.", training))
    return x @ t["linear4.weight"] + t["linear4.bias"]


def tensors(arrays):
    """Copy arrays to tensors: parameters become leaves of autograd, running statistics plain tensors."""
    state = ("mean", "variance")
    return {name: torch.tensor(a, requires_grad=not name.endswith(state)) for name, a in arrays.items()}


def walk(stages, fc, shape):
    """Yield each layer's output shape and whether it begins with a max-pool; an 'A' at the end is A_K's."""
    pool = False
    for stage in [*stages.removesuffix(" A").split(), *fc]:
        if stage == "M":
            shape = (shape[0] // 2, shape[1] // 2, shape[2])
        else:
            width, _, stride = str(stage).strip("RP").partition("/")
            sides = [-(-side // int(stride or 1)) for side in shape[:2]]
            shape = (stage,) if isinstance(stage, int) else (*sides, int(width))
            yield shape, pool
        pool = stage == "M"


def sixteenth(model):
    stages, fc, features = NETWORKS[model]
    stages = " ".join(s if s == "M" else str(int(s) // 16) for s in stages.split())
    return stages, [size // 16 for size in fc], features // 16


class Reference:
    """A network with a minilocal network's weights, and its training step."""

    def __init__(self, network, stages, fc, features, classifier):
        self.tensors = tensors(network.arrays())
        self.shapes, self.pools = zip(*walk(stages, fc, network.input_shape), strict=True)
        assert network.shapes == list(self.shapes)
        self.average = stages.endswith("A")
        self.auxiliary, self.features = {"a1": a1, "a2": a2}[classifier], features
        trained = [t for t in self.tensors.values() if t.requires_grad]
        self.optimizer = torch.optim.SGD(trained, lr=1, momentum=0.9, weight_decay=5e-3)

    def named(self, name):
        return {n.removeprefix(name): t for n, t in self.tensors.items() if n.startswith(name)}

    def layer(self, i, x, mask=None, training=True):
        if (t := self.named(f"layers.{i}.")).keys() >= {"body.conv1.weight"}:
            return block(x, t, -(-x.shape[1] // self.shapes[i - 1][0]), mask, training)
        return unit(x, self.named(f"layers.{i}."), self.pools[i - 1], mask, training)

    def classify(self, i, x, training=True):
        t = self.named(f"aux.{i}.")
        if i == len(self.pools):
            x = x.mean(dim=(1, 2)) if self.average else x
            return x.flatten(1) @ t["linear.weight"] + t["linear.bias"]
        return self.auxiliary(x, t, training, self.features)

    def step(self, blocks, x, labels, masks):
        losses = []
        for i in range(1, blocks[0][0]):  # frozen
            x = self.layer(i, x, masks[i - 1])
        for first, last in blocks:
            x = x.detach()
            for i in range(first, last + 1):
                x = self.layer(i, x, masks[i - 1])
            loss = functional.cross_entropy(self.classify(last, x), labels)
            self.optimizer.zero_grad(set_to_none=True)  # without a gradient, parameters do not even decay
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
        return losses

    def predict(self, x):
        for i in range(1, len(self.pools) + 1):
            x = self.layer(i, x, training=False)
        return self.classify(len(self.pools), x, training=False)


def close(received, expected, tolerance, name=""):
    expected = expected.detach().numpy() if isinstance(expected, torch.Tensor) else np.asarray(expected)
    atol = tolerance * max(np.abs(expected).max(), 1e-3)
    np.testing.assert_allclose(received, expected, rtol=tolerance, atol=atol, err_msg=name)


def check(layer, reference, x, tolerance=1e-9):
    """Compare outputs, gradients and running statistics with those of reference(x, t, training)."""
    t, xt = tensors(layer.params | layer.state), torch.tensor(x, requires_grad=True)
    y, yt = layer.forward(x, training=True), reference(xt, t, True)
    assert layer.output_shape(x.shape[1:]) == y.shape[1:]
    close(y, yt, tolerance, "y")
    dy = np.random.default_rng(1).standard_normal(y.shape).astype(x.dtype)
    yt.backward(torch.tensor(dy))
    dx = layer.backward(dy)
    assert y.dtype == dx.dtype == x.dtype
    close(dx, xt.grad, tolerance, "dx")
    for need_dx in (True, False):
        assert need_dx or layer.backward(dy, need_dx=False) is None
        assert layer.grads.keys() == layer.params.keys()
        for name, gradient in layer.grads.items():
            close(gradient, t[name].grad, tolerance, f"need_dx={need_dx}: {name}")
            gradient[...] = np.nan
    for name, array in layer.state.items():
        close(array, t[name], tolerance, name)
    close(layer.forward(x[:3]), reference(xt[:3], t, False), tolerance, "evaluation")


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("geometry", ["311", "110", "210", "221", "432", "522", "320", "314", "131", "611"])
def test_conv(rng, geometry, bias, dtype, tolerance):
    kernel, stride, padding = map(int, geometry)
    layer = ml.Conv2d(3, 5, kernel, stride, padding, bias, rng=rng, dtype=dtype)
    if bias:
        layer.params["bias"][...] = rng.standard_normal(5)

    x = rng.standard_normal((9, 7, 6, 3)).astype(dtype)
    check(layer, lambda x, t, _: conv(x, t["weight"], t.get("bias"), stride, padding), x, tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
@pytest.mark.parametrize("shape", [(2, 4), (300, 4), (3, 1, 1, 4), (17, 9, 5, 4)])
def test_batchnorm(rng, shape, dtype, tolerance):
    layer = ml.BatchNorm(4, dtype)
    for array in (*layer.params.values(), *layer.state.values()):
        array[...] = rng.uniform(0.5, 2, 4)
    x = (rng.standard_normal(shape) * [1, 10, 0.1, 1] + [0, 30, 1, 0]).astype(dtype)
    check(layer, lambda x, t, training: norm(x, t, "", training), x, tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
def test_layers_without_state(rng, dtype, tolerance):
    maps = rng.standard_normal((5, 12, 8, 3)).astype(dtype)
    tied = rng.integers(-1, 2, maps.shape).astype(dtype)
    linear = ml.Linear(7, 4, bias=True, rng=rng, dtype=dtype)
    linear.params["bias"][...] = [1, 2, 3, 4]
    for layer, reference, x in (
        (ml.ReLU(), lambda x, *_: functional.relu(x), tied),
        (ml.Flatten(), lambda x, *_: x.flatten(1), maps),
        (linear, lambda x, t, _: x @ t["weight"] + t["bias"], maps[:, :7, 0, 0].copy()),
        (ml.Linear(288, 9, bias=False, dtype=dtype, rng=0), lambda x, t, _: x @ t["weight"], maps.reshape(5, -1)),
    ):
        check(layer, reference, x, tolerance)
    for window in ((2, 2), (4, 2), (1, 8), (3, 4), (12, 8)):
        for layer, pool in ((ml.MaxPool2d, functional.max_pool2d), (ml.AvgPool2d, functional.avg_pool2d)):
            for x in (maps, tied):
                check(layer(window), lambda x, *_: on_maps(pool, x, window), x, tolerance)  # noqa: B023


@pytest.mark.parametrize("rate", [0, 0.05, 0.5])
def test_dropout(rate):
    layer, x = ml.Dropout(rate, key=7), np.ones((64, 10, 10, 8))
    mask = layer.forward(x, training=True)
    assert set(np.unique(mask)) <= {0, 1 / (1 - rate)}
    assert abs(np.mean(mask == 0) - rate) < 4 * math.sqrt(rate * (1 - rate) / mask.size) + 1e-9
    check(layer, lambda x, t, training: x * torch.tensor(mask) if training else x, 3 * x)


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
@pytest.mark.parametrize(("scale", "classes"), [(1, 2), (1, 100), (1e4, 10)])
def test_softmax_cross_entropy(rng, scale, classes, dtype, tolerance):
    logits = (scale * rng.uniform(-1, 1, (20, classes))).astype(dtype)
    logits[0, :2] = scale, -scale
    labels = rng.integers(0, classes, 20)
    received = torch.tensor(logits, requires_grad=True)
    expected = functional.cross_entropy(received, torch.tensor(labels))
    expected.backward()
    loss, dlogits = ml.softmax_cross_entropy(logits, labels)
    close(loss, expected, tolerance)
    close(dlogits, received.grad, tolerance)


@pytest.mark.parametrize("model", ["vgg16", "vgg11b"])
@pytest.mark.parametrize(("make", "reference"), [(ml.a1, a1), (ml.a2, a2)])
def test_auxiliary_classifiers(rng, model, make, reference):
    stages, fc, features = sixteenth(model)
    for shape in dict.fromkeys(shape for shape, _ in walk(stages, fc, (32, 32, 3))):
        layer = make(shape, 10, features, rng, np.float64)
        for name, param in layer.params.items():
            if not name.endswith("weight"):
                param += 0.1 * rng.standard_normal(param.shape)
        x = np.maximum(rng.standard_normal((6, *shape)), 0)
        check(layer, lambda x, t, training: reference(x, t, training, features), x)


def train(network, reference, algo, shifts, tolerance):
    """Take one step per shift on both sides, and compare everything after each step."""
    rng, optimizer, count = np.random.default_rng(5), ml.SGD(momentum=0.9, weight_decay=5e-3), len(network)
    size = count if algo == "BP" else int(algo[1])
    dtype = network.classifier().params["linear.weight"].dtype
    cuts = [[(i, min(i + size - 1, count)) for i in range(s + 1, count + 1, size)] for s in range(size)]
    assert set(network.auxiliary) == {last for shift in SHIFTS[algo] for _, last in cuts[shift]}
    for step, shift in enumerate(shifts):
        blocks = cuts[shift]
        x = rng.standard_normal((8, *network.input_shape)).astype(dtype)
        labels = rng.integers(0, 5, 8)
        network.set_dropout_keys(11, step)
        ones = [np.ones((8, *shape), dtype) for shape in network.shapes]
        fused = [next(leaf for leaf in leaves(layer) if hasattr(leaf, "rate")) for layer in network.layers]
        drops = [ml.Dropout(leaf.rate, leaf.key) for leaf in fused]
        masks = [torch.tensor(drop.forward(x, True)) for drop, x in zip(drops, ones, strict=True)]
        optimizer.lr = reference.optimizer.param_groups[0]["lr"] = 0.1 / (step + 1)
        before = {name: array.copy() for name, array in network.arrays().items()}
        losses = reference.step(blocks, torch.tensor(x), torch.tensor(labels), masks)
        if algo == "BP":
            results = ml.backprop_step(network, x, labels, optimizer, 11, step)
        else:
            results = ml.local_step(network, [ml.Block(*b) for b in blocks], x, labels, optimizer, 11, step)
        assert [tuple(result.block) for result in results] == blocks
        close([result.loss for result in results], losses, tolerance, "losses")
        for name, array in network.arrays().items():
            close(array, reference.tensors[name], tolerance, f"step {step}: {name}")
            kind, number, *_, key = name.split(".")
            trained = int(number) > shift if kind == "layers" else int(number) in {last for _, last in blocks}
            moves = trained or (kind == "layers" and key in ("mean", "variance"))
            assert (array.tobytes() != before[name].tobytes()) == moves, name
    for prefix, layer in network.named_layers():
        for name, velocity in optimizer.velocity_of(layer).items():
            state = reference.optimizer.state.get(reference.tensors[f"{prefix}.{name}"], {})
            expected = state.get("momentum_buffer", np.zeros(velocity.shape))
            close(velocity, expected, tolerance, f"{prefix}.{name}")
    close(network.predict(x), reference.predict(torch.tensor(x)), tolerance, "logits in evaluation")


RUNS = [(algo, [shift] * 3) for algo, shifts in SHIFTS.items() for shift in shifts]
RUNS += [("G2S1", [0, 1, 0, 1]), ("G3S2", [0, 2, 0, 2]), ("G3S1", [0, 1, 2, 0])]


@pytest.mark.parametrize(("algo", "shifts"), RUNS)
@pytest.mark.parametrize("classifier", ["a1", "a2"])
@pytest.mark.parametrize(("dropout", "dtype", "tolerance"), [(0, *d) for d in DTYPES] + [(0.3, *DTYPES[0])])
def test_training_steps(algo, shifts, classifier, dropout, dtype, tolerance):
    stages, fc = "4 4 M 8 8 M 8", [16, 12]
    network = ml.build_network(
        stages, fc, (16, 16, 3), 5, algo,
        features=32, classifier=classifier, dropout=dropout, seed=3, dtype=dtype,
    )  # fmt: skip
    if dtype == np.float32:  # its rounding errors grow from step to step
        shifts = shifts[-1:]
    train(network, Reference(network, stages, fc, 32, classifier), algo, shifts, tolerance)


@pytest.mark.parametrize(("algo", "shifts"), [("BP", [0] * 3), ("G2S1", [0, 1, 0]), ("G3S2", [2, 0, 2])])
def test_training_steps_of_residual_networks(algo, shifts):
    stages = "4 R4 R8/2 P6 P8/2 A"
    network = ml.build_network(stages, [], (16, 16, 3), 5, algo, features=64, dropout=0.3, seed=3, dtype=np.float64)
    train(network, Reference(network, stages, [], 64, "a1"), algo, shifts, 1e-9)


@pytest.mark.parametrize("run", ["vgg16 G3S2 a1", "vgg11b G2S1 a2", "vgg8b BP a1"])
def test_training_steps_of_published_networks(run):
    model, algo, classifier = run.split()
    stages, fc, features = sixteenth(model)
    network = ml.build_vgg(model, algo=algo, width=1 / 16, classifier=classifier, dtype=np.float64)
    train(network, Reference(network, stages, fc, features, classifier), algo, (SHIFTS[algo] * 3)[:3], 1e-9)


@pytest.mark.parametrize(("momentum", "decay"), [(0.9, 5e-4), (0, 0.1), (0.5, 0)])
def test_sgd_and_learning_rates(rng, momentum, decay):
    steps = 32
    layer, optimizer = ml.Linear(30, 7, rng=rng, dtype=np.float64), ml.SGD(0.1, momentum, decay)
    for name in ("cosine", "step"):
        t = tensors(layer.params)
        expected = torch.optim.SGD(t.values(), 0.1, momentum, weight_decay=decay)
        schedules = torch.optim.lr_scheduler
        schedule = schedules.CosineAnnealingLR(expected, steps)
        if name == "step":
            schedule = schedules.MultiStepLR(expected, [16, 24, 28, 30], gamma=0.25)
        optimizer.velocity.clear()
        for step in range(steps):
            optimizer.lr = ml.learning_rate(name, 0.1, step, steps)
            close(optimizer.lr, schedule.get_last_lr()[0], 1e-9, f"{name}, step {step}")
            for key, gradient in layer.grads.items():
                gradient[...] = rng.standard_normal(gradient.shape)
                t[key].grad = torch.tensor(gradient)
            optimizer.update(layer)
            expected.step()
            schedule.step()
            for key, param in layer.params.items():
                close(param, t[key], 1e-9, f"{name}, step {step}: {key}")
