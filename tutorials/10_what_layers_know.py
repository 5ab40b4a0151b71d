# %% [markdown]
# # Lesson 10: What do layers know?
#
# Two networks can reach the same accuracy and yet get there in different ways. Under
# backpropagation a layer in the middle only has to be useful to the layers after it. Under local
# learning it has to be useful to a classifier right behind it. What does that change
# inside? We train the same network by BP, G1 and G3S2, freeze it, and ask every layer two
# questions: *how much of the answer can be read off you?* (a linear probe), and *whom do you
# resemble?* (CKA).
#
# **Learning goals.** After this lesson you can
#
# * train linear probes on the features of frozen layers, and keep the comparison fair;
# * read a curve of probe accuracy over depth, beside that of an untrained network;
# * compute linear CKA, test it on cases that you can solve by hand, and say what it ignores;
# * compare layers within a network and between algorithms, with another seed as the yardstick.
#
# *You need:* lesson 1 (a linear classifier), lesson 5 or 6 (local learning). *Time:* 25 minutes to
# read, about a minute to run. Symbols are those of [reference.md](reference.md).
#
# **If you start here:** *backpropagation* (BP) trains all $K$ layers by one loss at the end.
# *G1* gives every layer a small *auxiliary classifier* and trains the layer by that classifier's
# loss alone; no gradient passes from layer to layer. *G3S2* does the same with blocks of three
# layers, whose boundaries move by two layers after one epoch, and back after the next.

# %%
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

if Path("../minilocal/__init__.py").exists():  # this notebook is in a checkout
    sys.path.append(str(Path("..").resolve()))
if importlib.util.find_spec("minilocal") is None:
    wheel = os.environ.get("MINILOCAL_WHEEL")
    if not wheel:
        raise ImportError("minilocal not found; run `python -m pip install -e .` in a clone of it")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", wheel], check=True)

# %%
import numpy as np

import minilocal as ml
from minilocal.course import check, figures, sized
from minilocal.course.charts import draw_curves, draw_tables

show = figures(10)

# %% [markdown]
# ## 1 One network, trained in three ways
#
# The network has six layers, five convolutional and one fully connected. Every copy starts from the
# same weights (seed 0) and sees the same images in the same order; only the way that gradients
# travel differs. We train BP once more from another seed, as a yardstick: we will want to know how
# much two networks trained in the *same* way differ.

# %%
SIZES = {"train_size": sized(6000, 640), "test_size": sized(2000, 300)}
EPOCHS = sized(6, 2)
data = ml.prepare("fashion-mnist-mini", **SIZES)


def build(algo, seed):
    return ml.build_network(
        "16 M 32 32 M 64 64 M", [128], data.image_shape, 10, algo, features=256, seed=seed
    )


def trained(algo, seed):
    network = build(algo, seed)
    recipe = ml.Recipe(algo, seed, epochs=EPOCHS, batch_size=64, lr_schedule="cosine")
    report = list(ml.Trainer(network, data, recipe).epochs())[-1]
    print(f"{algo:5} seed {seed}: test accuracy {report.test.accuracy:.1%}")
    return network


networks = {
    "BP": trained("BP", seed=0),
    "G1": trained("G1", seed=0),
    "G3S2": trained("G3S2", seed=0),
    "BP, other seed": trained("BP", seed=1),
    "untrained": build("BP", seed=0),
}
K = len(networks["BP"])

# %% [markdown]
# ## 2 A probe on every layer
#
# A *probe* is a linear classifier that is trained on the features of a frozen layer (Alain and
# Bengio 2016). It changes nothing in the network. If it does well, the classes can be told apart
# by weighting the layer's numbers and adding them up: the answer has become *easy to read*.
#
# You have met such a thing. An auxiliary classifier A1 whose gradient is thrown away is a probe.
# We only have to keep the comparison fair, because a probe that sees 16,384 numbers has an
# advantage over one that sees 128. So every output $x_i$ is averaged down to 128 numbers, as many
# as the last layer has, by A1's own rule, and each number is standardised with the training images'
# mean and deviation. For comparison we treat the images in the same way; they are $x_0$.
#
# $$X_i = \big(\mathrm{pool}(x_i) - \mathrm{mean}\big) \,/\, \mathrm{deviation}, \qquad
# P_i(X_i) = \mathrm{BatchNorm}(X_i\,W_i).$$

# %%
from minilocal.course.probes import draw_probes

FEATURES = 128
shapes = networks["BP"].shapes
show(draw_probes(shapes, FEATURES), 1)


# %%
def pooled(x):
    if x.ndim == 4:
        x = ml.AvgPool2d(ml.a1_window(x.shape[1:], FEATURES)).forward(x)
    return x.reshape(len(x), -1)


def outputs(network, images):
    """Return x_0, …, x_K as a probe sees them, (N, 128) each."""
    batches = []
    for x, _ in ml.evaluation_batches(images):
        row = [pooled(x)]
        for layer in network.layers:
            x = layer.forward(x)  # running statistics, no dropout
            row.append(pooled(x))
        batches.append(row)
    return [np.concatenate(column) for column in zip(*batches, strict=True)]


def features(network):
    """Return (training, test) features, standardised, for i = 0 … K."""
    pairs = []
    both = outputs(network, data.train), outputs(network, data.test)
    for train, test in zip(*both, strict=True):
        mean, deviation = train.mean(axis=0), train.std(axis=0) + 1e-5
        pairs.append(((train - mean) / deviation, (test - mean) / deviation))
    return pairs


with ml.one_blas_thread():  # once for all products, instead of for each
    X = {name: features(network) for name, network in networks.items()}
train, test = X["BP"][K]
print(f"{len(X)} networks, x_0 to x_{K}: {train.shape} to train the probes, {test.shape} to test")

# %% [markdown]
# The probe is the library's A1, which on a vector is a linear layer and a BatchNorm. It is trained
# as in lesson 1, and `need_dx=False` says that nobody needs a gradient from it.


# %%
def probe_accuracy(train_x, test_x, epochs=10, batch=128):
    probe = ml.a1(train_x.shape[1:], len(data.classes), FEATURES, rng=0)
    optimizer = ml.SGD(lr=0.1)
    steps, rng = len(train_x) // batch, np.random.default_rng(0)
    for epoch in range(epochs):
        order = rng.permutation(len(train_x))
        for step in range(steps):
            chosen = order[step * batch : (step + 1) * batch]
            logits = probe.forward(train_x[chosen], training=True)
            _, dlogits = ml.softmax_cross_entropy(logits, data.train.labels[chosen])
            probe.backward(dlogits, need_dx=False)
            optimizer.lr = ml.learning_rate("cosine", 0.1, epoch * steps + step, epochs * steps)
            optimizer.update(probe)
    return np.mean(probe.forward(test_x).argmax(axis=1) == data.test.labels)


with ml.one_blas_thread():
    accuracy = {name: [probe_accuracy(*pair) for pair in pairs] for name, pairs in X.items()}
print(f"{'probe accuracy (%)':18}" + "".join(f"{f'x_{i}':>8}" for i in range(K + 1)))
for name, row in accuracy.items():
    print(f"{name:18}" + "".join(f"{100 * a:8.1f}" for a in row))

# %% [markdown]
# > **Question.** The untrained network's layers are random. Why does a probe on them still reach
# > 80 %, little less than one on the images?

# %%
NAMES = ("BP", "G3S2", "G1", "untrained")
places = ("images", *range(1, K + 1))


def by_layer(rows, ylabel, first=0):
    curves = {name: (range(first, K + 1), row[first:]) for name, row in rows.items()}
    ticks = {"xticks": range(first, K + 1), "xticklabels": places[first:]}
    return draw_curves({"": curves}, xlabel="layer", ylabel=ylabel, **ticks)


rows = {name: 100 * np.array(accuracy[name]) for name in NAMES}
show(by_layer(rows, "accuracy (%)"), 2)
gain = {name: 100 * (row[K] - row[1]) for name, row in accuracy.items()}
check(
    "depth makes the answer easier to read if trained",
    min(gain[name] for name in ("BP", "G1", "G3S2")) > gain["untrained"] + sized(2, -10),
    ", ".join(f"{name} {gain[name]:+.1f}" for name in NAMES),
)

# %% [markdown]
# A random layer mixes what it gets but loses little of it, so most of what could be read before it
# can be read after it. Layer by layer a little more is lost. The trained networks gain with depth
# instead, most of it in the second layer.
#
# And the algorithms? At this size their curves can hardly be told apart. With 2,000 test images an
# accuracy of 86 % has a standard error of $\sqrt{0.86 \cdot 0.14 / 2000}$, about 0.8 points, and so
# does every point in the figure: don't read stories into its wiggles. G1 does no worse in the early
# layers, where each has a classifier of its own to please. Does that mean that all three know the
# same?
#
# ## 3 Whom do you resemble?
#
# An accuracy is one number. To compare two layers we need to compare what they say about *all
# images*. Features cannot be compared one by one: feature 17 of one network has nothing to do with
# feature 17 of another, even if both networks know the same. But we can ask each layer which
# *images* it finds alike. With features $X$ $(N, p)$, centred so that each column has the mean 0,
# the table $X X^\top$ $(N, N)$ holds the inner product of every pair of images. *Linear CKA*
# (centred kernel alignment; Kornblith et al. 2019) is the cosine between two such tables:
#
# $$\mathrm{CKA}(X, Y)
# = \frac{\sum_{nm} (XX^\top)_{nm}\,(YY^\top)_{nm}}{\lVert XX^\top\rVert_F\ \lVert YY^\top\rVert_F}
# = \frac{\lVert X^\top Y\rVert_F^2}{\lVert X^\top X\rVert_F\ \lVert Y^\top Y\rVert_F} .$$
#
# The two forms are equal because $\mathrm{tr}(XX^\top YY^\top) = \mathrm{tr}(X^\top Y\,Y^\top X)$.
# The second one needs only $p \times p$ matrices. The two layers may have different numbers of
# features.


# %%
def cka(X, Y):
    """Return the linear CKA of features X (N, p) and Y (N, q) of the same N images."""
    X, Y = (Z - Z.mean(axis=0, dtype=np.float64) for Z in (X, Y))
    return np.sum((X.T @ Y) ** 2) / (np.linalg.norm(X.T @ X) * np.linalg.norm(Y.T @ Y))


def cka_by_images(X, Y):
    """The same from the tables of images; slower, as there are more images than features."""
    X, Y = (Z - Z.mean(axis=0, dtype=np.float64) for Z in (X, Y))
    K, L = X @ X.T, Y @ Y.T
    return np.sum(K * L) / (np.linalg.norm(K) * np.linalg.norm(L))


# %% [markdown]
# Our new code counts as wrong until it is tested, and a measure more than most, because nobody
# knows what it *should* say about two networks. So we try it on cases with a known answer.
#
# > **Question.** Before you read on: what must CKA be for a layer and itself? For one feature each
# > with correlation $r$? For two layers of pure noise, is it 0?

# %%
rng = np.random.default_rng(0)
N, p = 2000, 128
A, B = rng.standard_normal((N, p)), rng.standard_normal((N, p))
rotation, _ = np.linalg.qr(rng.standard_normal((p, p)))
one, other = np.array([[1.0], [0], [-1]]), np.array([[1.0], [1], [-2]])
layers = X["BP"][2][1][:300], X["G1"][5][1][:300]
cases = [
    ("a layer and itself", cka(A, A), 1, 1e-12),
    ("rotated, scaled and shifted", cka(A, 3 * A @ rotation + 5), 1, 1e-12),
    ("one feature each, r² = 3²/(2·6)", cka(one, other), 0.75, 1e-12),
    ("no correlation at all", cka(one, np.array([[1.0], [-2], [1]])), 0, 1e-12),
    ("noise and noise, p/(N + p)", cka(A, B), p / (N + p), 2e-3),
    ("noise on 100 images", cka(A[:100], B[:100]), p / (100 + p), 3e-2),
    ("both forms, on real layers", cka(*layers), cka_by_images(*layers), 1e-9),
]
for name, value, expected, _ in cases:
    print(f"{name:34}{value:8.4f}   expected {expected:.4f}")
check(
    "CKA is right on cases with a known answer",
    all(abs(value - expected) < tolerance for _, value, expected, tolerance in cases),
    f"{len(cases)} cases",
)

# %% [markdown]
# Two things to remember. CKA does not see rotations, which is what we want: it does not matter
# which feature stands where. And it is not 0 for noise: with few images and many features
# everything looks alike, 0.56 for 100 images. We use all test images, where noise gets
# $128 / (2000 + 128) = 0.06$.
#
# ## 4 Within a network
#
# Now we compare every layer with every other layer of its network, with the images, and with the
# labels, which are features like any others: one-hot, ten columns.

# %%
tests = {name: [test for _, test in pairs] for name, pairs in X.items()}
onehot = np.eye(len(data.classes))[data.test.labels]
tables = {}
for name in ("untrained", "BP", "G1", "G3S2"):
    everyone = [*tests[name], onehot]
    table = np.array([[cka(a, b) for b in everyone] for a in everyone])
    tables[name] = table, [[f"{value:.2f}".lstrip("0") for value in row] for row in table]
ticks = {"xticks": range(K + 2), "yticks": range(K + 2)}
ticks |= {"xticklabels": ("x", *range(1, K + 1), "y"), "yticklabels": (*places, "labels")}
show(draw_tables(tables, rows=2, height=3.3, **ticks), 3)

# %%
likeness = {name: [cka(test, onehot) for test in tests[name]] for name in NAMES}
show(by_layer(likeness, "CKA with the labels"), 4)
middle = slice(2, 5)  # layers 2 to 4
lead = np.mean(likeness["G1"][middle]) - np.mean(likeness["BP"][middle])
check(
    "G1's layers 2 to 4 resemble the labels more than BP's",
    lead > sized(0.02, -1),
    f"by {lead:.3f} on average",
)

# %% [markdown]
# There is the difference. A layer under BP is free to compute something that becomes useful only
# later; the second layer even moves away from the labels. Under G1 each layer has to come as close
# to the labels as it can, at once, *because nobody tells it what the layers after it could make of
# its features*. And G3S2? Look at layers 2 and 3. None of its blocks ever ends at layer 2, and
# there it does not follow G1. Layer 3 ends a block in every odd epoch, and there the curve joins
# G1's.
#
# ## 5 Between algorithms
#
# Layer $i$ under BP and layer $i$ under G1: how alike are they? A number alone says little. Two
# networks trained by BP from different seeds are not the same either, and that is the yardstick.

# %%
PAIRS = ("BP and BP, other seed", "BP and G3S2", "BP and G1", "BP and untrained")


def side_by_side(one, other):
    return [cka(a, b) for a, b in zip(tests[one], tests[other], strict=True)]


alike = {pair: side_by_side(*pair.split(" and ")) for pair in PAIRS}
show(by_layer(alike, "CKA", first=1), 5)
print(f"{'CKA':24}" + "".join(f"{i:7}" for i in range(1, K + 1)))
for pair, row in alike.items():
    print(f"{pair:24}" + "".join(f"{value:7.2f}" for value in row[1:]))

# %%
seed, g3s2, g1 = (np.mean(row[middle]) for row in list(alike.values())[:3])
check(
    "in layers 2 to 4 G1 is further from BP than another seed, or G3S2",
    seed - g1 > sized(0.015, -1) and g3s2 - g1 > sized(0.01, -1),
    f"CKA {seed:.2f}, G3S2 {g3s2:.2f}, G1 {g1:.2f}",
)
fall = alike["BP and untrained"][1] - alike["BP and untrained"][5]
check(
    "training changes deep layers more than the first one",
    fall > sized(0.2, -1),
    f"CKA with untrained {fall:.2f} lower in layer 5",
)

# %% [markdown]
# Note what the yardstick did. "BP and G1 have a CKA of 0.86" sounds like much the same; beside 0.94
# for two seeds it is a difference. And note the last layer: under each algorithm it says nearly the
# same about all images, although the layers before it don't. It has to, because it must resemble
# the labels. (Is there more to it than the labels? That is exercise 3.)
#
# All this is one small network after six epochs, and both instruments are blunt: a probe reads
# only what is linear, and CKA is dominated by the few directions in which features vary most. In a
# larger network the difference shows in the accuracy too: in vgg8b after ten epochs G1 ends one
# point below BP ([RESULTS.md](RESULTS.md)).
#
# ## Summary
#
# * A probe is a linear classifier on frozen features. Give the probes of all layers the same number
#   of inputs, and compare with an untrained network and with the images.
# * Linear CKA is the cosine between two tables of which images are alike. It is 1 for rotated and
#   scaled features, $r^2$ for single ones, and $p/(N+p)$ rather than 0 for noise.
# * A difference between two algorithms counts only beside the difference between two seeds.
# * Under G1 layers 2 to 4 resemble the labels more than under BP, and they are further from BP's
#   than those of another seed. G3S2 lies in between: like G1 where a block ends, less so elsewhere.
# * All three end alike: in the last layer they resemble the labels, and one another.
#
# ## Exercises
#
# **1 (easy).** Give the probes 32 numbers instead of 128, then 512 (`FEATURES`; the last layer has
# its 128 in any case). Which layers gain most, and does the comparison stay fair?

# %%
# Your answer to exercise 1

# %% [markdown]
# **2 (medium).** Train one more network by G3, whose blocks always end at layers 3 and 6. Before
# you add its curve to Fig. 4, say at which layers it will come close to G1's and where it will
# stay near BP's. Then do the same for G2S1.

# %%
# Your answer to exercise 2

# %% [markdown]
# **3 (hard).** Are trained networks alike in layer 6 because of the labels alone? Subtract from
# each image's features the mean of its class. Show that this takes away everything in $X$ that is
# linear in the one-hot labels, compute Fig. 5 from what is left, and compare with the $p/(N+p)$ of
# noise. What do two networks share beyond the classes, and where do they share least?

# %%
# Your answer to exercise 3

# %% [markdown]
# *Next:* [lesson 11](11_making_it_fast.ipynb) goes from loops to fused kernels, and measures each.
