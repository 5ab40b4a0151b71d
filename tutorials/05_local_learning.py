# %% [markdown] slideshow={"slide_type": "slide"}
# # Lesson 5: Local learning, a classifier for every layer
#
# Backpropagation has one loss, at the very end, and sends its gradient back through all layers.
# Until it arrives, every layer waits and keeps what it computed. What if each layer had a loss of
# its own, right where it stands? It could learn at once, from what it sees itself, and nothing
# would have to come back. That is layer-wise local learning, *G1* in this course, and it works
# better than one might think.
#
# **Learning goals.** After this lesson you can
#
# * say what a layer waits for, and must store, under backpropagation, and why not under G1;
# * build the auxiliary classifier A1 with its gradients, and compare its cost with its layer's;
# * write a training step of G1 in a dozen lines that give the library's weights bit for bit;
# * say which loss each layer's update is the gradient of, check it, and name what is left out;
# * train a network without any gradient between its layers, and see how well each of them does.
#
# *You need:* lessons 1 to 4, or the following recap. *Time:* 25 minutes to read, under a minute
# to run. Symbols are those of [reference.md](reference.md): for any array $a$, $da$ means
# $\partial L/\partial a$.
#
# **Recap.** A network is $K$ layers $x_i = f_i(x_{i-1};\,\theta_i)$, with $x_0$ the images; here a
# layer is a convolution or a linear layer, followed by BatchNorm, ReLU and dropout. In minilocal
# `layer.forward(x, training=True)` returns $x_i$ and keeps what the gradient will need;
# `layer.backward(dx)` takes $dx_i$, leaves $d\theta_i$ in `layer.grads` and returns $dx_{i-1}$;
# `layer.release()` forgets what was kept; and softmax cross-entropy turns class scores and labels
# into a loss $L$ and the gradient of the scores. Knowing nothing costs $\log 10 = 2.30$.

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
from minilocal.course import check, figures, sized, source
from minilocal.course.charts import draw_curves, draw_images

show = figures(5)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 One loss for all, or one for each
#
# Backpropagation trains all layers by the loss of the network's own classifier $A_K$,
#
# $$L = \mathrm{CE}\big(A_K(x_K;\,\phi_K),\, y\big), \qquad
# dx_{i-1} = \Big(\frac{\partial f_i}{\partial x_{i-1}}\Big)^{\!\top} dx_i
# \quad\text{for } i = K, \dots, 2 ,$$
#
# where CE is softmax cross-entropy and $y$ are the labels. Layer 1 learns last: the features must
# go all the way forward, and the gradient all the way back. Local learning puts a small *auxiliary
# classifier* $A_i$ on every layer instead, with a loss of its own:
#
# $$z_i = A_i(x_i;\,\phi_i), \qquad L_i = \mathrm{CE}(z_i,\, y), \qquad
# \theta_i \leftarrow \theta_i - \mathrm{lr}\,\frac{\partial L_i}{\partial \theta_i}, \qquad
# \phi_i \leftarrow \phi_i - \mathrm{lr}\,\frac{\partial L_i}{\partial \phi_i} .$$
#
# The library calls the first "BP" and the second "G1": groups (blocks) of one layer.

# %% slideshow={"slide_type": "subslide"}
from minilocal.course.blocks import draw_blocks

K = 7
rows = {algo: ml.parse_schedule(algo).blocks_at(0, K) for algo in ("BP", "G1")}
show(draw_blocks(rows, K), 1)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Three things change at once, and each has its own lesson later:
#
# * **No waiting.** As soon as $x_i$ is there, layer $i$ can learn (lesson 9).
# * **No storing.** Backward needs what forward saw. BP keeps it for all layers until the gradient
#   comes back; G1 keeps one layer's and forgets it (lessons 4 and 8).
# * **No gradient for the layer before.** Nobody needs $dx_{i-1}$, so one of the three products
#   of each layer is never computed (lesson 8).
#
# The price: a layer never hears what the layers after it would need.
#
# Our network has five convolutions and two fully connected layers, so $K = 7$ ("M" is a 2×2
# max-pool before the next layer). For now it computes in float64, because we compare gradients.

# %%
data = ml.prepare("fashion-mnist-mini", train_size=sized(3000, 500), test_size=sized(2000, 200))
stages, fc, D = "16 M 32 32 M 64 64 M", [64, 64], 256


def build(algo, **options):
    shape, classes = data.image_shape, len(data.classes)
    return ml.build_network(stages, fc, shape, classes, algo, features=D, **options)


network = build("G1", dtype=np.float64)
images, labels = next(ml.training_batches(data.train, 16, seed=0, epoch=0, crop=False, flip=False))
images = images.astype(np.float64)
print(network)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 The auxiliary classifier
#
# An auxiliary classifier should be small: its layer is what we want to train. The one that we use,
# **A1**, has three steps. It averages the map over windows so that at most $D$ numbers are left,
# computes the class scores with one matrix product, and normalises them over the batch:
#
# $$v = \mathrm{flatten}(\mathrm{average}_{h\times w}(x_i)), \qquad u = v\,W, \qquad
# z = \mathrm{BatchNorm}(u) .$$
#
# Here is the library's A1, all of it:

# %%
source(ml.a1)

# %% slideshow={"slide_type": "subslide"}
x1 = network.layer(1).forward(images)
window = ml.a1_window(x1.shape[1:], D)
pooled = network.classifier(1).layers["pool"].forward(x1)
print("x_1", x1.shape[1:], " window", window, " pooled", pooled.shape[1:], "=", pooled[0].size)

pictures = {"image": images[2, :, :, 0], "$x_1$, channel 1": x1[2, :, :, 1]}
pictures |= {f"channel {c}": x1[2, :, :, c] for c in (2, 3)}
pictures |= {f"{c}, averaged": pooled[2, :, :, c] for c in range(4)}
show(draw_images(pictures, rows=2), 2)

# %% [markdown]
# Its gradients are three old friends in a row: BatchNorm's, the linear layer's, and average
# pooling's, which spreads each gradient evenly over its window. With $N$ images, $\sigma^2$ the
# variance of a column of $u$ plus $10^{-5}$, and $\hat u = (u - \mathrm{mean})/\sigma$ (lesson 3),
#
# $$du = \frac{\gamma}{\sigma}\Big(dz - \tfrac1N d\beta - \tfrac1N \hat u \, d\gamma\Big), \qquad
# dW = v^\top du, \qquad dv = du\,W^\top, \qquad dx_i = \tfrac{1}{hw}\,\mathrm{spread}(dv) .$$


# %%
def a1_forward(x, W, gamma, beta, window):
    n, height, width, channels = x.shape
    h, w = window
    tiles = x.reshape(n, height // h, h, width // w, w, channels)
    v = tiles.mean(axis=(2, 4)).reshape(n, -1)
    u = v @ W
    inv_std = 1 / np.sqrt(u.var(axis=0) + 1e-5)
    u_hat = (u - u.mean(axis=0)) * inv_std
    return gamma * u_hat + beta, (v, u_hat, inv_std)


def a1_backward(dz, kept, x_shape, W, gamma, window):
    v, u_hat, inv_std = kept
    n, height, width, channels = x_shape
    h, w = window
    dgamma, dbeta = (dz * u_hat).sum(axis=0), dz.sum(axis=0)
    du = gamma * inv_std * (dz - dbeta / n - u_hat * dgamma / n)
    dW, dv = v.T @ du, du @ W.T
    dtiles = dv.reshape(n, height // h, width // w, channels) / (h * w)
    return dW, dgamma, dbeta, dtiles.repeat(h, axis=1).repeat(w, axis=2)


classifier = network.classifier(1)
W, gamma, beta = (classifier.params[name] for name in ("linear.weight", "bn.gamma", "bn.beta"))
z, kept = a1_forward(x1, W, gamma, beta, window)
loss, dz = ml.softmax_cross_entropy(z, labels)
dW, dgamma, dbeta, dx1 = a1_backward(dz, kept, x1.shape, W, gamma, window)

differences = [abs(z - classifier.forward(x1, training=True)).max()]
differences.append(abs(dx1 - classifier.backward(dz)).max())
for name, mine in {"linear.weight": dW, "bn.gamma": dgamma, "bn.beta": dbeta}.items():
    differences.append(abs(mine - classifier.grads[name]).max())
worst = max(differences)
check("our A1, forward and backward, is the library's", worst < 1e-12, f"difference {worst:.0e}")

# %% [markdown] slideshow={"slide_type": "subslide"}
# > **Question.** The classifier computes a third gradient, $dx_i$, beside those of its own
# > parameters. What would happen if it did not?
#
# It would still learn to read $x_i$, but the layer would never be told how to make $x_i$ easier to
# read. The classifier is the layer's teacher, and $dx_i$ is the lesson.
#
# What does this cost? A classifier computes three products per step: forward, $dW$ and $dv$. So
# does a layer under BP. Compare their multiply-adds (MACs):

# %% slideshow={"slide_type": "fragment"}
inputs = [network.input_shape, *network.shapes]
print("                                           MACs of three products, per image")
print("layer  x_i            window    weights of A_i         of A_i        of layer i")
total = {"layers": 0, "classifiers": 0}
for i in range(1, K + 1):
    shape, classifier = network.shapes[i - 1], network.classifier(i)
    window = ml.a1_window(shape, D) if len(shape) == 3 else ""
    weights = sum(p.size for n, p in classifier.params.items() if n.endswith("weight"))
    macs, layer_macs = 3 * classifier.macs(shape), 3 * network.layer(i).macs(inputs[i - 1])
    total["classifiers"] += macs
    total["layers"] += layer_macs
    print(f"{i:>5}  {shape!s:<14} {window!s:<8}{weights:>16,}{macs:>14,}{layer_macs:>18,}")
share = total["classifiers"] / total["layers"]
check("the classifiers add next to nothing to the work", share < 0.01, f"{share:.2%} of the MACs")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 A training step of G1
#
# The step does the same four things for each layer in turn: forward, loss, backward, update. Note
# what is missing: a second loop, from the last layer back to the first.


# %% slideshow={"slide_type": "-", "code": "g1_step"}
def g1_step(network, x, labels, optimizer, seed=0, step=0, learn_layers=True):
    network.set_dropout_keys(seed, step)
    losses = []
    for number in range(1, len(network) + 1):
        layer, classifier = network.layer(number), network.classifier(number)

        x = layer.forward(x, training=True)
        logits = classifier.forward(x, training=True)

        loss, dlogits = ml.softmax_cross_entropy(logits, labels)

        dx = classifier.backward(dlogits)
        layer.backward(dx, need_dx=False)  # no gradient for the layer before

        if learn_layers:
            optimizer.update(layer)
        optimizer.update(classifier)
        layer.release()
        classifier.release()
        losses.append(loss)
    return losses


ours, theirs = build("G1"), build("G1")
optimizers = ml.SGD(), ml.SGD()
blocks = [ml.Block(i, i) for i in range(1, K + 1)]
batches = ml.training_batches(data.train, 64, seed=0, epoch=0, crop=True, flip=True)
for step, (x, y) in zip(range(3), batches, strict=False):
    losses = g1_step(ours, x, y, optimizers[0], step=step)
    results = ml.local_step(theirs, blocks, x, y, optimizers[1], step=step)
    print("step", step, "losses", *(f"{loss:.3f}" for loss in losses))

same = [
    np.array_equal(a, b)
    for a, b in zip(ours.arrays().values(), theirs.arrays().values(), strict=True)
]
check(
    "our step gives the library's weights, bit for bit",
    all(same) and losses == [result.loss for result in results],
    f"{sum(same)} of {len(same)} arrays are equal after 3 steps",
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# `ml.local_step` takes blocks of any size; with one layer in each block it is G1. We read it in the
# next lesson.
#
# > **Question.** Layer 2 gets $x_1$ as it was computed *before* layer 1's update. Would it be
# > better to compute it again, with the updated weights?
#
# It would cost a second forward pass, and layer 2 could not start before layer 1 has finished its
# backward pass. As it is, both can work at the same time, and the result is the same whichever is
# faster.
#
# ## 4 Which loss is this the gradient of?
#
# $L_2$ depends on $\theta_1$ too, through $x_1$. G1 does not want to know: when layer 2 computes
# its gradient, it takes $x_1$ as given. We write this with a *stop-gradient* $\mathrm{sg}$, a
# function that returns its argument and has the derivative zero:
#
# $$L_i = \mathrm{CE}\Big(A_i\big(f_i(\mathrm{sg}(x_{i-1});\,\theta_i);\,\phi_i\big),\, y\Big) .$$
#
# So for its own layer and classifier, G1's gradient is the true gradient of $L_i$. Central
# differences agree (lesson 1: move a weight by $\pm h$, look at the loss):

# %%
ml.local_step(network, blocks, images, labels)  # no optimizer: only computes the gradients


def loss_of(number):
    x = images
    for layer in network.layers[:number]:
        x = layer.forward(x, training=True)
    logits = network.classifier(number).forward(x, training=True)
    return ml.softmax_cross_entropy(logits, labels)[0]


worst, count = 0.0, 0
for i in range(1, K + 1):
    for layer in (network.layer(i), network.classifier(i)):
        name = next(n for n in layer.params if n.endswith("weight"))
        found = ml.check_gradient(
            f"layer {i}", name, lambda i=i: loss_of(i), layer.params[name], layer.grads[name], 3
        )
        worst, count = max(worst, found.worst), count + found.checked
check(
    "each layer's gradient is that of its own loss",
    worst < 1e-6,
    f"worst relative error {worst:.1e} over {count} weights",
)

# %% [markdown]
# What is left out? Move one weight of layer 1 and look at the losses of *all* classifiers:

# %% slideshow={"slide_type": "-"}
weight, index, h = network.layer(1).params["conv.weight"], (1, 1, 0, 3), 1e-4
value = weight[index]
slopes = []
for j in range(1, K + 1):
    weight[index] = value + h
    above = loss_of(j)
    weight[index] = value - h
    slopes.append((above - loss_of(j)) / (2 * h))
    weight[index] = value
used = network.layer(1).grads["conv.weight"][index]
for j, slope in enumerate(slopes, 1):
    print(f"dL_{j}/dw = {slope:+.6f}" + (f"    G1 uses {used:+.6f}" if j == 1 else ""))
check(
    "layer 1 follows L_1 and leaves out the other losses",
    abs(used - slopes[0]) < 1e-6 and min(abs(s) for s in slopes[1:]) > 1e-6,
    f"slope of L_1 {slopes[0]:+.4f}, of all others {sum(slopes[1:]):+.4f}",
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# So G1 is *not* gradient descent on the sum of the losses: that would add all seven slopes. (It is
# called deep supervision and needs a full backward pass again, see exercise 3.)
#
# > **Question.** Is there any other function of all parameters whose gradient is G1's update?
#
# No. For such a function the second derivatives would have to be symmetric: how the gradient of
# layer 1 changes with $\theta_2$ would equal how the gradient of layer 2 changes with $\theta_1$.
# But the first is zero, because layer 1's loss does not depend on layer 2, and the second is not.
# Rather, G1 is a chain of pupils: layer 1 does honest gradient descent on $L_1$; as it settles,
# layer 2 sees features that hold still, and does the same on $L_2$; and so on.
#
# ## 5 Does it learn?
#
# We train three networks with the same initial weights, data, and number of steps: one by BP, one
# by our `g1_step`, and one in which only the classifiers learn, on layers that stay random.
# The third one tells us whether it is really the *layers* that learn.

# %% slideshow={"slide_type": "-"}
EPOCHS, BATCH, SEED = sized(6, 3), 64, 0
STEPS = EPOCHS * (len(data.train) // BATCH)


def train_g1(network, learn_layers=True):
    """Return the test accuracies: a list of all classifiers' for each epoch."""
    optimizer, step, history = ml.SGD(), 0, []
    for epoch in range(EPOCHS):
        for x, y in ml.training_batches(
            data.train, BATCH, seed=SEED, epoch=epoch, crop=True, flip=True
        ):
            optimizer.lr = ml.learning_rate("cosine", 0.1, step, STEPS)
            g1_step(network, x, y, optimizer, SEED, step, learn_layers)
            step += 1
        scores = ml.evaluate_network(network, data.test, range(1, K + 1))
        history.append([score.accuracy for score in scores.values()])
    return np.array(history)


local = train_g1(build("G1", seed=SEED))
random_layers = train_g1(build("G1", seed=SEED), learn_layers=False)
recipe = ml.Recipe("BP", SEED, epochs=EPOCHS, batch_size=BATCH, lr_schedule="cosine")
trainer = ml.Trainer(build("BP", seed=SEED), data, recipe)
backprop = np.array([report.test.accuracy for report in trainer.epochs()])

print("test accuracy, %", *(f"A_{i}".rjust(6) for i in range(1, K + 1)))
for name, row in (("G1", local[-1]), ("random layers", random_layers[-1])):
    print(f"{name:<16}", *(f"{100 * accuracy:6.1f}" for accuracy in row))
print(f"{'BP':<16}", " " * 41, f"{100 * backprop[-1]:6.1f}")

# %% slideshow={"slide_type": "subslide"}
epochs, layers = np.arange(1, EPOCHS + 1), np.arange(1, K + 1)
by_epoch = {f"$A_{i}$": (epochs, 100 * local[:, i - 1]) for i in (1, 2, 4, 7)}
by_epoch["BP"] = (epochs, 100 * backprop)
by_layer = {"G1": (layers, 100 * local[-1]), "random layers": (layers, 100 * random_layers[-1])}
by_layer["BP"] = ([K], [100 * backprop[-1]], {"marker": "*", "markersize": 12, "linestyle": ""})
panels = {"G1, four of its classifiers, and BP": by_epoch, "accuracy of $A_i$ at the end": by_layer}
titles = {"xlabel": ["epoch", "layer $i$"], "ylabel": ["test accuracy (%)", ""]}
show(draw_curves(panels, height=3.5, **titles), 3)
check(
    "every layer learns, though no gradient reaches it from another one",
    local[-1].min() > sized(0.65, 0.3),
    f"{local[-1].min():.1%} to {local[-1].max():.1%}",
)
gain = local[-1, -1] - random_layers[-1, -1]
check(
    "it is the layers that learn, not their classifiers alone",
    gain > sized(0.15, 0.0),
    f"A_7 has {local[-1, -1]:.1%}, on random layers {random_layers[-1, -1]:.1%}",
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Random convolutions are not a bad start: their classifiers read them quite well. But layers that
# learn pass on more than random ones, and after seven of them the difference is large. All of that
# without a single gradient between two layers.
#
# Now look at the second half of the network. From about layer 3 on, more layers don't help: $A_4$
# does as well as $A_7$, or better. Each layer was taught to make things easy for its *own* small
# classifier, at once. Nobody asked it to prepare something that only a later layer can finish,
# which is what depth is for.
#
# And BP? The table does not tell: the two differ by about a point, and that is the standard error
# of 2,000 test images. With four times the
# images, ten epochs and three seeds there is an order (from [RESULTS.md](RESULTS.md), network
# vgg8b × 0.125): BP 90.3 ± 0.3 %, G1 89.0 ± 0.7 %. In the paper's long runs on CIFAR-10 it is BP
# 95.1 %, G1 92.4 % for VGG-11B, and BP 94.0 %, G1 89.9 % for VGG-16. The deeper the network, the
# more it costs that no layer hears from the next.
#
# How can we keep most of what G1 saves and lose less? Let a few neighbours share a loss. That is
# the next lesson.
#
# ## Summary
#
# * G1 gives every layer a small classifier and a loss of its own. Each layer runs forward, learns
#   and forgets; it passes on its features, but no gradient.
# * A1 averages the map to at most $D$ numbers and needs one matrix product: well under 1 % of the
#   layers' work.
# * For a layer's own parameters, G1's gradient is exactly $\partial L_i/\partial\theta_i$. The
#   dependence of later losses on $\theta_i$ is left out on purpose, so G1 is not gradient descent
#   on any single function.
# * Layers learn this way, and the network comes close to BP, though no layer ever hears from the
#   next. But later layers add little.
#
# ## Exercises
#
# **1 (easy).** The classifiers see $D = 256$ numbers. Print the table of section 2 for $D = 64$
# and $D = 1024$. Which windows change? Then train with both. Which layers' accuracies depend most
# on $D$, and why?

# %%
# Your answer to exercise 1

# %% [markdown]
# **2 (medium).** `build("G1", classifier="a2")` gives every convolutional layer a larger
# classifier. Print `network.classifier(2)` and count its MACs beside its layer's, as in section 2.
# Train with it. Is it worth its price here? And if the layers were ten times as wide?

# %%
# Your answer to exercise 2

# %% [markdown]
# **3 (hard).** *Deep supervision* is gradient descent on $\sum_i L_i$, with nothing left out.
# Write its step: forward through all layers, then one backward pass in which layer $i$ gets
# $dx_i$ from its classifier *plus* what comes from layer $i + 1$. Check layer 1's gradient, in
# float64, by central differences of the sum of all `loss_of(i)`. Take a step of $h = 10^{-6}$: a
# larger one often crosses a kink of some ReLU or max-pool, and `ml.check_gradient`, whose step is
# $10^{-4}$, leaves most entries out. Train with it and compare with G1. What must it store, and
# when may layer 1 be updated?

# %%
# Your answer to exercise 3

# %% [markdown]
# *Lab:* [two_layers.py](labs/two_layers.py), an auxiliary classifier with a hidden layer:
# a function to fill in and have checked.
#
# *Next:* [Lesson 6](06_blocks.ipynb), blocks: several layers share a loss, and a wall.
