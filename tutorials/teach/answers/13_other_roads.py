# %% [markdown]
# # Answers to lesson 13

# %%
data = ml.prepare("fashion-mnist-mini", train_size=3000, test_size=2000)
EPOCHS, STEPS = 6, 6 * (3000 // BATCH)
tests = np.concatenate([x for x, _ in ml.evaluation_batches(data.test)])

# %% [markdown]
# ## Exercise 1
#
# **Answer.** Either layer alone predicts nearly as well as both, and the first one a little better
# or worse than the second depending on the seed: the second sees only the direction of the first
# one's output, and that still contains the label. With a faint label (`INK` = 1) the layers hardly
# notice it and learn little; from 4 on it makes less difference; a very bright one (32) drowns the
# image after the scaling to length 1, and it is the image that must be compared with the label.
# *Typical wrong answers:* evaluating with the new `INK` layers that were trained with the old one;
# leaving out `normalised` between the layers, so that the second layer repeats the first one's
# goodness.


# %%
def train_forward_forward(choose_wrong, seconds=None):
    layers = [
        ml.Sequential(linear=ml.Linear(d_in, WIDTH, gain=2, rng=n), relu=ml.ReLU())
        for n, d_in in enumerate((32 * 32, WIDTH))
    ]
    optimizer = ml.SGD(momentum=0.9, weight_decay=0)
    history = []
    for step, rate, x, labels in minibatches():
        optimizer.lr = 0.3 * rate
        forward_forward_step(layers, x, labels, choose_wrong(layers, x, labels), optimizer)
        if (step + 1) % (STEPS // EPOCHS) == 0:
            history.append(100 * np.mean(predictions(layers, tests) == data.test.labels))
    return layers, history


def at_random(layers, x, labels):
    return (labels + rng.integers(1, C, len(labels))) % C


def scores_by_layer(layers, x):
    scores = np.zeros((len(layers), len(x), C))
    for label in range(C):
        h = normalised(labelled(x, np.full(len(x), label)))
        for number, layer in enumerate(layers):
            h = layer.forward(h)
            scores[number, :, label] = goodness(h)
            h = normalised(h)
    return scores


print("INK    layer 1  layer 2     both    test accuracy, %")
for INK in (1.0, 4.0, 8.0, 32.0):
    layers, _ = train_forward_forward(at_random)
    scores = scores_by_layer(layers, tests)
    found = [100 * np.mean(s.argmax(axis=1) == data.test.labels) for s in (*scores, scores.sum(axis=0))]
    print(f"{INK:<5g}", *(f"{value:8.1f}" for value in found))
INK = 8.0

# %% [markdown]
# ## Exercise 2
#
# **Answer.** Hard negatives are the labels that the layers themselves find likely. They need ten
# forward passes more per step, so a step takes several times as long. Per step it may learn a
# little faster or not at all in so short a training; per second it does not. *Typical wrong
# answers:* the right label is not left out (some "negative" images are positive); taking the most
# likely wrong label always, instead of drawing it (the layers then chase one pair of classes after
# another); comparing at the same number of steps only.

# %%
import time


def by_likelihood(layers, x, labels):
    scores = scores_by_layer(layers, x).sum(axis=0)
    scores[np.arange(len(x)), labels] = -np.inf
    return (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)  # a draw from the softmax


for name, choose in (("at random", at_random), ("by likelihood", by_likelihood)):
    began = time.perf_counter()
    _, history = train_forward_forward(choose)
    taken = time.perf_counter() - began
    print(f"{name:<14}", *(f"{a:6.1f}" for a in history), f"   % after each epoch; {taken:.1f} s")

# %% [markdown]
# ## Exercise 3
#
# **Answer.** Below. The copy is not among the loss's `layers`, so the optimizer leaves it alone;
# its own gradients are computed and ignored. Layer 1's gradient points nearer to BP's than
# Mono-Forward's: it passes through (nearly) the layer that BP's passes through. With $m = 0.9$ the
# copy is at most some steps behind; with 0.995 it lags by two hundred steps, more than an epoch
# here, and is less like layer 2. The price is that layer 2's weights must come to block 1 in every
# step. *Typical wrong answers:* the copy among `layers`, so that it is trained; a reference to
# layer 2 instead of a copy (its kept arrays are overwritten, and its gradients too); a copy that
# does not follow.


# %%
class Man:
    """Cross-entropy of a Linear on what a copy of the next layer makes of x."""

    def __init__(self, copy, linear):
        self.copy, self.layers = copy, {"linear": linear}

    def __call__(self, x, labels, need_dx=True):
        linear = self.layers["linear"]
        z = linear.forward(self.copy.forward(x, training=True), training=True)
        value, dz = ml.softmax_cross_entropy(z, labels)
        dh = linear.backward(dz, need_dx)
        correct = int(np.sum(z.argmax(axis=1) == labels))
        return value, correct, self.copy.backward(dh) if need_dx else None

    def follow(self, layer, m):
        for name, array in self.copy.params.items():
            array[...] = m * array + (1 - m) * layer.params[name]


def small_network(seed=0):
    return ml.build_network("", [12, 12], (8, 8, 1), C, "G1", features=12, dtype=np.float64, seed=seed)


exact, other = small_network(), small_network(seed=1)
exact.losses[1] = Man(other.layer(2), ml.Linear(12, C, rng=3, dtype=np.float64))
draw = np.random.default_rng(4)
few, few_labels = draw.standard_normal((16, 8, 8, 1)), draw.integers(0, C, 16)
layer, loss = exact.layer(1), exact.losses[1]


def value_of_man():
    return loss(layer.forward(few, training=True), few_labels)[0]


_, _, dx = loss(layer.forward(few, training=True), few_labels)
layer.backward(dx, need_dx=False)
linear = loss.layers["linear"]
checked = [(name, layer.params[name], g.copy()) for name, g in layer.grads.items()]
checked.append(("the Linear", linear.params["weight"], linear.grads["weight"].copy()))
for name, array, gradient in checked:
    result = ml.check_gradient("MAN", name, value_of_man, array, gradient, entries=8)
    check(f"MAN's gradient of {name}", result.passed(1e-6), f"{result.worst:.1e}")

pair = [ml.Block(1, 1), ml.Block(2, 2)]


def cosine_with_bp(network, x, labels):
    found = []
    for blocks in (pair, [ml.Block(1, 2)]):
        ml.local_step(network, blocks, x, labels)
        found.append(np.concatenate([g.ravel() for g in network.layer(1).grads.values()]))
    return found[0] @ found[1] / np.linalg.norm(found[0]) / np.linalg.norm(found[1])


def train_pair(loss, m=None):
    network, optimizer = build("G1"), ml.SGD(weight_decay=0)
    network.losses[1] = loss
    for step, rate, x, labels in minibatches():
        optimizer.lr = 0.1 * rate
        ml.local_step(network, pair, x, labels, optimizer, step=step)
        if m is not None:
            loss.follow(network.layer(2), m)
    x, labels = next(ml.training_batches(data.train, 1024, 1, 0, crop=False, flip=False))
    accuracy = ml.evaluate_network(network, data.test, [2])[2].accuracy
    return cosine_with_bp(network, x, labels), accuracy


print("loss of layer 1         cosine with BP   test accuracy")
one_matrix = ml.CrossEntropy(ml.Sequential(linear=ml.Linear(WIDTH, C, bias=False, rng=3)))
for name, loss_1, m in (
    ("Mono-Forward", one_matrix, None),
    ("MAN, m = 0.9", Man(build("G1").layer(2), ml.Linear(WIDTH, C, rng=3)), 0.9),
    ("MAN, m = 0.995", Man(build("G1").layer(2), ml.Linear(WIDTH, C, rng=3)), 0.995),
):
    cosine, accuracy_now = train_pair(loss_1, m)
    print(f"{name:<24}{cosine:>10.2f}{accuracy_now:>16.1%}")
