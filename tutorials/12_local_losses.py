# %% [markdown]
# # Lesson 12: Design your own local loss
#
# Local learning asks little of a loss: a number for a block's output, and the gradient of that
# number. The cross-entropy of a small classifier is one such loss, and nothing says that it is the
# best. In this lesson you derive another one, from the equation to the trained network: *similarity
# matching*, by A. Nøkland and L. H. Eidnes (*Training Neural Networks with Local Error Signals*,
# ICML 2019). It wants pictures of the same class to look alike to a layer, and pictures of
# different classes to look different, and it needs no classifier for that. The library has it too
# (`--local-loss sim`), so you can check yours against it. Then you build a loss that the library
# does not have. On the way you meet everything that a loss of your own will need: a derivation, a
# gradient check, a fair comparison.
#
# **Learning goals.** After this lesson you can
#
# * say what a block needs from its loss, and put a loss of your own into the library's training
#   step;
# * compute the similarity matrix of a batch and explain what similarity matching pulls together
#   and pushes apart;
# * derive a gradient through a norm and a product $u\,u^\top$, piece by piece, and check it by
#   central differences, alone and inside a whole training step;
# * change one step of that derivation and get another loss;
# * compare local losses fairly: several seeds, and no measure that a loss is trained to raise.
#
# *You need:* lesson 5 (local learning) or this recap: a *block* is a run of layers $f_i \dots f_j$
# that learns from a loss of its own on its output $x_j$; its gradient trains the block's layers and
# stops at $x_{i-1}$. In G1 every layer is a block. The usual loss is the cross-entropy of an
# auxiliary classifier, $z = A_j(x_j)$. *Time:* 45 minutes to read, a minute to run. Symbols are
# those of [reference.md](reference.md); $da$ means $\partial L/\partial a$, and N is the number of
# images in a batch.

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
from minilocal.course.charts import draw_curves, draw_images
from minilocal.course.figure import DASHES

show = figures(12)

# %% [markdown]
# ## 1 What does a block want from its loss?
#
# [Lesson 6](06_blocks.ipynb) prints the library's step for one block, `block_step`: forward, loss,
# backward, update. Which of its lines know the loss? Only these three:
#
# ```python
# loss = network.loss(block.last)
# value, correct, dx = loss(x, labels)
# for layer in (*layers, *loss.layers.values()):  # update the block's layers, and the loss's own
# ```
#
# So we need not write a step, only a loss. Called with $x_j$ and the labels, a **local loss**
# returns
#
# $$\big(L,\ \text{number of correct predictions},\ dx_j\big)
# \quad\text{with}\quad dx_j = \frac{\partial L}{\partial x_j},$$
#
# (None for the number, if it predicts no classes), and its `layers`, a dictionary from name to
# layer, says what it trains along the way. Anything with these two is a local loss. Let us write
# the usual one ourselves, the softmax cross-entropy of the block's classifier. The classifier goes
# by the name `"aux"`, so that the network also finds it when it is asked for class scores. With
# `need_dx=False` the caller says that it needs no $dx_j$.


# %%
class OurCrossEntropy:
    """The loss of GX: softmax cross-entropy of the block's own classifier."""

    def __init__(self, classifier):
        self.layers = {"aux": classifier}

    def __call__(self, x, labels, need_dx=True):
        classifier, rows = self.layers["aux"], np.arange(len(labels))
        z = classifier.forward(x, training=True)
        z = z - z.max(axis=1, keepdims=True)
        e = np.exp(z)
        total = e.sum(axis=1, keepdims=True)
        value = float(np.mean(np.log(total[:, 0]) - z[rows, labels]))

        dz = e / total  # softmax …
        dz[rows, labels] -= 1  # … less one-hot labels …
        dz /= len(labels)  # … for the mean over the batch
        correct = int(np.sum(z.argmax(axis=1) == labels))
        return value, correct, classifier.backward(dz, need_dx)


# %% [markdown]
# A network has a loss on each layer where a block ends, in `network.losses`, from the layer's
# number to the loss. To train with another loss, put it there. Then the library's own step uses it:
# `ml.local_step` is all we need, in the whole lesson.
#
# We take a small network of three convolutional layers and a fully connected one, $K = 4$, and
# train it by G1 for two steps, once with the library's losses and once with ours. If ours are
# right, the weights must be the same.

# %%
data = ml.prepare("fashion-mnist-mini", train_size=sized(4000, 768), test_size=sized(2000, 200))
STAGES, FC = "16 M 32 M 32 M", [64]


def build(seed=0, dtype=np.float32, stages=STAGES, fc=FC, image_shape=data.image_shape, algo="G1"):
    return ml.build_network(stages, fc, image_shape, 10, algo, features=256, seed=seed, dtype=dtype)


ours, theirs = build(), build()
print("before:", *(f"{n}: {type(loss).__name__}" for n, loss in ours.losses.items()))
for number, classifier in ours.auxiliary.items():
    ours.losses[number] = OurCrossEntropy(classifier)
print("after: ", *(f"{n}: {type(loss).__name__}" for n, loss in ours.losses.items()))

blocks = ml.parse_schedule("G1").blocks_at(0, len(ours))
for network in (ours, theirs):
    optimizer = ml.SGD()
    batches = ml.training_batches(data.train, 128, seed=0, epoch=0, crop=True, flip=True)
    for step, (x, labels) in zip(range(2), batches, strict=False):
        ml.local_step(network, blocks, x, labels, optimizer, step=step)

arrays = zip(ours.arrays().values(), theirs.arrays().values(), strict=True)
equal = [np.array_equal(a, b) for a, b in arrays]
check(
    "training with our cross-entropy gives the library's weights, bit for bit",
    all(equal),
    f"{sum(equal)} of {len(equal)} arrays",
)

# %% [markdown]
# From here on we only write losses. This is what we are going to build, beside the usual loss:

# %%
from minilocal.course.local_losses import draw_local_losses

show(draw_local_losses(), 1)

# %% [markdown]
# ## 2 How alike do images look to a layer?
#
# Let $h$ be an $(N, C)$ matrix with one row per image: what a layer says about it in $C$ numbers.
# Subtract from each row its mean, $c_n = h_n - \bar h_n$, and divide by the length,
# $u_n = c_n/|c_n|$. The **similarity** of two images is the cosine of the angle between their rows:
#
# $$S(h)_{nm} = u_n \cdot u_m = \frac{c_n \cdot c_m}{|c_n|\,|c_m|} \in [-1, 1],
# \qquad\text{all of them:}\quad S(h) = u\,u^\top .$$
#
# The target is the same thing computed from the labels, written as one-hot rows $Y$.
#
# > **Question.** With $C$ classes, what is $S(Y)$ for two images of the same class? And for two of
# > different classes? *(Subtract the mean, $1/C$, from two one-hot rows and multiply.)*


# %%
def unit_rows(h):
    c = h - h.mean(axis=1, keepdims=True)
    length = np.maximum(np.sqrt((c**2).sum(axis=1, keepdims=True)), 1e-8)
    return c / length, length


def similarity(h):
    u, _ = unit_rows(h)
    return u @ u.T


def similarity_of_labels(labels, classes=10):
    return similarity(np.eye(classes)[labels])


target = similarity_of_labels(np.array([3, 3, 7]))
print(np.round(target, 4))
check("same class: 1", np.isclose(target[0, 1], 1), f"{target[0, 1]:.4f}")
check("different classes: −1/(C − 1)", np.isclose(target[0, 2], -1 / 9), f"{target[0, 2]:.4f}")

# %% [markdown]
# For different classes the target is $-\frac{1}{C-1}$, not $-1$: ten directions can't all be
# opposite to each other, and this is as far apart as they can be. Let us look at three similarity
# matrices of the same 100 images, sorted by class: that of the pixels, that of an untrained layer,
# and the target. (Section 5 says what $h$ is for a convolutional layer: one number per channel. The
# untrained layer gets to see some batches, so that its batch normalisation knows mean and variance;
# it learns nothing from them.)

# %%
order = np.concatenate([np.flatnonzero(data.test.labels == label)[:10] for label in range(10)])
sorted_labels = data.test.labels[order]
mean, std = data.train.normalisation.mean, data.train.normalisation.std
sorted_images = ((data.test.pixels[order] - mean) / std).astype(np.float32)


def features(network, x, number):
    """Return h of layer `number`: the deviation over each channel's pixels, without dropout."""
    for layer in network.layers[:number]:
        x = layer.forward(x)
    return x.std(axis=(1, 2))


untrained = build()
for x, labels in ml.training_batches(data.train, 128, seed=0, epoch=0, crop=True, flip=True):
    ml.frozen_forward(untrained, 3, x, labels)
matrices = {
    "the pixels": similarity(sorted_images.reshape(len(sorted_images), -1)),
    "layer 3, untrained": similarity(features(untrained, sorted_images, 3)),
    "the labels: the target": similarity_of_labels(sorted_labels),
}
show(draw_images(matrices, vmin=-0.5, vmax=1, cmap="cividis"), 2)

# %% [markdown]
# ## 3 The loss and its gradient, by hand
#
# Similarity matching is the mean squared difference between the two matrices:
#
# $$L_\mathrm{sim} = \frac{1}{N^2} \sum_{n,m} \big(S(h)_{nm} - S(Y)_{nm}\big)^2 .$$
#
# Walk back from $L$ to $h$, one step at a time. With $E = S(h) - S(Y)$:
#
# **The square.** $dS = \frac{2}{N^2}\,E$, a symmetric matrix, because both $S$ are.
#
# **The product** $S = u\,u^\top$. Row $u_n$ appears in row $n$ of $S$ as the left factor, and in
# column $n$ as the right one:
#
# $$du = dS\,u + dS^\top u = \frac{4}{N^2}\,E\,u .$$
#
# Read it: image $n$ is pushed along $-\sum_m E_{nm} u_m$, towards images that should look more
# like it than they do ($E < 0$), and away from those that look too much like it ($E > 0$).
#
# **The length** $u = c/|c|$. Lengthening $c$ in its own direction does not change $u$, so that
# part of $du$ is taken out, and what is left gets smaller the longer $c$ is:
#
# $$dc_n = \frac{1}{|c_n|}\,\big(du_n - u_n\,(u_n \cdot du_n)\big).$$
#
# **The mean** $c_n = h_n - \bar h_n$. Adding a number to all of $h_n$ changes nothing, so the mean
# of $dc_n$ is taken out too: $\;dh_n = dc_n - \overline{dc_n}$.
#
# > **Question.** You have met the last two steps together before, in another layer. In which one?


# %%
def back_to_rows(du, u, length):
    """Return dL/dh from dL/du: without its parts along u and along (1, …, 1)."""
    dc = (du - u * (u * du).sum(axis=1, keepdims=True)) / length
    return dc - dc.mean(axis=1, keepdims=True)


def similarity_matching(h, target):
    """Return L_sim and dL_sim/dh, for features h (N, C) and a target similarity (N, N)."""
    u, length = unit_rows(h)
    E = u @ u.T - target
    dh = back_to_rows((4 / len(h) ** 2) * (E @ u), u, length)
    return float(np.mean(E**2)), dh.astype(h.dtype)


rng = np.random.default_rng(1)
h, some_labels = rng.standard_normal((12, 6)), rng.integers(0, 4, 12)
target = similarity_of_labels(some_labels, classes=4)
loss, dh = similarity_matching(h, target)

result = ml.check_gradient(
    "similarity_matching", "h", lambda: similarity_matching(h, target)[0], h, dh, entries=40
)
check(
    "the gradient of similarity matching agrees with central differences",
    result.passed(1e-6),
    f"{result.checked} entries, {result.worst:.1e}",
)
along, shift = abs((dh * h).sum(axis=1)).max(), abs(dh.sum(axis=1)).max()
check("dh has no part along h, and none along (1, …, 1)", max(along, shift) < 1e-12, f"{along:.0e}")
library_loss, library_dh = ml.similarity_matching(h, some_labels, classes=4)
error = max(abs(library_loss - loss), abs(library_dh - dh).max())
check("the library's is the same, to rounding", error < 1e-15, f"largest difference {error:.0e}")

# %% [markdown]
# The answer to the question: batch normalisation. It also takes out a mean and divides by a
# deviation, but down the columns, over the batch, where our loss does it along each row.
#
# The invariance has a consequence worth knowing. Since $dh$ is orthogonal to $h$, a step against
# it makes $h$ a little longer and never shorter. The loss can't be cheated by making features
# small, and it can't say *how strongly* a layer should respond, only in which direction.
#
# ## 4 What does the loss want?
#
# Forget the network for a moment and let the features themselves follow the gradient,
# $h \leftarrow h - \mathrm{lr}\cdot dh$. With $C = 3$ the rows $u_n$ lie on a circle: three numbers
# whose mean is zero span a plane, and their length is 1. So we can watch.

# %%
points = rng.standard_normal((45, 3))
classes = np.repeat([0, 1, 2], 15)
target = similarity_of_labels(classes, classes=3)
plane = np.array([[1, -1, 0], [1, 1, -2]]) / np.sqrt([[2], [6]])  # two directions of that plane
snapshots = {}
for step in range(601):
    loss, dh = similarity_matching(points, target)
    if step in (0, 20, 600):
        snapshots[step] = unit_rows(points)[0] @ plane.T, loss
    points -= 8 * dh

turn = np.linspace(0, 2 * np.pi, 200)
circle = (np.cos(turn), np.sin(turn), {"marker": "", "color": "#DADADA", "zorder": 0})
panels = {
    f"step {step}: loss {value:.3f}": {
        f"class {label}": (*places[classes == label].T, {"linestyle": ""}) for label in range(3)
    }
    | {"_circle": circle}
    for step, (places, value) in snapshots.items()
}
show(draw_curves(panels, height=2.8, aspect="equal"), 3)
check("in the end similarity is what the labels say", loss < 0.01, f"loss {loss:.1e}")

# %% [markdown]
# ## 5 From maps to rows
#
# A convolutional layer's output is a map $x$ of shape $(N, H, W, C)$, and where something is seen
# is not what makes two pictures alike. Nøkland and Eidnes reduce each channel to one number, its
# *standard deviation* over the $P = H \cdot W$ pixels. A channel that finds its pattern in some
# places and not in others deviates a lot; one that sees the same everywhere deviates little.
#
# $$h_{nc} = \sqrt{\frac{1}{P}\sum_p (x_{npc} - \bar x_{nc})^2}, \qquad
# dx_{npc} = \frac{dh_{nc}}{h_{nc}} \cdot \frac{x_{npc} - \bar x_{nc}}{P} .$$
#
# The mean $\bar x_{nc}$ depends on every pixel too, but it brings no further term: the deviations
# from it sum to zero. Where all pixels are equal, $h$ is 0 and has no derivative; we take 0.
#
# As a layer of minilocal it has a forward, a backward, and a list of what it keeps in between:


# %%
class Deviation(ml.Layer):
    """Maps to rows: x (N, H, W, C) → each channel's standard deviation over the pixels (N, C)."""

    kept = ("centred", "h")

    def forward(self, x, training=False):
        centred = x - x.mean(axis=(1, 2), keepdims=True)
        h = np.sqrt((centred**2).mean(axis=(1, 2)))
        if training:
            self.centred, self.h = centred, h
        return h

    def backward(self, dh, need_dx=True):
        pixels = self.centred.shape[1] * self.centred.shape[2]
        scale = dh / (pixels * np.where(self.h > 0, self.h, np.inf))
        return scale.astype(dh.dtype)[:, None, None, :] * self.centred

    def output_shape(self, shape):
        return shape[-1:]


results = ml.check_layer("Deviation", Deviation(), rng.standard_normal((3, 4, 5, 6)))
worst = max(result.worst for result in results)
check("Deviation's gradient agrees with central differences", worst < 1e-6, f"{worst:.1e}")

# %% [markdown]
# Now the loss is complete. It has nothing of its own to train: its only layer is `Deviation`, which
# has no parameters. It predicts no classes either, so its number of correct predictions is None.
# (The vectors of a fully connected layer need no `Deviation`; they are rows already.)


# %%
class SimilarityMatching:
    """L_sim of a map's deviations and the labels."""

    def __init__(self, classes=10):
        self.layers, self.classes = {"deviation": Deviation()}, classes

    def __call__(self, x, labels, need_dx=True):
        deviation = self.layers["deviation"]
        target = similarity_of_labels(labels, self.classes).astype(x.dtype)
        value, dh = similarity_matching(deviation.forward(x, training=True), target)
        return value, None, deviation.backward(dh, need_dx)


# %% [markdown]
# Nøkland and Eidnes first pass the map through one more 3×3 convolution, which learns from the
# similarity loss together with the block. So does the library's `ml.SimilarityMatching`, behind a
# branch that `ml.similarity_branch` builds: a convolution and the deviation (for the vectors of a
# fully connected layer, a `Linear`). With the same convolution in front, ours must give the same
# numbers:

# %%
maps, map_labels = rng.standard_normal((12, 8, 8, 6)), rng.integers(0, 4, 12)
library = ml.SimilarityMatching(ml.similarity_branch((8, 8, 6), rng=3, dtype=np.float64), classes=4)
ours = SimilarityMatching(classes=4)
ours.layers["deviation"] = ml.Sequential(
    conv=ml.Conv2d(6, 6, rng=3, dtype=np.float64), deviation=Deviation()
)
results = []
for loss_object, name in ((ours, "deviation"), (library, "sim")):
    value, _, dx = loss_object(maps, map_labels)
    results.append([value, dx, loss_object.layers[name].grads["conv.weight"]])
errors = [np.abs(a - b).max() / np.abs(b).max() for a, b in zip(*results, strict=True)]
check(
    "value, dx and the convolution's gradient are the library's, to rounding",
    max(errors) < 1e-12,
    ", ".join(f"{error:.0e}" for error in errors),
)

# %% [markdown]
# That convolution is as wide as the layer itself and costs more than it does: exercise 2 asks how
# much. So we go on without it. Two losses of the same block can be added up:


# %%
class Sum:
    """Several losses of the same block, added up; so are their gradients."""

    def __init__(self, *losses):
        self.losses = losses
        self.layers = {name: layer for loss in losses for name, layer in loss.layers.items()}

    def __call__(self, x, labels, need_dx=True):
        results = [loss(x, labels, need_dx) for loss in self.losses]
        values, correct, gradients = zip(*results, strict=True)
        predicted = [number for number in correct if number is not None]
        return sum(values), max(predicted, default=None), sum(gradients) if need_dx else None


# %% [markdown]
# What does it cost? The products of similarity matching are $u\,u^\top$ and $E\,u$, $2N \cdot C$
# multiply-adds per image. A1 takes $3 \cdot D \cdot 10$ for its product and its two gradients, with
# $D \le 256$ features here. The layer itself has a forward pass and a weight gradient.

# %%
print("multiply-adds per image and step:      the layer         A1   similarity matching, N = 128")
for number, shape in enumerate(untrained.shapes[:3], 1):
    before = untrained.shapes[number - 2] if number > 1 else data.image_shape
    layer = 2 * untrained.layer(number).macs(before)
    a1 = 3 * untrained.classifier(number).macs(shape)
    print(f"layer {number:<33}{layer:>9,}{a1:>11,}{2 * 128 * shape[-1]:>31,}")

# %% [markdown]
# Both are small beside the layer itself, and similarity matching has no weights at all: nothing to
# store, and nothing to learn before it can teach.
#
# ## 6 The whole step, checked
#
# A right loss in a wrong place is wrong. So check the whole step: with the network in float64,
# compare the gradients that a step leaves in every layer with central differences of the loss of
# *that layer's block*. We do that with blocks of two layers, G2: similarity matching on layer 2,
# and our cross-entropy on layer 4, the last one, whose classifier is checked too.


# %%
def value_of(block, network, x, labels):
    """Return a block's loss: forward only."""
    for layer in network.layers[: block.last]:
        x = layer.forward(x, training=True)
    return network.loss(block.last)(x, labels, need_dx=False)[0]


def check_step(network, blocks, x, labels):
    """Check all gradients of a step; return how many entries were checked, and the worst error."""
    ml.local_step(network, blocks, x, labels)  # without an optimizer: gradients only
    named = [(name, layer, key) for name, layer in network.named_layers() for key in layer.params]
    gradients = {(name, key): layer.grads[key].copy() for name, layer, key in named}
    results = []
    for name, layer, key in named:
        number = int(name.split(".")[1])
        (block,) = [block for block in blocks if block.first <= number <= block.last]
        results.append(
            ml.check_gradient(
                f"block {block}",
                f"{name}.{key}",
                lambda block=block: value_of(block, network, x, labels),
                layer.params[key],
                gradients[name, key],
                entries=5,
            )
        )
    return sum(result.checked for result in results), max(result.worst for result in results)


small = build(dtype=np.float64, stages="4 M 6 M", fc=[8, 8], image_shape=(8, 8, 2), algo="G2")
small.losses[2] = SimilarityMatching()
small.losses[4] = OurCrossEntropy(small.classifier(4))
pairs = ml.parse_schedule("G2").blocks_at(0, len(small))
x, labels = rng.standard_normal((12, 8, 8, 2)), rng.integers(0, 10, 12)
entries, worst = check_step(small, pairs, x, labels)
check(
    "every gradient of a step with two kinds of losses is right",
    worst < 1e-5 and entries >= 50,
    f"{entries} entries, {worst:.1e}",
)

# %% [markdown]
# ## 7 A loss that the library does not have
#
# Similarity matching asks for *numbers*: 1 within a class, $-\frac{1}{C-1}$ between classes. Maybe
# that is too much. It would be enough if each image were *more* similar to those of its class than
# to the others. Cross-entropy asks such questions, so let us ask it of the rows of $S$: "which of
# the other images in the batch belongs to $n$'s class?" A softmax over $m \ne n$ answers, and the
# target gives all $P_n$ images of $n$'s class the same share:
#
# $$p_{nm} = \frac{\exp(S_{nm}/\tau)}{\sum_{k \ne n}\exp(S_{nk}/\tau)}, \quad
# t_{nm} = \begin{cases} 1/P_n & \text{same class, } m \ne n\\ 0 & \text{otherwise,}\end{cases}
# \quad L_\mathrm{con} = -\frac1N \sum_n \sum_m t_{nm} \log p_{nm}.$$
#
# This is the *supervised contrastive loss* of P. Khosla and others (NeurIPS 2020), which they use
# at the top of a network trained by backpropagation. The temperature $\tau$ says how much a
# difference of cosines weighs; we take 0.5 and leave it there.
#
# Now the reward for walking back in small steps: only the first of them changes. Instead of
# $dS = \frac{2}{N^2}E$ we have softmax cross-entropy's gradient, $dS = \frac{1}{N\tau}(p - t)$,
# which is no longer symmetric. The rest stays as it is: $du = (dS + dS^\top)\,u$, then length and
# mean.
#
# > **Question.** An image may be the only one of its class in the batch. What is $t_n$ then, and
# > what should its gradient be?


# %%
def contrast(h, labels, temperature=0.5):
    """Return L_con and dL_con/dh, for features h (N, C) and labels (N,)."""
    u, length = unit_rows(h)
    z = u @ u.T / temperature
    np.fill_diagonal(z, -np.inf)  # nobody is their own neighbour
    same = (labels[:, None] == labels) & ~np.eye(len(h), dtype=bool)
    friends = same.sum(axis=1, keepdims=True)
    t = same / np.maximum(friends, 1)  # rows of zeros where there is nobody of the same class

    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    loss = -np.sum(t[same] * log_p[same]) / len(h)
    p = np.where(friends > 0, np.exp(log_p), 0)  # images without friends ask nothing
    dS = ((p - t) / (len(h) * temperature)).astype(h.dtype)
    return float(loss), back_to_rows((dS + dS.T) @ u, u, length)


alone = some_labels.copy()
alone[0] = 4  # an image without another one of its class
results = []
for its_labels in (some_labels, alone):
    loss, dh = contrast(h, its_labels)
    results.append(
        ml.check_gradient(
            "contrast", "h", lambda its=its_labels: contrast(h, its)[0], h, dh, entries=40
        )
    )
check(
    "the contrastive gradient is right, also for an image alone in its class",
    all(result.passed(1e-6) for result in results),
    ", ".join(f"{result.worst:.1e}" for result in results),
)


# %%
class Contrast:
    """L_con of a map's deviations and the labels."""

    def __init__(self):
        self.layers = {"deviation": Deviation()}

    def __call__(self, x, labels, need_dx=True):
        deviation = self.layers["deviation"]
        value, dh = contrast(deviation.forward(x, training=True), labels)
        return value, None, deviation.backward(dh, need_dx)


small.losses[2] = Contrast()
entries, worst = check_step(small, pairs, x, labels)
check(
    "so is every gradient of a step with it",
    worst < 1e-5 and entries >= 50,
    f"{entries} entries, {worst:.1e}",
)

# %% [markdown]
# ## 8 Beside cross-entropy
#
# A comparison is fair if only the loss differs: the same initial weights, batches, step sizes and
# number of steps. The last layer has the network's own classifier and cross-entropy in all cases,
# because in the end something must name the classes. The three convolutional layers learn
#
# * **pred**: from the cross-entropy of their classifiers A1, which is G1;
# * **sim**: from similarity matching alone;
# * **predsim**: from the sum of both;
# * **contrast**: from section 7's loss alone;
# * **nothing**: they keep their random weights. What this one achieves comes for free.
#
# Three seeds each, because one says nothing about a difference of a point.

# %%
EPOCHS, BATCH, LR, SEEDS = sized(4, 1), sized(128, 64), 0.1, sized(3, 2)


class Nothing:
    def __init__(self):
        self.layers = {}

    def __call__(self, x, labels, need_dx=True):
        return 0.0, None, np.zeros_like(x) if need_dx else None


def local_loss(kind, pred):
    """Return a loss for a hidden layer, whose usual loss is `pred`."""
    return {
        "pred": pred,
        "sim": SimilarityMatching(),
        "predsim": Sum(pred, SimilarityMatching()),
        "contrast": Contrast(),
        "nothing": Nothing(),
    }[kind]


def train(kind, seed=0):
    network, optimizer = build(seed), ml.SGD()
    for number in (1, 2, 3):
        network.losses[number] = local_loss(kind, network.loss(number))
    steps_in_all, values = EPOCHS * (len(data.train) // BATCH), []
    for epoch in range(EPOCHS):
        for x, labels in ml.training_batches(
            data.train, BATCH, seed=seed, epoch=epoch, crop=True, flip=True
        ):
            step = len(values)
            optimizer.lr = ml.learning_rate("cosine", LR, step, steps_in_all)
            results = ml.local_step(network, blocks, x, labels, optimizer, seed, step)
            values.append([result.loss for result in results])
    return network, np.array(values)


KINDS = ("nothing", "pred", "sim", "predsim", "contrast")
trained = {kind: [train(kind, seed) for seed in range(SEEDS)] for kind in KINDS}

# %% [markdown]
# (`ml.SGD` shrinks all weights a little, by its weight decay. Before batch normalisation the length
# of a weight does not matter, so layers that learn from nothing stay what they were.)
#
# How do we measure what a *hidden* layer has learned? Not by the loss it was trained on: a layer
# that wins by its own loss has only done its homework. So we take two simple classifiers, fitted to
# the training images after the layers have learned, and each nearer to another loss:
#
# * the **nearest class mean**: average the rows $u$ of each class, and give each test image the
#   class whose mean is most similar to it. This is close to what sim and contrast ask for;
# * **least squares**: the linear map from the pooled map, A1's own input, to one-hot labels. This
#   is close to what pred asks for.
#
# A loss is good news where it does well by the *other* side's measure. The third number is the test
# accuracy of the network, whose last layer learns from cross-entropy in all five cases.


# %%
def rows(network, images, number):
    found = [features(network, x, number) for x, _ in ml.evaluation_batches(images)]
    return unit_rows(np.concatenate(found))[0]


def nearest_mean_accuracy(network, number):
    u, v = (rows(network, images, number) for images in (data.train, data.test))
    means = np.stack([u[data.train.labels == label].mean(axis=0) for label in range(10)])
    return np.mean((v @ unit_rows(means)[0].T).argmax(axis=1) == data.test.labels)


def pooled_maps(network, images, number):
    """Return what A1 would see of layer `number`, with a 1 for the bias."""
    pool, found = ml.AvgPool2d(ml.a1_window(network.shapes[number - 1], 256)), []
    for x, _ in ml.evaluation_batches(images):
        for layer in network.layers[:number]:
            x = layer.forward(x)
        found.append(pool.forward(x).reshape(len(x), -1))
    return np.pad(np.concatenate(found).astype(float), ((0, 0), (0, 1)), constant_values=1)


def least_squares_accuracy(network, number):
    a, b = (pooled_maps(network, images, number) for images in (data.train, data.test))
    W = np.linalg.solve(a.T @ a + np.eye(a.shape[1]), a.T @ np.eye(10)[data.train.labels])
    return np.mean((b @ W).argmax(axis=1) == data.test.labels)


def test_accuracy(network):
    logits = [network.predict(x) for x, _ in ml.evaluation_batches(data.test)]
    return np.mean(np.concatenate(logits).argmax(axis=1) == data.test.labels)


def by_layer(measure):
    """Return kind → accuracy in % (seeds × layers 1 to 3)."""
    return {
        kind: 100
        * np.array([[measure(network, number) for number in (1, 2, 3)] for network, _ in runs])
        for kind, runs in trained.items()
    }


means, squares = by_layer(nearest_mean_accuracy), by_layer(least_squares_accuracy)
accuracy = {
    kind: 100 * np.array([test_accuracy(network) for network, _ in runs])
    for kind, runs in trained.items()
}

print("loss of       nearest class mean    least squares      the network:")
print("layers 1-3    layer 1    2    3     1    2    3        mean ± deviation")
for kind in KINDS:
    cells = [
        "".join(f"{v:5.0f}" for v in measure[kind].mean(axis=0)) for measure in (means, squares)
    ]
    values = accuracy[kind]
    print(f"{kind:<16}{cells[0]} {cells[1]}        {values.mean():.1f} ± {values.std(ddof=1):.1f}")

# %%
panels = {
    title: {
        kind: ([1, 2, 3], measure[kind].mean(axis=0), {"linestyle": dashes})
        for kind, dashes in zip(KINDS, DASHES, strict=False)
    }
    for title, measure in (("nearest class mean", means), ("least squares", squares))
}
options = {"xlabel": "layer", "xticks": [[1, 2, 3]] * 2, "ylabel": ["test accuracy, %", ""]}
show(draw_curves(panels, **options), 4)

# %% [markdown]
# Read the left half of the table alone, and similarity matching looks like a triumph: layers that
# never saw a class score are far better than random ones, and better than those with classifiers.
# But the nearest class mean is nearly what sim and contrast were trained for. By least squares,
# random layers are almost as good as any: a pooled map of a random layer 1 already lets a linear
# map name four fifths of these pictures, and no loss adds more than a few points. The last column
# agrees: with random layers 1 to 3 the network gets three quarters right, because in so small a
# network the last layer can make up for much.
#
# So do the two losses together beat cross-entropy alone? In compact classes, yes, by several
# points; that is what the second loss asks for. In what the network gets right, not that three
# seeds could tell: look at the difference and its deviation below. And contrast, the loss that we
# made? It teaches the layers as much as sim does by the nearest class mean, but the network gains
# less from it. Both are results. To choose $\tau$ or a weight by the same 2,000 test images until
# one of them wins would not be.

# %%
gains = means["sim"] - means["nothing"]
check(
    "similarity matching makes classes compact, in every layer and seed",
    gains.min() > sized(5, -30),
    ", ".join(f"{gain:+.0f}" for gain in gains.mean(axis=0)) + " points",
)
taught = [(squares[kind] - squares["nothing"]).mean(axis=0) for kind in KINDS[1:]]
check(
    "by least squares, no loss makes much of a difference",
    np.abs(taught).max() < sized(5, 50),
    f"{np.min(taught):+.1f} to {np.max(taught):+.1f} points over random",
)
difference = accuracy["predsim"] - accuracy["pred"]
check(
    "the network with both losses is as good as with cross-entropy alone",
    abs(difference.mean()) < sized(2, 50),
    f"{difference.mean():+.1f} ± {difference.std(ddof=1):.1f} points",
)
lost = accuracy["pred"] - accuracy["sim"]
check(
    "with similarity matching alone it is nearly as good",
    lost.mean() < sized(4, 50),
    f"{lost.mean():.1f} ± {lost.std(ddof=1):.1f} points fewer",
)

# %% [markdown]
# And this is how similar the 100 images of Figure 2 look to the third layer now:

# %%
matrices = {
    kind: similarity(features(runs[0][0], sorted_images, 3)) for kind, runs in trained.items()
}
show(draw_images(matrices, vmin=-0.5, vmax=1, cmap="cividis"), 5)

# %% [markdown]
# Nøkland and Eidnes trained VGG8B on all of Fashion-MNIST to test errors of 5.7 % (pred), 5.1 %
# (sim) and 4.7 % (predsim), with backpropagation at 4.5 %: there the sum is clearly the best of the
# local losses. They add the two as $(1-\beta)\,L_\mathrm{pred} + \beta\,L_\mathrm{sim}$ with $\beta
# = 0.99$, as `--local-loss predsim` does, and train with Adam, which divides each gradient by its
# own running size. Our SGD does not, so a loss times 0.01 learns a hundred times more slowly; we
# added them one to one.
#
# ## 9 A loss of your own: the checklist
#
# 1. **Write the equation**, with a mean over the batch, so that the step size does not depend on N.
# 2. **Walk back** step by step: square, product, norm, mean. Each step is a line of code, and a new
#    loss often shares all but the first.
# 3. **Know what it cannot see.** $S$ ignores scale and shift. A loss that can be lowered by making
#    all features small, or all alike, will be: imagine $L = \frac1N\sum_n|h_n|^2$.
# 4. **Check the gradient** in float64: the loss alone, each new layer, the whole step.
# 5. **Reproduce the old loss** with the new code, bit for bit, before you trust the new one.
# 6. **Compare fairly**: change only the loss, include a baseline that learns nothing, use several
#    seeds, and report a measure that the loss was not made to raise.
#
# ## Summary
#
# * A local loss is anything that turns a block's output and the labels into a number and $dx_j$,
#   and names the layers that it trains. Put it into `network.losses`, and the library's
#   `local_step` uses it.
# * Similarity matching compares $S(h) = u\,u^\top$ with $S(Y)$: 1 within a class,
#   $-\frac{1}{C-1}$ between classes. Its gradient is
#   $du = \frac{4}{N^2}(S(h) - S(Y))\,u$, less the parts along $u$ and along $(1,\dots,1)$.
# * Without the convolution in front it needs no classifier and no weights. It makes classes
#   compact; what a network gains from that is another question, and has to be measured in another
#   way.
# * Change the first step of the derivation, and you have another loss: with a softmax over the rows
#   of $S$, the supervised contrastive one.
#
# ## Exercises
#
# **1 (easy).** Give `Sum` weights, $L = L_\mathrm{pred} + w\,L_\mathrm{sim}$, and plot the nearest
# class mean accuracy of layer 1 and the test accuracy for $w = 0, 0.3, 1, 5, 20$. If $w$ is too
# large, it hurts: which setting of `ml.SGD` would you lower to make up for it?

# %%
# Your answer to exercise 1

# %% [markdown]
# **2 (medium).** Put a 3×3 convolution with $C$ channels before `Deviation`, as Nøkland and Eidnes
# do: an `ml.Sequential(conv=ml.Conv2d(C, C, rng=0), deviation=Deviation())` in the loss's
# `layers`, so that its convolution learns from $L_\mathrm{sim}$. Check the gradient of its weight
# inside a whole step. How many multiply-adds does it add beside the layer itself, and how many
# weights? What does it gain here?

# %%
# Your answer to exercise 2

# %% [markdown]
# **3 (hard).** *A loss without labels.* Replace the target $S(Y)$ by the similarity of the
# *input* images; or by $S(YR)$, a fixed random projection of the one-hot labels with $R$ of shape
# $(10, 10)$. Which of the two still needs labels, and which tells the layers nothing that the
# pixels don't say? Predict both rows of the table in section 8 before you train, then train.
# Finally, let boundaries move: G2S1 with similarity matching, for which `network.losses` needs
# losses on layers 2, 3 and 4.

# %%
# Your answer to exercise 3

# %% [markdown]
# *Next:* [lesson 13](13_other_roads.ipynb), other roads: methods that go forward only, and what
# each changes in the block's step.
