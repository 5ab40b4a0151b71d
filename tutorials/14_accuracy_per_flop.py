# %% [markdown]
# # Lesson 14: Accuracy per FLOP
#
# An hour on two processor cores is a fixed budget of arithmetic. Our first hour on CIFAR-10 ended
# at 88.6 %. In 2024 Keller Jordan published a *recipe* (everything around a network that decides
# how much a step teaches it) that reaches 89.2 % on the same images with a fifth of that
# arithmetic, and 94 % on more and better ones (section 9). This lesson takes seven of its parts,
# one by one: what each does, the few lines that do it, and what it is worth, under backpropagation
# and under local learning.
#
# **Learning goals.** After this lesson you can
#
# * turn MACs, images and epochs into FLOPs, and an accuracy into accuracy per FLOP;
# * say why a learning rate should rise before it falls, and draw the triangle;
# * whiten 2×2 patches, check that the result is uncorrelated, and say why that helps descent;
# * start a convolution as the identity;
# * explain label smoothing, mirrored borders and alternating flips by what a network sees;
# * read an ablation table, and name the two ways in which it can mislead.
#
# *You need:* lessons 3, 4, 6 and 8. *Time:* 35 minutes to read, half a minute to run. Symbols are
# those of [reference.md](reference.md), "Training recipe".

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
import csv

import numpy as np

import minilocal as ml
from minilocal.course import check, figures, sized
from minilocal.course.charts import draw_curves, draw_images

show = figures(14)

# %% [markdown]
# ## 1 The budget
#
# Lesson 8 counts multiply-adds. A floating-point operation (FLOP) is an addition or a
# multiplication, so a multiply-add is two. Training on $n$ images for $E$ epochs takes
#
# $$\mathrm{FLOPs} = 2 \cdot E \cdot n \cdot \mathrm{MACs\ of\ a\ step\ per\ image}.$$


# %%
def pflop(config, algo, images, epochs):
    """Return the cost of training in PFLOP (10^15 operations)."""
    return 2 * ml.algorithm_costs(config, algo).macs * images * epochs / 1e15


hour = pflop(ml.architecture("vgg8b", 0.5), "BP", 40_000, 26)
print(f"vgg8b × 0.5, BP, 26 epochs of 40,000 images: {hour:.2f} PFLOP")
for algo in ("BP", "G2", "G3"):
    cost = pflop(ml.architecture("vgg6", whiten=True), algo, 40_000, 16)
    print(f"vgg6, {algo}, 16 epochs of 40,000 images: {cost:.2f} PFLOP")

# %% [markdown]
# The second network, `vgg6`, has six convolutions and few channels where maps are large. Local
# learning saves its usual tenth or fifth of either. But a recipe that needs a third of the epochs
# saves two thirds.
#
# ## 2 Start slowly: the triangle
#
# All lessons so far began with the highest learning rate and let it fall as a cosine. In the first
# steps that is too fast: the weights are random, BatchNorm's running statistics are not yet those
# of the data, and large steps throw the network far from where it began. A *triangle*, the
# default of `minilocal.train`, rises from 0 to lr for the first quarter of the $T$ steps and falls
# to 0 in the rest; with $s = (t + \tfrac12)/T$ in step $t$,
#
# $$\mathrm{lr}_t = \mathrm{lr} \cdot \min\!\big(4s,\; \tfrac43 (1 - s)\big).$$

# %%
T = 80
schedules = {
    name: (range(T), [ml.learning_rate(name, 0.1, t, T) for t in range(T)], {"marker": ""})
    for name in ("cosine", "step", "triangle")
}
by_hand = [0.1 * min(4 * s, 4 / 3 * (1 - s)) for s in (np.arange(T) + 0.5) / T]
check(
    "the library's triangle is the formula",
    np.allclose(schedules["triangle"][1], by_hand),
    f"highest rate {max(by_hand):.4f} at step {np.argmax(by_hand)} of {T}",
)

# %% [markdown]
# What does it change? A small network on the images that ship with minilocal, both ways; `losses`
# collects the loss of every step.

# %%
data = ml.prepare("fashion-mnist-mini", train_size=sized(6000, 512), test_size=sized(2000, 200))
EPOCHS = sized(3, 1)


def train(whiten=False, **options):
    """Return the losses of all steps on the last layer, and the test accuracy at the end."""
    network = ml.build_network(
        "W 16 M 16 32 M 32" if whiten else "16 M 16 32 M 32", [], data.image_shape, 10,
        features=512, dropout=0.0,
    )  # fmt: skip
    losses = []
    trainer = ml.Trainer(
        network,
        data,
        ml.Recipe("BP", epochs=EPOCHS, **options),
        on_step=lambda epoch, images, blocks: losses.append(blocks[-1].loss),
    )
    *_, report = trainer.epochs()
    return losses, 100 * report.test.accuracy


def smooth(values, window=10):
    return np.convolve(values, np.ones(window) / window, mode="valid")


runs = {name: train(lr_schedule=name) for name in ("cosine", "triangle")}
curves = {
    name: (np.arange(len(smooth(losses))), smooth(losses), {"marker": ""})
    for name, (losses, _) in runs.items()
}
show(
    draw_curves(
        {"learning rate": schedules, "training loss": curves},
        xlabel="step",
        sharey=False,
        yscale=["linear", "log"],
    ),
    1,
)
for name, (losses, accuracy) in runs.items():
    print(
        f"{name:>9}: loss in the last 20 steps {np.mean(losses[-20:]):.3f}, test {accuracy:.1f} %"
    )

# %% [markdown]
# > **Question.** The triangle's average rate is lr/2, the cosine's too. So why isn't it the same to
# > begin with small steps and to end with them?
#
# Both do end with small steps. The difference is what the large ones hit: with a triangle, a
# network that already points somewhere.
#
# ## 3 Whitening
#
# Take all 2×2 patches $p$ of the images, vectors of $4C$ numbers. Neighbouring pixels are nearly
# equal, so almost all variance lies in one direction, brightness, and little in the others, where
# edges and textures are. The gradient of a linear layer, $dW = x^\top dy$, is as large along each
# direction as the inputs are: brightness is learned at once, and texture slowly. With the
# eigenvalues $\lambda$ and eigenvectors $V$ of the patches' second
# moments,
#
# $$\frac1M\, p^\top p = V\,\mathrm{diag}(\lambda)\,V^\top, \qquad
# P = p\,V\,\mathrm{diag}(\lambda + \varepsilon)^{-1/2}, \qquad
# \frac1M\, P^\top P \approx I .$$

# %%
x = np.concatenate([x for x, _ in ml.evaluation_batches(data.train)])[: sized(5000, 500)]
C = x.shape[-1]
patches = np.concatenate(
    [x[:, i : 31 + i, j : 31 + j].reshape(-1, C) for i in (0, 1) for j in (0, 1)], axis=1
).astype(np.float64)
variance, V = np.linalg.eigh(patches.T @ patches / len(patches))
P = patches @ V / np.sqrt(variance + 5e-4)
share = 100 * variance / variance.sum()
print("share of the variance by direction, in %:", *(f"{value:.1f}" for value in share))
moments = P.T @ P / len(P)
worst = abs(moments - np.diag(np.diag(moments))).max()
check("whitened patches are uncorrelated", worst < 1e-6, f"{worst:.0e}")

# %% [markdown]
# In the network this is a convolution with 2×2 kernels that is never trained. To lose nothing in
# the ReLU behind it, it has each direction with both signs, so layer 1 sees $8C$ channels instead
# of $C$. In a config list it is `W`; a `Trainer` fits it to the first 5,000 training images.

# %%
whitening = ml.Whitening(C)
whitening.fit(x)
y = whitening.forward(x)[:, :31, :31].reshape(-1, 8 * C)
worst = abs(y - np.concatenate([P, -P], axis=1)).max()
check("the library whitens like this", worst < 1e-3 * abs(P).max(), f"differs by {worst:.0e}")
kernels = whitening.state["weight"][1:, 1:, 0, : 4 * C]
pictures = {f"{share[k]:.1f} % of the variance": kernels[..., k] for k in reversed(range(4 * C))}
show(draw_images(pictures, vmin=-abs(kernels).max(), vmax=abs(kernels).max()), 2)
white = train(lr_schedule="triangle", whiten=True)
for name, (losses, accuracy) in {"as it is": runs["triangle"], "whitened": white}.items():
    print(f"{name}: loss in the last 20 steps {np.mean(losses[-20:]):.3f}, test {accuracy:.1f} %")

# %% [markdown]
# > **Question.** Layer 1 could learn these kernels itself. Why is it worth giving them to it, and
# > why must they not be trained?
#
# A convolution behind them can reach any direction with small weights, at one speed for all. If the
# whitening were trained with the rest, its own inputs would be as correlated as before.
#
# ## 4 Start as the identity
#
# He-normal weights keep the size of what passes through, but nothing else: after six convolutions
# with random weights the last layer sees a scrambled image, and the first layers get their
# gradients through the same scrambling. *Dirac* weights begin with something better than chance,
# namely with nothing: the first $m = \min(C_\mathrm{in}, C_\mathrm{out})$ outputs of a
# convolution are copies of its inputs, and only the others begin at random,
#
# $$w_{ijco} = 1 \text{ for } i = j = 1,\; c = o, \text{ otherwise } 0 \qquad (o < m) .$$

# %%
conv = ml.Conv2d(3, 8, rng=0)
conv.start_as_identity()
few_pixels = np.random.default_rng(0).standard_normal((2, 6, 6, 3)).astype(np.float32)
check(
    "the first outputs are the inputs",
    np.array_equal(conv.forward(few_pixels)[..., :3], few_pixels),
    f"{few_pixels.size} numbers are equal",
)

# %% [markdown]
# > **Question.** A residual block adds its input to its output. What does it have in common with a
# > convolution that starts like this, and what not?
#
# Both begin as the identity. The block's shortcut stays for ever; the kernel may learn anything
# else, and after training there is no trace of its start in the network's structure or cost.
#
# ## 5 A faster beta
#
# BatchNorm's beta decides which share of a channel's values the ReLU lets through. It is one number
# per channel beside hundreds of weights, its gradient is a sum over all pixels of a batch, and
# weight decay pulls it to 0, which means one half. Jordan's recipe gives it 64 times the learning
# rate, with as much less weight decay. In our short runs that was far too much; 8 times is among
# the parts that section 8 compares. It is one line of `SGD.update`:
#
# ```python
# faster = self.beta_lr if name.split(".")[-1] == "beta" else 1
# ```
#
# ## 6 What the network sees: borders and flips
#
# A random crop shifts an image by a few pixels. What comes in at the border is black by default,
# which is no part of any object: the network has to learn to ignore it. Mirroring the image at its
# outermost pixels costs nothing and shows something that looks like the rest.
#
# Flips show a random half of the images mirrored. In two epochs an image is then shown one way and
# the other with probability ½ only, and twice the same way otherwise. *Alternating* flips draw once
# which half is mirrored in the first epoch, and mirror the other half in the next.

# %%
recipe = ml.Recipe("BP", crop_margin=4, crop_border="mirror", flips="alternate", flip=True)
network = ml.build_network("8", [], data.image_shape, 10)
seen = {}
for name, options in {"random": ml.Recipe("BP", flip=True), "alternate": recipe}.items():
    trainer = ml.Trainer(network, data, options)
    both = [trainer.minibatches(epoch).flips for epoch in (0, 1)]
    seen[name] = 100 * np.mean(both[0] ^ both[1])
print("seen both ways in two epochs:", *(f"{flips} {seen[flips]:.0f} %" for flips in seen))
check("alternating flips show all images both ways", seen["alternate"] == 100, "in two epochs")
few = [ml.Trainer(network, data, options).minibatches(0) for options in (ml.Recipe("BP"), recipe)]
which = np.argmax(abs(few[0].shifts).sum(axis=1) * ~few[0].flips * ~few[1].flips)
place = [int(np.flatnonzero(batches.order == which)[0]) for batches in few]
crops = [batches.pixels(n // 128)[n % 128, :, :, 0] for batches, n in zip(few, place, strict=True)]
show(draw_images({"black border": crops[0], "mirrored border": crops[1]}), 3)

# %% [markdown]
# ## 7 Label smoothing
#
# Cross-entropy is never content: it pushes the right class's probability to 1 and the logits to
# infinity. With a share $\varepsilon$ of the label spread over all $K$ classes, the target is
# $q_k = \varepsilon/K$, and $1 - \varepsilon + \varepsilon/K$ for the right class. The gradient
# stays as simple as in lesson 1:
#
# $$L = -\sum_k q_k \log p_k, \qquad dz = p - q .$$

# %%
rng = np.random.default_rng(0)
z, label, EPSILON = rng.standard_normal((1, 10)), np.array([3]), 0.2
p = np.exp(z) / np.exp(z).sum()
q = np.full((1, 10), EPSILON / 10)
q[0, label] += 1 - EPSILON
value, dz = ml.softmax_cross_entropy(z, label, EPSILON)
check(
    "its gradient is p − q",
    np.allclose(dz, p - q),
    f"largest difference {abs(dz - p + q).max():.0e}",
)
check("its loss is that of q", np.isclose(value, -(q * np.log(p)).sum()), f"{value:.4f}")

# %% [markdown]
# A smoothed target can be reached with finite logits, and an image of whose class the network is
# too certain pulls its logits back.
#
# ## 8 What each part brings
#
# Two tables answer two questions: what does a part bring *alone*, on top of the old recipe, and
# what is lost if it is *left out* of the new one? Both were measured on CIFAR-10, with vgg6 at a
# quarter of its width, on 5,000 held-out images; [RESULTS.md](RESULTS.md) has the commands.


# %%
def results(name):
    """Return the rows of a table in results/ as dicts: column → cell."""
    with Path("results", name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


accuracies = {}
for row in results("recipe.csv"):
    key = row["table"], row["part"], row["algo"]
    accuracies.setdefault(key, []).append(float(row["accuracy"]))
gains = {}
for (table, part, algo), values in accuracies.items():
    sign = 1 if table == "alone" else -1  # of what leaving it out changes
    gain = sign * (np.array(values) - accuracies[table, "none", algo])
    gains.setdefault((table, part), {})[algo] = gain
print("points gained, mean of the seeds (lowest to highest)")
total = {}
for (table, part), by_algo in gains.items():
    cells = (f"{a} {g.mean():+5.1f} ({g.min():+.1f} to {g.max():+.1f})" for a, g in by_algo.items())
    if part != "none":
        print(f"{table:<9} {part:<37}", "   ".join(cells))
        for algo, gain in by_algo.items():
            total[table, algo] = total.get((table, algo), 0) + gain.mean()
for algo in ("BP", "G2"):
    none, every = (np.mean(accuracies[table, "none", algo]) for table in ("alone", "left out"))
    alone, left_out = total["alone", algo], total["left out", algo]
    check(
        f"under {algo} gains don't add up",
        left_out < every - none < alone,
        f"alone {alone:.1f} points, left out {left_out:.1f}, and together {every - none:.1f}",
    )

# %% [markdown]
# > **Question.** Which table would you trust if you had time for only one part? If you wanted to
# > drop one?
#
# Parts that repair the same fault share one gain: large first steps may do less harm to whitened
# images, and a rate that rises avoids them. So "alone" overrates what such a part is worth in
# company, and says what to do first; "left out" says what can go. The opposite happens too. Under
# BP, convolutions that start as the identity cost two points alone and bring two in company: with
# the old schedule's first steps, so good a start seems not to last.
#
# Smoothed labels, alternating flips and a faster beta bring nothing in company here. The first two
# are there against overfitting, and 936 steps don't overfit. That is the second way to be misled: a
# table like this tells the truth about its own length of training, and with two seeds only about
# differences of more than a point or two.
#
# ## 9 Accuracy per FLOP
#
# Now the whole recipe, at full width or more, with 40,000 images to train on and 10,000 others to
# test:

# %%
points = {}
for row in results("hour.csv"):
    point = float(row["pflop"]), float(row["test_accuracy"])
    points.setdefault(f"{row['run']}, {row['algo']}", []).append(point)
for name, values in points.items():
    cost, accuracy = np.mean(values, axis=0)
    print(f"{name:<36}{cost:6.2f} PFLOP {accuracy:6.2f} %  (seeds: {len(values)})")
clouds = {name: (*zip(*values, strict=True), {"linestyle": ""}) for name, values in points.items()}
show(draw_curves({"": clouds}, 4.0, xlabel="PFLOP", ylabel="test accuracy (%)"), 4)

# %% [markdown]
# BP now reaches more than the old hour's accuracy with a third of its arithmetic, and blocks of
# three are a point behind it. The rest of the hour went into a wider network, in which both end
# higher, BP at 90.5 % and G3 at 89.4 % (means of two seeds), and into more epochs of the narrow one
# under G3, at 89.3 %. These last two, level with each other at the same cost, differ in more than
# width and epochs, so they don't tell which of the two is the better use of arithmetic.
#
# Jordan's 94 % it is not. But nor does his own recipe reach that here: written anew in PyTorch, it
# ends at 89.2 % on these images, or at 90.0 % with the logits of each test image's mirror image
# added, as he does. He trains on 50,000 images, not 40,000, and their pixels never went through
# JPEG. An accuracy belongs to its data set, and whoever compares two recipes has to run both on the
# same images. [RESULTS.md](RESULTS.md) has what else was tried.
#
# ## Summary
#
# * Training costs 2 · epochs · images · MACs of a step; a recipe that needs fewer epochs saves more
#   than any algorithm of this course.
# * A triangle lets the rate rise before it falls, so that the largest steps don't hit random
#   weights.
# * Whitening gives layer 1 uncorrelated inputs of equal size: a frozen 2×2 convolution from the
#   eigenvectors of the patches' second moments.
# * Convolutions that start as the identity hand on images, and gradients, instead of noise.
# * Mirrored borders and alternating flips cost nothing and show the network more of what it will
#   see. Smoothed labels can be reached with finite logits: $dz = p - q$.
# * "Alone" and "left out" are different tables. Gains don't add up, and they belong to the length
#   of the runs in which they were measured.
#
# ## Exercises
#
# **1 (easy).** For how many epochs of 40,000 images can `vgg6` with whitening be trained by BP, G2
# and G3 for what `vgg8b`'s 26 cost (`hour`)? By what percentage does whitening raise the cost of a
# step, and why by more under G2 than under BP?

# %%
# Your answer to exercise 1

# %% [markdown]
# **2 (medium).** Write `peaked(lr, step, steps, peak)`, a triangle with its highest rate after a
# share `peak` of the steps, and check it against the library's. Train the small network in a loop
# of your own with peaks at 0.02, 0.25, 0.5 and 0.75, and with rates of 0.03, 0.1 and 0.3. Does a
# lower rate make up for a missing rise?

# %%
# Your answer to exercise 2

# %% [markdown]
# **3 (hard).** Jordan's recipe also averages weights. Keep a second network whose parameters and
# running statistics follow, $\bar w \leftarrow 0.95\,\bar w + 0.05\,w$ after each step, and test
# both networks after each epoch, with a constant rate, a cosine and a triangle. Predict before you
# train: for which of the three is the average worth most, and when? Why is averaging not among
# the seven parts?

# %%
# Your answer to exercise 3

# %% [markdown]
# *That was the last lesson.* [comparison.md](comparison.md) has related methods in tables, and
# [RESULTS.md](RESULTS.md) what minilocal's own measure. What would your recipe be?
