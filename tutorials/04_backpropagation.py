# %% [markdown]
# # Lesson 4: Backpropagation through a VGG, gradient by gradient
#
# We have all the layers. Now we stack them, send a batch of images forward and a gradient back, and
# watch every array on the way. Backpropagation is the chain rule and nothing else; what makes it
# expensive is *what it must remember, and for how long*. Local learning, which begins in the next
# lesson, is an answer to that problem.
#
# **Learning goals.** After this lesson you can
#
# * write a whole training step of backpropagation by hand, equal to the library's to the last bit;
# * explain why gradients are computed from the loss back, and what each layer hands on;
# * say for each stored array when it is made, when it is used, and when it may be forgotten;
# * compute from shapes alone how much memory the activations of a network take;
# * say what momentum, weight decay and a cosine learning rate do to an update, and write them.
#
# *You need:* lessons 1 to 3. *Time:* 40 minutes to read, a few seconds to run. Symbols are those of
# [reference.md](reference.md): a network has $K$ layers $x_i = f_i(x_{i-1}; \theta_i)$ with $x_0$
# the images, and a classifier $A_K$ after the last one.

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
from minilocal.course.charts import draw_bars, draw_curves

show = figures(4)
N = sized(64, 16)
data = ml.prepare("fashion-mnist-mini", train_size=max(N, 600), test_size=200)
batches = ml.training_batches(data.train, N, seed=0, epoch=0, crop=True, flip=True)
images, labels = next(batches)

# %% [markdown]
# ## 1 A network
#
# VGG networks are as plain as networks can be: CBRD layers (lesson 3), now and then a max-pool that
# halves height and width, more channels after it, and fully connected layers at the end. The field
# writes them as lists of widths, with `M` for a max-pool. `vgg8b` is one of them; an eighth of its
# width is enough for this lesson.

# %%
network = ml.build_vgg("vgg8b", data.image_shape, classes=10, width=0.125)
K = len(network)
print(ml.CONFIGS["vgg8b"])
print(f"\n{'':<8}{'x_i per image':>14}{'numbers':>10}{'parameters':>12}{'MACs':>12}")
shape = network.input_shape
print(f"{'images':<8}{'×'.join(map(str, shape)):>14}{np.prod(shape):>10,}")
for number, layer in enumerate(network.layers, 1):
    macs = layer.macs(shape)
    shape = layer.output_shape(shape)
    parameters = sum(array.size for array in layer.params.values())
    print(
        f"layer {number:<2}{'×'.join(map(str, shape)):>14}{np.prod(shape):>10,}"
        f"{parameters:>12,}{macs:>12,}"
    )

# %% [markdown]
# > **Question.** Where are most of the numbers $x_i$, most of the parameters, and most of the work?
# > What does that suggest about a device with little memory?
#
# Early layers have large maps and few weights, late ones the other way round, and most of the work
# is done in between. Section 4 comes back to this.
#
# ## 2 Forward and back
#
# Forward applies one layer after another; backward applies the chain rule. The loss depends on
# $\theta_i$ only through $x_i$, so
#
# $$d\theta_i = \Big(\frac{\partial x_i}{\partial \theta_i}\Big)^{\!\top} dx_i, \qquad
#   dx_{i-1} = \Big(\frac{\partial x_i}{\partial x_{i-1}}\Big)^{\!\top} dx_i .$$
#
# These are what `layer.backward(dx)` computes: it writes $d\theta_i$ into `layer.grads` and returns
# $dx_{i-1}$, which is what the layer before it needs. The big matrices of derivatives are never
# formed. Each layer knows how to multiply by the transpose of its own, as col2im does for im2col.

# %%
from minilocal.course.blocks import draw_blocks

show(draw_blocks({"BP": [ml.Block(1, K)]}, K), 1)

# %% [markdown]
# > **Question.** The chain rule is a product of many matrices, and a product may be computed from
# > either end. Why back from the loss, and not forward from the images?
#
# Because the loss is *one* number. Back from the loss only one gradient travels, as large as the
# maps. Forward from the images it would be the derivatives of the maps with respect to every single
# parameter, and this small network has 140,000 of them.
#
# Here is the step by hand. Dropout masks are functions of (seed, step), so we set them first:

# %%
network.set_dropout_keys(seed=0, step=0)

x, maps = images, [images]
for layer in network.layers:
    x = layer.forward(x, training=True)  # forward
    maps.append(x)
logits = network.classifier().forward(x, training=True)
loss, dlogits = ml.softmax_cross_entropy(logits, labels)

gradients = {K: network.classifier().backward(dlogits)}
for number in range(K, 1, -1):
    gradients[number - 1] = network.layer(number).backward(gradients[number])  # back
network.layer(1).backward(gradients[1], need_dx=False)  # images need no gradient

print(f"loss {loss:.4f}")
for number in (K, 4, 1):
    print(f"x_{number}  {maps[number].shape!s:<18} dx_{number}  {gradients[number].shape}")

# %% [markdown]
# Here is the library's step. It has $A_K$ and softmax cross-entropy in one object, a *loss*,
# because local learning needs several of them. Called with $x_K$ and the labels, a loss returns
# its value, the number of correct answers, and $dx_K$. At the end the step updates and *releases*:
# every layer forgets what it kept.

# %%
source(ml.CrossEntropy, ml.backprop_step)

# %% [markdown]
# Are the numbers the same? Not just nearly, but *to the bit*. minilocal divides its work by shapes
# alone, so a result does not depend on the number of threads either.

# %%
twin = ml.build_vgg("vgg8b", data.image_shape, classes=10, width=0.125)
result = ml.backprop_step(twin, images, labels, seed=0, step=0)[0]
equal = [
    np.array_equal(mine.grads[name], theirs.grads[name])
    for (_, mine), (_, theirs) in zip(network.named_layers(), twin.named_layers(), strict=True)
    for name in mine.grads
]
check(
    "our step is the library's, to the bit",
    all(equal) and result.loss == loss,
    f"{len(equal)} arrays",
)

# %% [markdown]
# How large are the gradients on their way? A gradient that shrinks by half at each layer would be
# gone after thirty. Initial weights and BatchNorm prevent that:

# %%
sizes = [np.sqrt(sum(np.vdot(g, g) for g in layer.grads.values())) for layer in network.layers]
lengths = {"length of each layer's gradient, before any training": {"": sizes}}
show(draw_bars(lengths, range(1, K + 1), xlabel="layer", ylabel="$\\|d\\theta_i\\|$"), 2)
ratio = max(sizes) / min(sizes)
check("no layer's gradient vanishes", ratio < 100, f"largest over smallest {ratio:.1f}")

# %% [markdown]
# Is the *whole step* right? We ask central differences once more, with respect to parameters in
# every layer of a small network in float64. They need nothing but forward passes.

# %%
from minilocal import gradcheck

checks = list(gradcheck.check_step("BP", epoch=0, entries=sized(4, 2)))
for row in checks[::4]:
    print(f"{row.argument:<24}{row.checked} entries, worst error {row.worst:.0e}")
print(f"... and {len(checks) - len(checks[::4])} more arrays")
check(
    "the gradients of a whole step agree with central differences",
    all(row.passed(1e-6) for row in checks),
    f"worst error {max(row.worst for row in checks):.1e}",
)

# %% [markdown]
# ## 3 What must be stored, and for how long
#
# Every `backward` needs something from its `forward`: the convolution needs its input, BatchNorm
# its input too, ReLU and dropout their output, and a max-pool the places of its winners. So what
# layer $i$ keeps lives from its forward to its backward pass. For layer $K$ that is a moment. For
# layer 1 it is the whole step: *everything after it must run forward and back first.*
#
# Our step from above still keeps all of it. How much is it?

# %%
for name, layer in list(network.named_layers())[:3]:
    for inner in layer.layers.values():  # convolution, BatchNorm-ReLU-dropout, ...
        for key in inner.kept:
            value = getattr(inner, key)
            if np.ndim(value) > 1:
                kind, size = type(inner).__name__, f"{value.nbytes / 1e6:.2f} MB"
                print(f"{name}  {kind:<21}{key:<8}{value.shape!s:<18}{value.dtype!s:<9}{size:>9}")

# %% [markdown]
# Some of these are one array under two names: what BatchNorm-ReLU-dropout of layer 1 calls its
# output `y` is the convolution's input `x` in layer 2. If we count each array once, the moments of
# a step look like this. Our own step now lets go as early as it can, right after each layer's
# backward pass:

# %%
from minilocal.course.moments import draw_moments, recorded


def careful_step(network, x, labels):
    network.set_dropout_keys(seed=0, step=0)
    for layer in network.layers:
        x = layer.forward(x, training=True)
    logits = network.classifier().forward(x, training=True)
    _, dlogits = ml.softmax_cross_entropy(logits, labels)
    dx = network.classifier().backward(dlogits)
    for layer in reversed(network.layers):
        dx = layer.backward(dx, need_dx=layer is not network.layers[0])
        layer.release()  # not needed any more
    network.classifier().release()


for _, layer in network.named_layers():
    layer.release()  # forget the step from above

whole = [ml.Block(1, K)]
with recorded(network) as careful:
    careful_step(network, images, labels)
with recorded(network) as shipped:
    ml.backprop_step(network, images, labels)

show(
    draw_moments({"BP, letting go at once": (careful, whole), "BP, as shipped": (shipped, whole)}),
    3,
)

# %% [markdown]
# The peak is what decides whether a step fits into a device. It comes at the loss, when forward is
# done and backward has not begun, and it is the sum over *all* layers.
#
# > **Question.** Which layer waits longest between its forward and its backward? How many passes
# > of other layers lie between them, in a network of $K$ layers?

# %%
order = [f"{moment.phase} {moment.part}" for moment in careful]
for number in (1, K):
    between = order.index(f"backward {number}") - order.index(f"forward {number}") - 1
    print(f"layer {number}: {between} passes lie between its forward and its backward")
waits = order.index("backward 1") - order.index("forward 1") - 1
check("layer 1 waits for 2K passes", waits == 2 * K, f"{waits} with K = {K}")

# %% [markdown]
# That waiting has names (Jaderberg et al. 2017). **Backward locking**: no layer can be updated
# before all layers after it have run forward *and backward*. It contains **update locking**: no
# layer can be updated before all layers after it have run *forward*. And **forward locking**, that
# no layer can run before the layers before it have run, is what any chain of layers has. On one
# processor locking costs memory. On several, one per layer, it also costs time, because they wait
# for each other. Lesson 9 comes back to this.
#
# ## 4 From shapes alone
#
# How much does a network keep? Let $x_i$ have $|x_i|$ numbers, and if layer $i$ begins with a
# max-pool, let $q_i$ be the size of the pooled map. Layer $i$ keeps, in bytes per image,
#
# $$S_i = \underbrace{4\,|x_i|}_{\text{product, for BatchNorm}} + \underbrace{4\,|x_i|}_{x_i}
#       + \underbrace{(4 + 1)\,q_i}_{\text{pooled map and winners}} ,$$
#
# and the images themselves take $4\,|x_0|$. BatchNorm's means and deviations, two numbers per
# channel, are added once per batch.


# %%
def bytes_per_image(network):
    """Return what each layer keeps per image, the images counted with layer 1."""
    kept, before = [], network.input_shape
    for layer, shape in zip(network.layers, network.shapes, strict=True):
        size = 8 * np.prod(shape)
        if "pool" in layer.layers:
            size += 5 * np.prod(layer.layers["pool"].output_shape(before))
        kept.append(size)
        before = shape
    kept[0] += 4 * np.prod(network.input_shape)
    return np.array(kept, dtype=np.int64)


statistics = sum(8 * shape[-1] for shape in network.shapes)
predicted = N * bytes_per_image(network).sum() + statistics
measured = max(moment.total for moment in shipped)
print(f"predicted {predicted:,} bytes, measured {measured:,} bytes")
check("the formula predicts the peak to the byte", predicted == measured, f"{measured:,} bytes")

# %% [markdown]
# Now for a network of full size, VGG-16 with batches of 128. Compare the activations with what the
# weights take, which are stored three times: weights, gradients, and SGD's momentum.

# %%
large = ml.build_vgg("vgg16", image_shape=(32, 32, 3))
activations = 128 * bytes_per_image(large) / 1e6
weights = (
    np.array([12 * sum(array.size for array in layer.params.values()) for layer in large.layers])
    / 1e6
)
bars = {"activations kept": activations, "weights, gradients, momentum": weights}
places = range(1, len(large) + 1)
show(draw_bars({"": bars}, places, xlabel="layer of VGG-16", ylabel="MB"), 4)
print(f"activations                          {activations.sum():4.0f} MB")
print(f"weights with gradients and momentum  {weights.sum():4.0f} MB")
check(
    "VGG-16 keeps about 307 MB for a batch of 128",
    abs(activations.sum() - 307) < 1,
    f"{activations.sum():.1f} MB",
)

# %% [markdown]
# Activations grow with the batch and with the image's area. At four times the area, as on
# 64×64 images, the 307 MB become 1.2 GB, while the convolutions' weights stay as they are.
#
# ## 5 From a gradient to new weights
#
# Lesson 1 subtracted the gradient times a learning rate. The library's `ml.SGD` does two things
# more, and the learning rate changes from step to step. With $g_t$ the gradient of step $t$ of $T$,
#
# $$v \leftarrow \mu\,v + g_t + \lambda\,w, \qquad w \leftarrow w - \mathrm{lr}_t\,v, \qquad
# \mathrm{lr}_t = \frac{\mathrm{lr}}{2}\Big(1 + \cos\frac{\pi t}{T}\Big) .$$
#
# **Momentum**, $\mu = 0.9$: instead of the gradient, a running sum $v$ of all gradients is
# subtracted, in which one that is $k$ steps old counts $\mu^k$. Components that point the same way
# in every step add up, to $1/(1 - \mu) = 10$ times their size; those that change their sign cancel.
# Take a loss that is steep in one direction and flat in the other, $L = (u^2 + 25\,v^2)/2$. The
# steep one forbids a large learning rate, and the flat one would need it:


# %%
def descend(momentum, lr=0.01, steps=60):
    w, velocity, path = np.array([-4.0, 1.0]), np.zeros(2), []
    for _ in range(steps):
        path.append(w)
        velocity = momentum * velocity + np.array([1, 25]) * w  # the gradient of L
        w = w - lr * velocity
    return np.array(path).T


paths = {f"momentum {momentum}": descend(momentum) for momentum in (0, 0.9)}
rates = [ml.learning_rate("cosine", 0.1, t, 100) for t in range(100)]
panels = {"60 steps to the minimum at 0": paths}
panels["lr of each step"] = {"": (range(100), rates, {"marker": ""})}
show(draw_curves(panels, sharey=False, xlabel=["$u$", "step of 100"], ylabel=["$v$", ""]), 5)
ends = {name: abs(path[0, -1]) for name, path in paths.items()}
check(
    "momentum gets further where the loss is flat",
    ends["momentum 0.9"] < ends["momentum 0"] / 2,
    ", ".join(f"{name}: {end:.2f} to go" for name, end in ends.items()),
)

# %% [markdown]
# **Weight decay**, $\lambda = 5 \cdot 10^{-4}$: each step pulls every weight a little towards 0, as
# the gradient of $\frac{\lambda}{2}\sum w^2$ would. A weight that no image needs fades away.
#
# **The cosine rate**: large steps at the beginning, to get somewhere; smaller and smaller ones at
# the end, so that the noise of single minibatches averages out. Here is an update by hand, twice,
# because the first one starts with $v = 0$:

# %%
layer, optimizer = network.layer(1), ml.SGD(lr=0.1, momentum=0.9, weight_decay=5e-4)
w, g = layer.params["conv.weight"].copy(), layer.grads["conv.weight"]
v = np.zeros_like(w)
for t in range(2):
    lr = ml.learning_rate("cosine", 0.1, t, 100)
    v = 0.9 * v + g + 5e-4 * w
    w = w - lr * v
    optimizer.lr = lr
    optimizer.update(layer)
difference = abs(w - layer.params["conv.weight"]).max()
check("our update is the library's", difference < 1e-6, f"difference {difference:.0e}")

# %% [markdown]
# Momentum needs an array as large as the weights, which is why weights counted three times above.
# In local learning all this stays as it is, layer by layer: a layer's $v$ needs nothing but the
# layer's own gradients.
#
# ## 6 What if we cut?
#
# The activations must stay because the gradient has not arrived yet. So shorten its path. Divide
# the network into blocks, give each block a classifier and a loss of its own, and let no gradient
# cross a boundary. Then a block can run forward and back, learn and *forget* before the next
# block even begins. That is block-wise local learning, and the library's step for it is as short as
# `backprop_step`. You will read it in lessons 5 and 6; for now, look only at the memory:

# %%
blocks = ml.parse_schedule("G3").blocks_at(0, K)
cut = ml.build_vgg("vgg8b", data.image_shape, classes=10, algo="G3", width=0.125)
with recorded(cut) as moments:
    ml.local_step(cut, blocks, images, labels)

show(draw_blocks({"BP": whole, "G3": blocks}, K), 6)
show(draw_moments({"BP": (shipped, whole), "G3": (moments, blocks)}), 7)
peaks = [max(moment.total for moment in step) for step in (shipped, moments)]
check("blocks lower the peak", peaks[1] < peaks[0], f"to {peaks[1] / peaks[0]:.0%} of BP's")

# %% [markdown]
# The price is not in this picture: layers 1 to 3 now learn from what *their* classifier wants, and
# nobody tells them what layers 4 to 7 could use. Whether that is a good bargain is the question
# for the rest of the course.
#
# ## Summary
#
# * Backpropagation runs forward once and back once. `backward` turns $dx_i$ into $d\theta_i$ and
#   $dx_{i-1}$; nothing else travels between layers.
# * What a layer keeps lives from its forward to its backward. Layer 1 waits for $2K$ passes:
#   backward locking.
# * The peak is at the loss and is the sum over all layers: layer $i$ keeps about 8 bytes per image
#   for each number of $x_i$. It grows with batch and image size; a convolution's weights do not.
# * Momentum subtracts a running sum of gradients, weight decay pulls weights towards 0, and the
#   cosine rate makes steps smaller towards the end.
# * Cut into blocks, the peak is that of one block.
#
# ## Exercises
#
# **1 (easy).** Predict the peak of `careful_step` for batches of 32 and of 128 images, and for
# images of 64×64 pixels (`image_shape=(64, 64, 1)`). Then measure one of them with `recorded`.
# Which of the arrays of a training step do *not* grow?

# %%
# Your answer to exercise 1

# %% [markdown]
# **2 (medium).** *Checkpointing* trades work for memory: keep nothing of layers 1 to 3 but their
# input; when the gradient arrives at $x_3$, run them forward again and continue. Write
# `checkpointed_step` (you need `release` and three extra forwards), draw it with `draw_moments`,
# and show that its gradients equal `backprop_step`'s to the bit. Why do the dropout masks agree?
# Which array of the network does *not* end up as in `backprop_step`?

# %%
# Your answer to exercise 2

# %% [markdown]
# **3 (hard).** Test the whole backward pass as lesson 2 tested col2im: for the network's map
# $F: x_0 \mapsto x_K$ and random $v$ and $r$,
# $\langle r,\, J v \rangle = \langle J^\top r,\, v \rangle$ with
# $J = \partial x_K / \partial x_0$. Get $J v$ from two forward passes at $x_0 \pm h v$, and
# $J^\top r$ from one backward pass with `need_dx=True` everywhere. Use float64
# (`build_network(..., dtype=np.float64)`) and set the dropout keys before each pass. Which $h$
# works, and what do kinks do to the result? Why does one such test say more than ten entries of
# `ml.check_gradient`, and where does it say less?

# %%
# Your answer to exercise 3

# %% [markdown]
# *Lab:* [branches.py](labs/branches.py), gradients where a network branches:
# a function to fill in and have checked.
#
# *Next:* [Lesson 5](05_local_learning.ipynb), local learning: every layer gets a loss of its own.
