# %% [markdown]
# # Lesson 13: Forward-only and other roads
#
# Backpropagation can be avoided in many ways, and newcomers often hear of Forward-Forward first:
# Geoffrey Hinton's proposal of 2022 to replace the backward pass by a second forward pass. This
# short lesson puts it, and five of its relatives, beside what you know. Each of them changes a line
# or two of the block step of lesson 6. You run two of them, on the images that ship with minilocal.
#
# **Learning goals.** After this lesson you can
#
# * say which line of the block step Forward-Forward, Mono-Forward, DGL, InfoPro, MAN and HPFF
#   change;
# * write Forward-Forward: goodness, its gradient, positive and negative images, and prediction;
# * train Mono-Forward with the library's own step, and say why it is a G1;
# * ask a new method the three questions that tell what it is worth.
#
# *You need:* lessons 1, 5 and 6. *Time:* 25 minutes to read, under a minute to run. Symbols are
# those of [reference.md](reference.md); papers, costs and published accuracy are in
# [comparison.md](comparison.md).

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

show = figures(13)

# %% [markdown]
# ## 1 Five lines
#
# This is what `ml.local_step` does to each block, reduced to five lines with names:
#
# | | line | says |
# |---|---|---|
# | **forward** | `x = layer.forward(x, training=True)` | for each layer of the block |
# | **loss** | `value, correct, dx = loss(x, labels)` | what the block learns from |
# | **back** | `dx = layer.backward(dx)` | from the block's last layer back to its second |
# | **wall** | `layers[0].backward(dx, need_dx=False)` | its first layer passes no gradient on |
# | **update** | `optimizer.update(layer)` | and the next block gets $x_j$ from before |
#
# With one layer in each block there is no *back*: this is G1. So the answer to "how can a network
# learn without a backward pass through all layers?" is four lines, and most of the roads below only
# change the one called *loss*.
#
# ## 2 Forward-Forward
#
# Forward-Forward (Hinton 2022) has no classifier. A layer's output $h$ has a *goodness*, here the
# mean of its squares, and the layer should give a high goodness to *positive* images and a low one
# to *negative* images. For labels to matter they must be in the image: a positive image has its
# label drawn into the first ten pixels, a negative one a wrong label. With a threshold $\theta$ the
# layer says "positive" with the probability $p = \sigma(g - \theta)$, where $\sigma(a) = 1/(1 +
# e^{-a})$, and its loss is the cross-entropy of that answer:
#
# $$g = \frac{1}{d} \sum_k h_k^2, \qquad
# L = -\frac1N \sum_n \log \sigma\big(s_n (g_n - \theta)\big), \qquad
# s_n = \begin{cases} +1 & \text{positive} \\ -1 & \text{negative.} \end{cases}$$
#
# The gradient takes two steps of the chain rule: $dg_n = -s_n\,\sigma(-s_n(g_n - \theta))/N$, and
#
# $$dh_{nk} = \frac{2}{d}\, h_{nk}\; dg_n .$$


# %%
THRESHOLD = 2.0


def goodness(h):
    return np.mean(h**2, axis=1)


def forward_forward_loss(h, sign):
    """Return the mean loss and dh, for positive (sign 1) or negative (-1) images."""
    margin = sign * (goodness(h) - THRESHOLD)
    dg = -sign / (1 + np.exp(margin)) / len(h)
    return np.mean(np.logaddexp(0, -margin)), (2 / h.shape[1] * h * dg[:, None]).astype(h.dtype)


h = np.random.default_rng(0).standard_normal((6, 5))
worst = 0.0
for sign in (1, -1):
    _, dh = forward_forward_loss(h, sign)
    row = ml.check_gradient(
        "goodness", "h", lambda sign=sign: forward_forward_loss(h, sign)[0], h, dh
    )
    worst = max(worst, row.worst)
check("the gradient of goodness agrees with central differences", worst < 1e-6, f"{worst:.1e}")

# %% [markdown]
# An image with its label drawn in, and with a wrong one. The images are normalised, so a black
# pixel is a negative number; the label's pixel is very bright, and the other nine are 0.

# %%
INK, C = 8.0, 10
data = ml.prepare("fashion-mnist-mini", train_size=sized(6000, 500), test_size=sized(2000, 200))


def labelled(x, labels):
    """Return images as vectors, with a label drawn into the first ten pixels of each."""
    x = x.reshape(len(x), -1).copy()
    x[:, :C] = 0
    x[np.arange(len(x)), labels] = INK
    return x


def normalised(h):
    """Return vectors with a mean square of 1: their goodness is gone."""
    return h / np.sqrt(goodness(h)[:, None] + 1e-8)


x, y = next(ml.training_batches(data.train, 4, seed=0, epoch=0, crop=False, flip=False))
pictures = {f"positive: {data.classes[y[0]]}": labelled(x, y)[0].reshape(32, 32)}
pictures[f"negative: {data.classes[(y[0] + 1) % C]}"] = labelled(x, (y + 1) % C)[0].reshape(32, 32)
show(draw_images(pictures | {"without a label": x[0, :, :, 0]}, vmin=-1, vmax=3), 1)

# %% [markdown]
# > **Question.** A layer gets the output of the layer before. What would the second layer learn if
# > it could see the first one's goodness?
#
# Nothing: it would only have to look how long its input is. So each layer's input is scaled to the
# same length, and the next layer must find its evidence in the *direction*. Now the step. Note what
# has changed: *forward* runs twice, and the gradients of the two passes are added.


# %%
def forward_forward_step(layers, x, labels, wrong, optimizer):
    positive, negative = (normalised(labelled(x, which)) for which in (labels, wrong))
    for layer in layers:
        grads, outputs = [], []
        for h, sign in ((positive, 1), (negative, -1)):
            h = layer.forward(h, training=True)  # forward, twice
            _, dh = forward_forward_loss(h, sign)  # loss
            layer.backward(dh, need_dx=False)  # wall: nothing goes back
            grads.append({name: g.copy() for name, g in layer.grads.items()})
            outputs.append(normalised(h))
        for name, g in layer.grads.items():
            g[...] = grads[0][name] + grads[1][name]
        optimizer.update(layer)  # update
        positive, negative = outputs


def predictions(layers, x):
    """Return the label with which the layers' goodness is highest: a forward pass for each."""
    scores = np.zeros((len(x), C))
    for label in range(C):
        h = normalised(labelled(x, np.full(len(x), label)))
        for layer in layers:
            h = layer.forward(h)
            scores[:, label] += goodness(h)
            h = normalised(h)
    return scores.argmax(axis=1)


WIDTH, EPOCHS, BATCH = 256, sized(8, 2), 128
STEPS = EPOCHS * (len(data.train) // BATCH)


def minibatches():
    """Yield (step, learning rate, images, labels) of all epochs."""
    for epoch in range(EPOCHS):
        batches = ml.training_batches(data.train, BATCH, 0, epoch, crop=False, flip=False)
        for step, (x, labels) in enumerate(batches, epoch * (len(data.train) // BATCH)):
            yield step, ml.learning_rate("cosine", 1.0, step, STEPS), x, labels


layers = [
    ml.Sequential(linear=ml.Linear(d_in, WIDTH, gain=2, rng=n), relu=ml.ReLU())
    for n, d_in in enumerate((32 * 32, WIDTH))
]
optimizer, rng = ml.SGD(momentum=0.9, weight_decay=0), np.random.default_rng(0)
tests = np.concatenate([x for x, _ in ml.evaluation_batches(data.test)])
accuracy = {"Forward-Forward": []}
for step, rate, x, labels in minibatches():
    optimizer.lr = 0.3 * rate
    wrong = (labels + rng.integers(1, C, len(labels))) % C
    forward_forward_step(layers, x, labels, wrong, optimizer)
    if (step + 1) % (STEPS // EPOCHS) == 0:
        right = predictions(layers, tests) == data.test.labels
        accuracy["Forward-Forward"].append(100 * right.mean())
check(
    "two layers learn from goodness alone",
    accuracy["Forward-Forward"][-1] > sized(72, 5),
    f"test accuracy {accuracy['Forward-Forward'][-1]:.1f} %",
)

# %% [markdown]
# It learns, without any gradient between its two layers. It also costs twice the forward passes,
# and ten to predict, and ends below the linear layer of lesson 1, which was trained for as many
# epochs.
#
# ## 3 Mono-Forward
#
# Mono-Forward (Gong et al. 2025) keeps the idea that each layer judges its own output, and drops
# the negative images: the layer has a matrix $M_i$ that turns its features into class scores, and
# learns from their cross-entropy. You know that: it is G1 with one plain Linear as the auxiliary
# classifier. The line *loss* stays as it is, and the library's step trains it once we put in the
# matrix:


# %%
def train(network, blocks):
    """Return the test accuracy of the network's own classifier after each epoch."""
    optimizer, found = ml.SGD(weight_decay=0), []
    for step, rate, x, labels in minibatches():
        optimizer.lr = 0.1 * rate
        ml.local_step(network, blocks, x, labels, optimizer, step=step)
        if (step + 1) % (STEPS // EPOCHS) == 0:
            score = ml.evaluate_network(network, data.test, [2])[2]
            found.append(100 * score.accuracy)
    return found


def build(algo):
    return ml.build_network("", [WIDTH, WIDTH], data.image_shape, C, algo, features=WIDTH)


mono_forward = build("G1")
mono_forward.losses[1] = ml.CrossEntropy(
    ml.Sequential(linear=ml.Linear(WIDTH, C, bias=False, rng=0))
)
accuracy["Mono-Forward"] = train(mono_forward, [ml.Block(1, 1), ml.Block(2, 2)])
accuracy["BP"] = train(build("BP"), [ml.Block(1, 2)])
epochs = range(1, EPOCHS + 1)
curves = {name: (epochs, row) for name, row in accuracy.items()}
show(draw_curves({"": curves}, xlabel="epoch", ylabel="test accuracy (%)"), 2)
for name, row in accuracy.items():
    print(f"{name:<16}", *(f"{value:5.1f}" for value in row))
check(
    "a layer learns more from a classifier of its own than from goodness",
    accuracy["Mono-Forward"][-1] > accuracy["Forward-Forward"][-1] - sized(0, 100),
    f"{accuracy['Mono-Forward'][-1]:.1f} against {accuracy['Forward-Forward'][-1]:.1f} %",
)

# %% [markdown]
# (BP and Mono-Forward have BatchNorm in their layers, Forward-Forward its own normalisation. One
# seed and small networks: the gap between the first two means nothing here.) So what makes
# Forward-Forward weak is not that it is local, but what it asks of a layer: a yes or no about one
# label, instead of all ten at once.
#
# ## 4 Four more roads
#
# **DGL** (Belilovsky et al. 2020), *loss*: the classifier becomes a small network that keeps 1×1
# convolutions, the library's A2, for blocks of any size. `ml.build_network(…, classifier="a2")` is
# all that it takes. Its asynchronous form also changes where a block's $x$ comes from, a buffer of
# earlier minibatches, so that a slow block does not hold up the next.
#
# **InfoPro** (Wang et al. 2021), *loss*: a block that only has to please a classifier throws away
# what later blocks could use. So a decoder $D_j$ must also be able to restore the image:
#
# ```python
# value, correct, dx = loss(x, labels)
# restored, dx_restored = decoder_loss(x, images)   # mean error of D_j(x_j) against x_0
# dx = dx + weight * dx_restored
# ```
#
# **MAN** (Su et al. 2024), *loss*, and a line after *update*: the classifier sees $x_j$ through a
# copy of the next block's first layer, which slowly follows it. What the next block has learned
# reaches this one as weights instead of as a gradient:
#
# ```python
# for name, array in copy.params.items():
#     array[...] = m * array + (1 - m) * network.layer(j + 1).params[name]   # m = 0.995
# ```
#
# **HPFF** (Su et al. 2024), *blocks* and *wall*: besides each block alone, every two neighbours are
# trained as one block, with a classifier of their own, so that a gradient does cross each wall
# once:
#
# ```python
# for block in blocks:
#     x, result = block_step(network, block, x, labels, optimizer)
# for one, two in pairwise(blocks):
#     block_step(network, Block(one.first, two.last), x_before[one], labels, optimizer)
# ```
#
# Does that remind you of something? GXSY lets the same neighbours learn together, one epoch later
# and at no extra work: it moves the wall instead of running each layer three times.
#
# ## 5 Three questions
#
# Ask them of any new method:
#
# 1. *What does a block need from others, and when?* Features of the block before, always. MAN needs
#    weights of the next block, HPFF its classifier's loss. What is needed from later blocks costs
#    unlocking.
# 2. *What does the loss cost?* [comparison.md](comparison.md) counts on VGG-16: A1 a thousandth of
#    the step, DGL a tenth, and everything with 3×3 convolutions on large maps more than local
#    learning saves.
# 3. *Compared with what?* With BP on the same network, tuned as long, with several seeds.
#
# ## Summary
#
# * Forward-Forward changes *forward* (twice: positive and negative images) and *loss* (goodness).
#   It has no classifier; to predict it tries all labels.
# * Mono-Forward is G1 with one matrix per layer: `local_step` trains it as it is.
# * DGL, InfoPro and MAN change the *loss*: a small network, a decoder beside the classifier, a slow
#   copy of the next layer before it. HPFF changes *blocks* and *wall*.
# * Being local is not what limits Forward-Forward; what its loss asks for is.
#
# ## Exercises
#
# **1 (easy).** Predict with the second layer's goodness alone, then with the first one's alone.
# Which layer knows more? How does the answer change with `INK`?

# %%
# Your answer to exercise 1

# %% [markdown]
# **2 (medium).** Wrong labels drawn at random are often easy to reject. Draw them with the
# probability that the layers give them (a softmax over the goodness of all ten labels, without the
# right one). Does it learn faster per step? Per second?

# %%
# Your answer to exercise 2

# %% [markdown]
# **3 (hard).** Write MAN's loss for two fully connected layers: an object with `layers` and
# `__call__(x, labels, need_dx=True)` as lesson 12 wants it, which runs $x_1$ through a copy of
# layer 2 and a Linear, trains the Linear and leaves the copy alone. After each step let the copy
# follow with $m = 0.9$ and $m = 0.995$. Check its gradient with `ml.check_gradient`. Does layer 1's
# gradient point nearer to BP's (lesson 6) than Mono-Forward's?

# %%
# Your answer to exercise 3

# %% [markdown]
# *Next:* [lesson 14](14_accuracy_per_flop.ipynb), accuracy per FLOP: what the recipe around a
# network is worth. [comparison.md](comparison.md) has all the methods above in tables.
