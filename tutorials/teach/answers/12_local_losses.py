# %% [markdown]
# # Answers to lesson 12
#
# These train on the lesson's 4,000 images, for four epochs, with one seed.

# %%
data = ml.prepare("fashion-mnist-mini", train_size=4000, test_size=2000)
EPOCHS, BATCH = 4, 128


def trained_with(make, seed=0, algo="G1"):
    """Train with the loss `make(number, the usual loss)` on layers 1 to 3."""
    network, optimizer = build(seed, algo=algo), ml.SGD()
    for number in set(network.losses) & {1, 2, 3}:
        network.losses[number] = make(number, network.loss(number))
    steps, t, schedule = EPOCHS * (len(data.train) // BATCH), 0, ml.parse_schedule(algo)
    for epoch in range(EPOCHS):
        for x, labels in ml.training_batches(data.train, BATCH, seed, epoch, crop=True, flip=True):
            optimizer.lr = ml.learning_rate("cosine", LR, t, steps)
            ml.local_step(network, schedule.blocks_at(epoch, 4), x, labels, optimizer, seed, t)
            t += 1
    return network


def report(name, network):
    cells = "".join(f"{100 * nearest_mean_accuracy(network, number):8.1f}%" for number in (1, 2, 3))
    print(f"{name:<24}{cells}{100 * test_accuracy(network):12.1f}%")


HEAD = f"{'loss of layers 1-3':<24}" + "".join(f"{f'layer {i}':>9}" for i in (1, 2, 3)) + "    test accuracy"

# %% [markdown]
# ## Exercise 1
#
# **Answer.** Layer 1's nearest class mean rises from 43 to 52 % up to $w = 5$; the test accuracy
# hardly moves up to $w = 1$. With $w = 20$ both fall, to 48 and 73 %: the gradient of the whole
# block, not only its direction, is then up to twenty times as large, and so is each step. Lower
# the **learning rate** of `ml.SGD`. A fifth of it mends the hidden layers (53 % in layer 1), but
# not the test accuracy, because the last layer then learns more slowly, too. *Typical wrong
# answers:* weight decay or momentum; scaling the value but not $dx$ (the printed loss changes, the
# training does not).


# %%
class Weighted:
    """L_pred + w·L_sim."""

    def __init__(self, pred, sim, w):
        self.pred, self.sim, self.w = pred, sim, w
        self.layers = pred.layers | sim.layers

    def __call__(self, x, labels, need_dx=True):
        value, correct, dx = self.pred(x, labels, need_dx)
        value_sim, _, dx_sim = self.sim(x, labels, need_dx)
        w = np.asarray(self.w, x.dtype)
        return value + self.w * value_sim, correct, dx + w * dx_sim if need_dx else None


print(HEAD)
for weight in (0, 0.3, 1, 5, 20):
    report(
        f"w = {weight}",
        trained_with(lambda _, pred, w=weight: Weighted(pred, SimilarityMatching(), w)),
    )
LR = 0.02
report(
    "w = 20, a fifth of the lr",
    trained_with(lambda _, pred: Weighted(pred, SimilarityMatching(), 20)),
)
LR = 0.1

# %% [markdown]
# ## Exercise 2
#
# **Answer.** The convolution $C \to C$ on the layer's output takes $9 C^2 H W$ multiply-adds in
# each of three products, where the layer itself takes $9 C_\mathrm{in} C H W$ in two: for layer 1,
# with one input channel, that is 24 times as much, for layers 2 and 3 it is 3 and
# 1.5 times as much. It adds $9 C^2$ weights per layer. Here it does harm: the nearest class mean falls in
# every layer (41 instead of 51 % in layer 1), because now the convolution does the matching, which
# nobody uses afterwards, and the layer only has to feed it. *Typical wrong answers:* counting one
# product instead of three; adding the layer to the network's own layers instead of the loss's
# `layers` (it is not trained then); a channel count taken from the input.


# %%
class ConvSimilarity(SimilarityMatching):
    """Similarity matching after a 3×3 convolution that learns from it."""

    def __init__(self, channels, classes=10, dtype=np.float32):
        conv = ml.Conv2d(channels, channels, rng=3, dtype=dtype)
        self.layers, self.classes = (
            {"deviation": ml.Sequential(conv=conv, deviation=Deviation())},
            classes,
        )


small.losses[2] = ConvSimilarity(6, dtype=np.float64)
x, labels = rng.standard_normal((12, 8, 8, 2)), rng.integers(0, 10, 12)
ml.local_step(small, pairs, x, labels)
conv = small.losses[2].layers["deviation"]
kept = conv.grads["conv.weight"].copy()
result = ml.check_gradient(
    "block 1-2",
    "conv.weight",
    lambda: value_of(ml.Block(1, 2), small, x, labels),
    conv.params["conv.weight"],
    kept,
    10,
)
check("the convolution's gradient in a whole step", result.passed(1e-5), f"{result.worst:.1e}")
for number, shape in enumerate(untrained.shapes[:3], 1):
    before = untrained.shapes[number - 2] if number > 1 else data.image_shape
    own, added = (
        2 * untrained.layer(number).macs(before),
        3 * 9 * shape[-1] ** 2 * shape[0] * shape[1],
    )
    print(
        f"layer {number}: {own:>10,} MACs itself, {added:>10,} more, {added / own:.1f} times;",
        end="",
    )
    print(f" {9 * shape[-1] ** 2:,} weights")
print(HEAD)
report("sim", trained_with(lambda *_: SimilarityMatching()))
report(
    "sim after a convolution",
    trained_with(lambda number, _: ConvSimilarity(untrained.shapes[number - 1][-1])),
)

# %% [markdown]
# ## Exercise 3
#
# **Answer.** $S(YR)$ still needs labels: images of a class have the same row of $YR$, only the
# angles between classes are random instead of equal. The similarity of the *inputs* needs none,
# and tells the layers nothing that the pixels don't say. A good prediction: $S(YR)$ a little below
# similarity matching (it asks for some classes to look alike for no reason), and so it is, by up
# to two points. Most predict that the inputs' similarity teaches no more than "nothing". It
# teaches far more, 52, 64 and 66 % instead of 40, 49 and 53 %, nearly as much as the labels:
# pictures of the same clothes have similar pixels, and layers that keep what makes pictures alike
# keep much of what makes classes. The test accuracy shows none of this: all rows are within a
# point or so. With G2S1 the losses on layers 2, 3 and 4 take turns; `network.losses` of a network
# built with "G2S1" has exactly these. *Typical wrong answers:* a new $R$ in every step (no target
# is left); a similarity of the layer's own input $x_{i-1}$ rather than of the images.


# %%
class Target(SimilarityMatching):
    """Similarity matching with another target: `similarity_of(x_0, labels)`."""

    images = None  # of the current step, set below

    def __init__(self, target):
        super().__init__()
        self.target = target

    def __call__(self, x, labels, need_dx=True):
        deviation = self.layers["deviation"]
        target = self.target(labels).astype(x.dtype)
        value, dh = similarity_matching(deviation.forward(x, training=True), target)
        return value, 0, deviation.backward(dh) if need_dx else None


R = np.random.default_rng(11).standard_normal((10, 10))


def projected(labels):
    return similarity(np.eye(10)[labels] @ R)


def of_inputs(labels):
    return similarity(Target.images)


step_as_it_was = ml.local_step


def noting_step(network, blocks, x, *rest):
    Target.images = x.reshape(len(x), -1)
    return step_as_it_was(network, blocks, x, *rest)


ml.local_step = noting_step
print(HEAD)
report("nothing", trained_with(lambda *_: Nothing()))
report("S(Y), the labels", trained_with(lambda *_: Target(similarity_of_labels)))
report("S(YR), projected", trained_with(lambda *_: Target(projected)))
report("S(x_0), no labels", trained_with(lambda *_: Target(of_inputs)))
ml.local_step = step_as_it_was
moving = trained_with(lambda *_: SimilarityMatching(), algo="G2S1")
print("losses of G2S1:", {number: type(loss).__name__ for number, loss in moving.losses.items()})
report("S(Y), G2S1", moving)
