# %% [markdown]
# # Lesson 1: One linear layer, and how to know that its gradient is right
#
# A network learns by following gradients. In minilocal nothing derives them for you: every
# gradient is a line of code that somebody wrote by hand, so it can be wrong. This lesson takes
# the smallest network there is, one matrix product and a loss, writes its gradients down, and
# shows the test that every other gradient of this course has to pass.
#
# **Learning goals.** After this lesson you can
#
# * compute a linear layer and softmax cross-entropy for a batch of images, and say what shape
#   each array has and why;
# * derive the gradients $dW = x^\top dz$, $db = \sum_n dz_n$, $dx = dz\,W^\top$ and
#   $dz = (p - \mathrm{onehot})/N$;
# * check a gradient by central differences, choose the step $h$, and say which error to expect;
# * train a linear classifier on real images and read what it has learned.
#
# *You need:* matrix products, the chain rule, some NumPy. *Time:* 25 minutes to read, a few
# seconds to run. Symbols are those of [reference.md](reference.md): $L$ is the loss, and for any
# array $a$, $da$ means $\partial L/\partial a$, an array of the shape of $a$.
#
# Run the cells from the top. The first one makes sure that minilocal can be imported: it looks for
# it beside this notebook, then among the installed packages. The second one imports what all
# lessons use, so here it is once:
#
# * `ml` is the library, as you would import it yourself.
# * `check(claim, holds, number)` prints ✓ with a claim and the number that confirms it, and stops
#   the notebook if it does not hold. Nothing in this course is claimed without one.
# * `source(f)` prints a function of the library as it ships.
# * `sized(full, small)` is `full` here; tests run the lessons with `small`.
# * `figures(1)` returns `show`, which shows a figure with its caption. The code that draws is in
#   `minilocal/course/`; `draw_…` names what is drawn.

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
import textwrap

import numpy as np

import minilocal as ml
from minilocal.course import check, figures, sized, source
from minilocal.course.charts import draw_bars, draw_curves, draw_images

show = figures(1)

# %% [markdown]
# ## 1 Images are vectors
#
# minilocal ships 12,000 images of [Fashion-MNIST](../data/README.md), small grey pictures of
# clothes in ten classes. They are padded to 32×32 pixels; `ml.training_batches` shuffles them,
# subtracts their mean and divides by their standard deviation.

# %%
data = ml.prepare("fashion-mnist-mini", train_size=sized(6000, 600), test_size=sized(2000, 200))
names = data.classes
first = [int(np.argmax(data.train.labels == label)) for label in range(len(names))]

pictures = {f"{n}: {name}": data.train.pixels[first[n], :, :, 0] for n, name in enumerate(names)}
show(draw_images(pictures, rows=2), 1)

# %% [markdown]
# A linear layer knows nothing about rows and columns of pixels. It sees each image as one vector
# of $D_\mathrm{in} = 32 \cdot 32 = 1024$ numbers, and a minibatch of $N$ images as a matrix $x$
# with $N$ rows. We take a small batch in float64, because this lesson is about exact gradients;
# its last section trains in float32, as usual.

# %%
N = 64
batch, labels = next(ml.training_batches(data.train, N, seed=0, epoch=0, crop=False, flip=False))
x = batch.reshape(N, -1).astype(np.float64)
print("batch  ", batch.shape, batch.dtype, "  images, height, width, channels (NHWC)")
print("x      ", x.shape, x.dtype, "      one row per image")
print("labels ", labels.shape, labels[:12], "...")

# %% [markdown]
# ## 2 Forward: scores, probabilities, a loss
#
# The layer turns each image into $C = 10$ *logits*, one score per class:
#
# $$z = x\,W + b, \qquad z_{nc} = \sum_i x_{ni} W_{ic} + b_c .$$
#
# $W$ has shape $(D_\mathrm{in}, C)$; $b$ has $C$ numbers and is added to every row. The *softmax*
# turns each row of logits into probabilities. *Cross-entropy* takes minus the logarithm of the
# right class's probability, and its mean over the images:
#
# $$p_{nc} = \frac{e^{z_{nc}}}{\sum_k e^{z_{nk}}}, \qquad
# L = -\frac{1}{N} \sum_n \log p_{n,\,\mathrm{label}_n} .$$

# %%
rng = np.random.default_rng(1)
D_in, C = x.shape[1], len(names)
W = rng.standard_normal((D_in, C)) / np.sqrt(D_in)
b = np.zeros(C)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))  # the shift cancels, and e^z can't overflow
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(z, labels):
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))  # log(softmax(z)) would be log 0
    return -np.mean(log_p[np.arange(len(labels)), labels])


z = x @ W + b
print(f"loss with these random weights  {cross_entropy(z, labels):.4f}")
print(f"loss if all logits are zero     {cross_entropy(np.zeros((N, C)), labels):.4f}")
print(f"log 10                          {np.log(10):.4f}")
print(f"logits 1000 and 0, label 1      {cross_entropy(np.array([[1000.0, 0.0]]), [1]):.0f}")

# %% [markdown]
# > **Question.** Why is the second number exactly $\log 10$, whatever the labels are? And what
# > does it tell you about a network whose loss starts at 7?
#
# With equal logits every class gets the probability 1/10, so each image costs $-\log(1/10)$. That
# is the price of knowing nothing. A network that starts much above it is *sure* of wrong answers:
# usually its initial weights are too large. Remember 2.30; it will come back in other lessons.
#
# The last line shows why the logarithm is taken before the division. Softmax rounds the second
# probability, $e^{-1000}$, to 0, and the loss would be infinite. $\log p$ itself is an ordinary
# number: the logit minus $\log\sum_k e^{z_k}$.
#
# Everything above is in the library, as `ml.Linear` and `ml.softmax_cross_entropy`. Here is their
# code, which trains the networks of all later lessons (`smoothing` is an option that is off):

# %%
source(ml.Linear.forward, ml.softmax_cross_entropy)

# %% [markdown]
# `check_input` refuses shapes that do not fit; `matmul` is `@` on several threads; `training=True`
# keeps $x$, because backward will need it. Does it compute the same as our code?

# %%
layer = ml.Linear(D_in, C, rng=0, dtype=np.float64)
layer.params["weight"][...] = W
layer.params["bias"][...] = b
logits = layer.forward(x, training=True)
loss, dlogits = ml.softmax_cross_entropy(logits, labels)

difference = abs(logits - z).max() + abs(loss - cross_entropy(z, labels))
check("our forward pass is the library's", difference < 1e-12, f"difference {difference:.0e}")
far, one = np.array([[1000.0, 0.0]]), np.array([1])
check(
    "neither overflows",
    cross_entropy(far, one) == ml.softmax_cross_entropy(far, one)[0] == 1000,
    "1000 for logits 1000 and 0",
)

# %% [markdown]
# ## 3 The gradient of the loss
#
# Start at the end and go backwards. How does $L$ change with one logit $z_{nc}$? It affects only
# image $n$, whose share of the loss is
#
# $$L_n = -\frac{1}{N}\log p_{n,\,\mathrm{label}_n}
#       = \frac{1}{N}\Big(\log \sum_k e^{z_{nk}} - z_{n,\,\mathrm{label}_n}\Big).$$
#
# The derivative of $\log\sum_k e^{z_{nk}}$ with respect to $z_{nc}$ is
# $e^{z_{nc}} / \sum_k e^{z_{nk}} = p_{nc}$, and that of the second term is 1 for the right class
# and 0 for the others. So
#
# $$dz = \frac{1}{N}\,\big(p - \mathrm{onehot}(\mathrm{labels})\big).$$
#
# The gradient is what the network believes minus what is true: a beautifully simple thing.

# %%
onehot = np.eye(C)[labels]
dz = (softmax(z) - onehot) / N

n = int(np.argmax(labels == 9))  # an ankle boot
believed = {"$p$, believed": softmax(z)[n], "onehot, true": onehot[n]}
gradient = {"$N \\cdot dz$, believed minus true": N * dz[n]}
show(
    draw_bars({"what the network believes": believed, "the gradient": gradient}, names, height=3.6),
    2,
)

sums = abs(dz.sum(axis=1)).max()
check("each row of dz sums to zero", sums < 1e-15, f"largest sum {sums:.0e}")

# %% [markdown]
# > **Question.** Why must each row of $dz$ sum to zero? *(What happens to $p$ if you add the same
# > number to all logits of an image?)*
#
# ## 4 The gradients of the layer
#
# Now the chain rule carries $dz$ through $z = xW + b$. One weight $W_{ic}$ touches the logit
# $z_{nc}$ of every image, with the factor $x_{ni}$:
#
# $$dW_{ic} = \sum_n \frac{\partial L}{\partial z_{nc}}\frac{\partial z_{nc}}{\partial W_{ic}}
#           = \sum_n x_{ni}\, dz_{nc}
# \quad\Longrightarrow\quad dW = x^\top dz .$$
#
# In the same way $b_c$ touches $z_{nc}$ of every image with the factor 1, and $x_{ni}$ touches
# all logits of its own image with the factors $W_{ic}$:
#
# $$db = \sum_n dz_n, \qquad dx = dz\,W^\top .$$
#
# You need not remember where the transposes go. A gradient has the shape of its array, and only
# one order of the factors makes the sizes agree:

# %%
from minilocal.course.products import draw_products

products = {
    "forward": "$x$ (N, in) · $W$ (in, C) = $z$ (N, C)",
    "gradient of $W$": "$x^\\top$ (in, N) · $dz$ (N, C) = $dW$ (in, C)",
    "gradient of $x$": "$dz$ (N, C) · $W^\\top$ (C, in) = $dx$ (N, in)",
}
show(draw_products(products, lengths={"N": 1.6, "in": 2.4, "C": 1.0}), 3)

# %%
dW = x.T @ dz
db = dz.sum(axis=0)
dx = dz @ W.T

source(ml.Linear.backward)

# %%
dx_library = layer.backward(dlogits)
worst = max(
    abs(dW - layer.grads["weight"]).max(),
    abs(db - layer.grads["bias"]).max(),
    abs(dx - dx_library).max(),
)
check("our backward pass is the library's", worst < 1e-12, f"largest difference {worst:.0e}")

# %% [markdown]
# Note the words `if need_dx`. For the first layer of a network nobody needs $dx$, the gradient of
# the images, so it is not computed. Local learning will use this at *every* block boundary: that
# is where its savings come from.
#
# ## 5 Is it right? Ask the loss
#
# Our code and the library's agree, but both could be wrong in the same way. There is a witness
# that knows nothing about backward passes: the loss itself. Move one weight by $\pm h$ and look
# at what $L$ does. By Taylor's theorem,
#
# $$\frac{L(w + h) - L(w - h)}{2h} = L'(w) + \frac{h^2}{6}\,L'''(w) + \dots$$
#
# This is the **central difference**. The error of the one-sided $\big(L(w+h) - L(w)\big)/h$
# shrinks only like $h$, not like $h^2$.


# %%
def loss_now():
    return cross_entropy(x @ W + b, labels)


def central_difference(loss, array, index, h):
    value = array[index]
    array[index] = value + h
    above = loss()
    array[index] = value - h
    below = loss()
    array[index] = value
    return (above - below) / (2 * h)


index = (500, 9)  # a pixel in the middle of the image, the class ankle boot
numeric = central_difference(loss_now, W, index, h=1e-4)
print(f"backward             dW{index} = {dW[index]:.12f}")
print(f"central difference   dW{index} = {numeric:.12f}")

# %% [markdown]
# How small should $h$ be? The formula says: the smaller, the better. But the loss is known only
# to about 16 digits (7 in float32), and the rounding error $\varepsilon \approx 10^{-16}$ is
# divided by $2h$.
#
# > **Question.** The error is about $h^2 + \varepsilon/h$, up to constants. Which $h$ makes it
# > smallest? Guess where the lowest points of the two curves below will be.

# %%
steps = 10.0 ** np.arange(-11, 1.01, 0.5)


def errors(dtype):
    W_typed, x_typed = W.astype(dtype), x.astype(dtype)

    def loss():
        return cross_entropy(x_typed @ W_typed, labels)

    found = [central_difference(loss, W_typed, index, dtype(h)) for h in steps]
    return abs(np.array(found, np.float64) - dW[index]) / abs(dW[index])


curves = {dtype.__name__: (steps, errors(dtype) + 1e-16) for dtype in (np.float64, np.float32)}
curves["slope 2: $h^2$"] = (steps[9:], 2e-3 * steps[9:] ** 2, {"color": "#CCCCCC", "linewidth": 4})
axes = {"xscale": "log", "yscale": "log", "xlabel": "step $h$", "ylabel": "relative error"}
show(draw_curves({"": curves}, ylim=(1e-13, 1e5), **axes), 4)
best = {dtype.__name__: steps[errors(dtype).argmin()] for dtype in (np.float64, np.float32)}
print(f"best h in float64: {best['float64']:.0e};  in float32: {best['float32']:.0e}")

# %% [markdown]
# Setting the derivative of $h^2 + \varepsilon/h$ to zero gives $h \approx \varepsilon^{1/3}$,
# near $10^{-5}$ in float64. So gradient checks run in **float64 with $h \approx 10^{-4}$**, where
# a right gradient agrees to 6 or more digits. In float32 even a right gradient agrees to only
# three digits, and you couldn't tell it from a slightly wrong one.
#
# The library's check, `ml.check_gradient`, takes each difference at $h$ and at $h/2$. Combining
# them cancels the $h^2$ term. Where the two disagree there is a kink (lesson 3 has some), and the
# check tries another entry:

# %%
source(ml.check_gradient)

# %%
arrays = {"weight": (W, dW), "bias": (b, db), "x": (x, dx)}
results = []
for name, (array, gradient) in arrays.items():
    results.append(ml.check_gradient("our layer", name, loss_now, array, gradient, entries=40))
    print(f"{name:<8}{results[-1].checked} entries, worst error {results[-1].worst:.1e}")

worst = max(result.worst for result in results)
check(
    "every gradient of the layer agrees with central differences",
    all(result.passed(tolerance=1e-6) for result in results),
    f"worst relative error {worst:.1e}",
)

# %% [markdown]
# Would the check notice a mistake? Let us make an easy one: the mean over the images instead of
# the sum. The network would still learn; only its bias would learn 64 times too slowly, and
# perhaps nobody would ever notice.

# %%
wrong = ml.check_gradient("wrong layer", "bias", loss_now, b, dz.mean(axis=0))
print(textwrap.fill(wrong.explain(), 90))
check("the check finds the mistake", not wrong.passed(), f"relative error {wrong.worst:.2f}")

# %% [markdown]
# `python -m minilocal.gradcheck` does this for every layer, loss and training step of the
# library. A gradient that has not been checked is a guess.
#
# ## 6 Learning
#
# With $dW$ and $db$ in hand, learning takes two lines: go a little way against the gradient,
#
# $$W \leftarrow W - \mathrm{lr}\cdot dW, \qquad b \leftarrow b - \mathrm{lr}\cdot db,$$
#
# with a new minibatch in each step. That is stochastic gradient descent; `ml.SGD` can also do
# momentum and weight decay, which we switch off for the comparison.

# %%
optimizer = ml.SGD(lr=0.1, momentum=0, weight_decay=0)
optimizer.update(layer)
difference = abs(layer.params["weight"] - (W - 0.1 * dW)).max()
check(
    "ml.SGD without momentum is our two lines",
    difference < 1e-12,
    f"difference {difference:.0e}",
)

# %%
model = ml.Linear(D_in, C, rng=0)
optimizer = ml.SGD(lr=0.01, momentum=0.9, weight_decay=0)
losses = []
for epoch in range(sized(8, 3)):
    for images, y in ml.training_batches(
        data.train, 128, seed=0, epoch=epoch, crop=False, flip=False
    ):
        logits = model.forward(images.reshape(len(images), -1), training=True)
        loss, dlogits = ml.softmax_cross_entropy(logits, y)
        model.backward(dlogits, need_dx=False)
        optimizer.update(model)
        losses.append(loss)

mean, std = data.train.normalisation.mean, data.train.normalisation.std
x_test = ((data.test.pixels - mean) / std).reshape(len(data.test), -1).astype(np.float32)
accuracy = np.mean(model.forward(x_test).argmax(axis=1) == data.test.labels)
print(f"{len(losses)} steps: loss from {losses[0]:.2f} to {np.mean(losses[-20:]):.2f}")
check(
    "one linear layer tells most clothes apart",
    accuracy > sized(0.75, 0.5),
    f"test accuracy {accuracy:.1%}; guessing gives 10 %",
)

# %% [markdown]
# A column of $W$ has one weight per pixel, so we can look at it as an image: the pattern that the
# layer compares every picture with.

# %%
weights = model.params["weight"].reshape(32, 32, C)
show(
    draw_images({name: weights[:, :, n] for n, name in enumerate(names)}, 2, vmin=-0.12, vmax=0.12),
    5,
)

# %% [markdown]
# One pattern per class is all that a linear layer can have. A coat with its sleeves up, or a boot
# that points left, needs a second pattern, and shifting an image by two pixels breaks every
# match. So the next lesson brings a layer that uses the same small pattern everywhere: the
# convolution.
#
# ## Summary
#
# * $z = xW + b$ on $N$ images is one matrix product. Its gradients are two more:
#   $dW = x^\top dz$ and $dx = dz\,W^\top$. A gradient has the shape of its array.
# * Softmax cross-entropy returns $dz = (p - \mathrm{onehot})/N$. Knowing nothing costs
#   $\log C$.
# * Backward needs what forward saw ($x$), so it must be kept.
# * Central differences in float64 with $h \approx 10^{-4}$ agree with a right gradient to 6
#   digits or more, and `ml.check_gradient` says where they do not.
#
# ## Exercises
#
# **1 (easy).** *Weight decay* adds $\frac{\lambda}{2}\sum_{ic} W_{ic}^2$ to the loss. Which term
# does it add to $dW$? Add both to the code of section 5, with $\lambda = 0.01$, and run
# `ml.check_gradient` again.

# %%
# Your answer to exercise 1

# %% [markdown]
# **2 (medium).** Replace cross-entropy with the *squared error* of the logits,
# $L = \frac{1}{2N}\sum_{nc}(z_{nc} - \mathrm{onehot}_{nc})^2$. Derive $dz$, check it, and train
# with it. What is the loss of a layer that knows nothing now? Which of the two losses gives the
# better test accuracy after the same number of steps, each with its best learning rate?

# %%
# Your answer to exercise 2

# %% [markdown]
# **3 (hard).** Two linear layers with nothing between them, $z = (x\,U)\,V$ with $U$ of shape
# $(1024, 5)$ and $V$ of shape $(5, 10)$. Write $dU$ and $dV$ and check them. Then explain by
# counting: how does this model differ from one linear layer with a $(1024, 10)$ matrix $W$, and
# which matrices $W$ can it never learn? Confirm it with the singular values of a trained $UV$
# (`np.linalg.svd`).

# %%
# Your answer to exercise 3

# %% [markdown]
# *Lab:* [margin.py](labs/margin.py), soft targets and the margin loss:
# a function to fill in and have checked.
#
# *Next:* [Lesson 2](02_convolution.ipynb), convolution: loops, im2col and one matrix product.
