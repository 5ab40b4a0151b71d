# %% [markdown]
# # Answers to lesson 5

# %% [markdown]
# ## Exercise 1
#
# **Answer.** With $D = 64$ all windows of convolutional layers become larger, with $D = 1024$
# smaller; layers 6 and 7 are vectors and keep what they have. From 256 to 64 the accuracies of
# $A_1$ and $A_2$ fall most, by six points: their maps are large, and averages over large windows
# throw away where something is. Later layers have fewer pixels and more channels; they lose three
# to five points, in part because the layers before them have learned less. From 256 to 1024
# nothing is gained here. *Typical wrong answers:* "a larger $D$ is always better" (the classifier
# then does more of the work, and the layer less); "layer 6 changes too" (its classifier sees 64
# numbers in any case, and it is $x_5$ that has changed).

# %%
data = ml.prepare("fashion-mnist-mini", train_size=3000, test_size=2000)
EPOCHS, STEPS = 6, 6 * (3000 // BATCH)
found = {}
for D in (64, 256, 1024):
    windows = [ml.a1_window(shape, D) if len(shape) == 3 else "" for shape in network.shapes]
    print(f"D = {D:>4}  windows", *windows)
    found[D] = train_g1(build("G1", seed=SEED))[-1]
print("test accuracy, %", *(f"A_{i}".rjust(6) for i in range(1, K + 1)))
for D, row in found.items():
    print(f"D = {D:<12}", *(f"{100 * accuracy:6.1f}" for accuracy in row))
D = 256
gain = found[1024] - found[64]
check(
    "layers 1 and 2 depend most on D",
    gain[:2].min() > gain[2:].max(),
    ", ".join(f"{100 * g:+.1f}" for g in gain),
)

# %% [markdown]
# ## Exercise 2
#
# **Answer.** A2 of layer 2 averages 16×16 to 4×4, applies three 1×1 convolutions $32 \to 32$,
# averages to 2×2, and applies three linear layers $128 \to 128$ and one to the classes. The table
# gives its cost: 8 % of its layer's in layer 2, up to 42 % in layer 1, 10 % in all, where A1 adds
# 0.2 %. Ten times wider, layers and A2 cost a hundred times as much (both go like $C^2$), so A2's
# share stays; A1's, which goes like $C$ or not at all, shrinks. Here A2 is not worth it: in so
# short a training every classifier from $A_2$ on ends four or five points lower. A2 has much to
# learn itself before it can teach. The paper's gains with A2 are in long training of large
# networks. *Typical wrong answers:* "wider layers make A2 relatively cheaper"; judging it by
# $A_1 \dots A_5$, which nobody uses after training.

# %%
rich = build("G1", classifier="a2", seed=SEED)
print(*rich.classifier(2).layers.values(), sep="\n")
print("layer     of layer i      of A1      of A2    MACs of three products, per image")
share = {"A1": 0, "A2": 0, "layers": 0}
for i in range(1, K + 1):
    shape = network.shapes[i - 1]
    macs = [3 * n.classifier(i).macs(shape) for n in (network, rich)]
    layer_macs = 3 * network.layer(i).macs(inputs[i - 1])
    share["A1"], share["A2"], share["layers"] = (
        share["A1"] + macs[0], share["A2"] + macs[1], share["layers"] + layer_macs
    )  # fmt: skip
    print(f"{i:>5}{layer_macs:>15,}{macs[0]:>11,}{macs[1]:>11,}")
print(f"A1 adds {share['A1'] / share['layers']:.1%} to the layers' work, A2 {share['A2'] / share['layers']:.1%}")
with_a2 = train_g1(rich)[-1]
print("test accuracy, %", *(f"A_{i}".rjust(6) for i in range(1, K + 1)))
for name, row in (("A1", found[256]), ("A2", with_a2)):
    print(f"{name:<16}", *(f"{100 * accuracy:6.1f}" for accuracy in row))

# %% [markdown]
# ## Exercise 3
#
# **Answer.** The step is below. It must store what *all* layers keep until the gradient has come
# back, as BP does, and layer 1 may be updated only at the very end: nothing of G1's unlocking is
# left. In so short a training the network's own classifier ends a point higher than with G1 (82.2
# %), and the first two lower, because their layers now also serve the later ones.
# `ml.check_gradient` is of little help: seven layers of ReLUs and max-pools have a kink within its
# $h = 10^{-4}$ nearly everywhere, so it skips most entries, or finds fault with a right one. With
# $h = 10^{-6}$ all is well; so it is in a network of three layers. *Typical wrong answers:*
# updating each layer inside the backward loop *before* its $dx$ is computed (then $dx$ belongs to
# other weights; after it is right); adding $dx_i$ of the classifier after the layer's backward
# instead of before; a step that is right and a check against `loss_of(1)` alone.


# %%
def deep_step(network, x, labels, optimizer=None, seed=0, step=0):
    network.set_dropout_keys(seed, step)
    from_classifiers, losses = [], []
    for number, layer in enumerate(network.layers, 1):
        x = layer.forward(x, training=True)
        classifier = network.classifier(number)
        loss, dlogits = ml.softmax_cross_entropy(classifier.forward(x, training=True), labels)
        from_classifiers.append(classifier.backward(dlogits))
        losses.append(loss)
    dx = np.zeros_like(x)
    for number in range(len(network), 0, -1):
        dx = network.layer(number).backward(dx + from_classifiers[number - 1], need_dx=number > 1)
    for number in range(1, len(network) + 1):
        for layer in (network.layer(number), network.classifier(number)):
            if optimizer is not None:
                optimizer.update(layer)
            layer.release()
    return losses


deep_step(network, images, labels)
weight, gradient = (arrays["conv.weight"] for arrays in (network.layer(1).params, network.layer(1).grads))


def all_losses():
    return sum(loss_of(i) for i in range(1, K + 1))


worst, h = 0.0, 1e-6
for index in [(1, 1, 0, 3), (0, 2, 0, 7), (2, 0, 0, 12), (0, 0, 0, 0)]:
    value = weight[index]
    weight[index] = value + h
    above = all_losses()
    weight[index] = value - h
    slope = (above - all_losses()) / (2 * h)
    weight[index] = value
    worst = max(worst, abs(slope - gradient[index]) / abs(slope))
check("layer 1 follows the sum of all losses", worst < 1e-5, f"worst relative error {worst:.0e}")
result = ml.check_gradient("deep", "conv.weight", all_losses, weight, gradient, entries=4)
print(f"ml.check_gradient, with h = 1e-4, finds {result.checked} entries without a kink")

supervised, optimizer, t = build("G1", seed=SEED), ml.SGD(), 0
for epoch in range(EPOCHS):
    for x, y in ml.training_batches(data.train, BATCH, SEED, epoch, crop=True, flip=True):
        optimizer.lr = ml.learning_rate("cosine", 0.1, t, STEPS)
        deep_step(supervised, x, y, optimizer, SEED, t)
        t += 1
scores = ml.evaluate_network(supervised, data.test, range(1, K + 1))
print("test accuracy, %", *(f"A_{i}".rjust(6) for i in range(1, K + 1)))
for name, row in (("G1", found[256]), ("all losses", [s.accuracy for s in scores.values()])):
    print(f"{name:<16}", *(f"{100 * accuracy:6.1f}" for accuracy in row))
