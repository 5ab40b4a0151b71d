# %% [markdown]
# # Lesson 8: What it saves: multiply-adds and trips to memory
#
# Local learning leaves out one product per block, and no activation has to be kept until a
# gradient comes back from the end of the network. What is that worth? You can answer with a
# pencil: both savings follow from the shapes of the layers alone. In this lesson you write down the
# formulas, in a dozen lines each, count a real step's multiplications to see that they are right,
# and recompute Table I and Figs. 6 and 8 of the paper.
#
# **Learning goals.** After this lesson you can
#
# * count the multiply-adds of a layer's three products, of a classifier, and of a whole step;
# * say which products GX and GXSY leave out, and why G2S1 saves one sixth in every network;
# * count the words that travel between a chip and its memory, and name the assumption behind it;
# * check published numbers, and say where they hold and where they don't quite.
#
# *You need:* lesson 2 (a convolution is a matrix product). *Time:* 45 minutes to read, a few
# seconds to run. Symbols are those of [reference.md](reference.md), "Cost model".
#
# **If you start here:** *backpropagation* (BP) trains all $K$ layers by one loss at the end. *GX*
# cuts the layers into blocks of X; each block learns from a small *auxiliary classifier* $A_j$ on
# its last layer $j$, and the gradient stops at the block's first layer. *GXSY* moves all
# boundaries by Y layers after every epoch, while the shift is less than X; the layers before the
# first block are then *frozen*: they run forward and do not learn. The paper is G. Lee, S. Lee and
# D. Jeon, *Dynamic Block-Wise Local Learning Algorithm for Efficient Neural Network Training*, IEEE
# TVLSI 2021.

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
from typing import NamedTuple
from unittest.mock import patch

import numpy as np

import minilocal as ml
from minilocal.course import check, figures, sized, source
from minilocal.course.charts import draw_bars

show = figures(8)

# %% [markdown]
# ## 1 One layer: three products of the same size
#
# A 3×3 convolution with padding 1 makes each of its $H \cdot W \cdot C_\mathrm{out}$ outputs from
# $9\,C_\mathrm{in}$ inputs, one multiplication and one addition each (a *multiply-add*, MAC). A
# linear layer uses each weight once per image:
#
# $$m = H\,W \cdot 9\,C_\mathrm{in}\,C_\mathrm{out} \quad\text{(convolution)}, \qquad
# m = D_\mathrm{in}\,D_\mathrm{out} \quad\text{(linear)}.$$
#
# In lesson 2 this was one matrix product, $y = \mathrm{cols}\;W$, and its gradients were two more,
# $dW = \mathrm{cols}^\top dy$ and $d\mathrm{cols} = dy\,W^\top$. Multiplying an $(a, b)$ matrix by
# a $(b, c)$ matrix takes $a\,b\,c$ multiply-adds, and all three products are made of the same
# three sizes. So **forward, weight gradient and input gradient take $m$ each**. Here is VGG-16, by
# hand. Besides $m$ we note each layer's weights, the numbers in its output $x_i$, and how many of
# them are *stored*: those that the next layer's product will need, after the max-pool ('M').


# %%
class Net(NamedTuple):
    """Rows with a number per layer; all but the weights are per image."""

    macs: np.ndarray
    weights: np.ndarray
    outputs: np.ndarray
    stored: np.ndarray


def layer_table(stages, fc, image_shape=(32, 32, 3)):
    height, width, c_in = image_shape
    layers = []
    for word in stages.split():
        if word == "M":
            height, width = height // 2, width // 2
            layers[-1][3] //= 4  # the next layer sees the pooled map
        else:
            c_out = int(word)
            weights, outputs = 9 * c_in * c_out, height * width * c_out
            layers.append([height * width * weights, weights, outputs, outputs])
            c_in = c_out
    d_in = height * width * c_in
    for d_out in fc:
        layers.append([d_in * d_out, d_in * d_out, d_out, d_out])
        d_in = d_out
    return Net(*np.array(layers).T)


VGG16 = ml.CONFIGS["vgg16"]
print("stages", VGG16.stages, " fc", VGG16.fc)
net = layer_table(VGG16.stages, VGG16.fc)
K = len(net.macs)
print(f"{K} layers; {net.macs.sum():,} MACs forward, {net.weights.sum():,} weights, ", end="")
print(f"{net.stored.sum():,} stored")

# %% [markdown]
# > **Question.** Before you look at the next figure: where in the network are the multiply-adds,
# > where are the weights, and where are the activations that must be stored?

# %%
panels = {"MACs": net.macs, "weights": net.weights, "stored activations": net.stored}
shares = {
    f"{title}\n{numbers.sum():,}": {"": numbers / numbers.sum() * 100}
    for title, numbers in panels.items()
}
labels = [i if i in (1, 5, 10, 15) else "" for i in range(1, K + 1)]
show(draw_bars(shares, labels, xlabel="layer", ylabel=["share (%)", "", ""]), 1)

# %% [markdown]
# The library computes the same in `minilocal.costs`, whose shapes come from the same config list.
# We compare all four networks of the paper.

# %%
from minilocal.costs.published import MODELS
from minilocal.costs.sizes import layer_sizes

nets = {model: layer_table(ml.CONFIGS[model].stages, ml.CONFIGS[model].fc) for model in MODELS}
equal, number = 0, 0
for model in MODELS:
    sizes = layer_sizes(ml.CONFIGS[model].stages, ml.CONFIGS[model].fc, (32, 32, 3))
    for ours, size in zip(np.array(nets[model]).T, sizes, strict=True):
        equal += tuple(ours) == (size.macs, size.weights, np.prod(size.output), size.stored)
        number += 1
check("our table is the library's", equal == number, f"{equal} of {number} layers of 4 networks")

# %% [markdown]
# ## 2 The classifiers, and Table I
#
# An auxiliary classifier must be small, or it costs more than it saves. **A1** averages the map
# down to at most $D$ numbers and applies one linear layer; where all sizes are powers of two that
# is
#
# $$n_i^{\mathrm{A1}} = \min(D,\ \mathrm{size\ of\ } x_i) \cdot \mathrm{classes}.$$
#
# **A2** is the richer net of earlier work: it averages to a quarter of the height and width ($h$
# by $w$), applies three 1×1 convolutions $C \to C$, averages to 2×2 (1×1 if it is that already),
# and applies three linear layers $d \to d$ and a final one:
#
# $$n_i^{\mathrm{A2}} = 3\,h\,w\,C^2 + 3\,d^2 + d \cdot \mathrm{classes}.$$
#
# The network's own classifier $A_K$ is a single linear layer, like A1 on a vector.


# %%
def a1_macs(outputs, classes, D):
    return np.minimum(outputs, D) * classes  # as many weights as MACs: it is one product


def a2_macs_and_weights(outputs, channels, classes):
    """Return A2's MACs and weights on convolutional layers, whose maps are square."""
    side = np.sqrt(outputs / channels).astype(int)
    side = np.maximum(side // 4, 1)
    d = np.minimum(side, 2) ** 2 * channels
    linear = 3 * d**2 + d * classes
    return 3 * side**2 * channels**2 + linear, 3 * channels**2 + linear


def a1_of(model, classes=10):
    """Return the MACs of A1 on each layer of a network; they are also its weights."""
    return a1_macs(nets[model].outputs, classes, ml.CONFIGS[model].features)


n = a1_of("vgg16")
channels = np.array([int(word) for word in VGG16.stages.split() if word != "M"])
n2, weights2 = a2_macs_and_weights(net.outputs[: len(channels)], channels, 10)

# %% [markdown]
# The paper's Table I compares the classifiers with the layers of VGG-16, for layer-wise learning
# (G1). A classifier does all three products, so it counts $3n$. A layer does two: its input
# gradient is what G1 leaves out.
#
# > **Question.** Why does a classifier need its input gradient, if a layer doesn't?

# %%
from minilocal.costs.published import TABLE1

here = {"A1": (3 * n, n), "A2": (3 * n2, weights2), "layers": (2 * net.macs, net.weights)}
columns = ("MACs max", "MACs mean", "weights max", "weights mean")
print(f"{'':8}" + "".join(f"{column:>14}" for column in columns))
exact, off = 0, []
for name, numbers in here.items():
    ours = [f(row) for row in numbers for f in (np.max, np.mean)]
    for whose, row in (("paper", TABLE1[name]), ("ours", ours)):
        print(f"{name:8}" + "".join(f"{number:14,.0f}" for number in row) + f"   {whose}")
    exact += sum(round(a) == b for a, b in zip(ours, TABLE1[name], strict=True))
    off += [abs(a / b - 1) for a, b in zip(ours, TABLE1[name], strict=True)]
check(
    "Table I comes out, ten of its twelve cells to the digit",
    exact == 10 and max(off) < 1e-3,
    f"{exact} of 12; the means of A2 are {max(off):.2%} off",
)

# %% [markdown]
# (The answer: a layer learns from the gradient that comes out of its classifier. A classifier
# without an input gradient would learn alone.)
#
# The two cells that differ do so by one matrix of 512×10, which seems to have been counted once too
# often in the sum over the thirteen A2 classifiers. And a sentence below the paper's table, that A2
# adds 123.1 % to the parameters, does not follow from the table:

# %%
layer, a1, a2 = (TABLE1[name] for name in ("layers", "A1", "A2"))
missing = 13 * a2.weights_mean - weights2.sum()
print(f"the paper's sum over thirteen A2 has {missing:,.0f} weights more; 512 · 10 = {512 * 10:,}")
added = 13 * a2.weights_mean / (15 * layer.weights_mean)
print(f"A2's parameters by the paper's own table: {added:.1%} of the layers'")
for name, number, row in (("A1", 15, a1), ("A2", 13, a2)):
    share = number * row.macs_mean / (number * row.macs_mean + 15 * layer.macs_mean)
    print(f"{name}: {share:.1%} of all MACs")

# %% [markdown]
# That is what recomputing is for. The point stands: A1 costs a thousandth of the work, A2 a
# ninth. From here on we use A1.
#
# ## 3 A whole step
#
# Let a step have frozen layers $1 \dots s$, followed by blocks $i \dots j$. All layers run forward.
# All trained layers need their weight gradient. Input gradients are needed *within* a block only,
# from its last layer back to its second. And every block's classifier does its three products:
#
# $$\mathrm{MACs} = \underbrace{\sum_{i=1}^{K} m_i}_{\text{forward}}
# + \underbrace{\sum_{i>s} m_i}_{\text{weight gradients}}
# + \underbrace{\sum_{\text{blocks } i \dots j} (m_{i+1} + \dots + m_j)}_{\text{input gradients}}
# + \underbrace{\sum_{\text{blocks } i \dots j} 3\,n_j}_{\text{classifiers}} .$$
#
# BP is one block of all layers. (So its first layer saves its input gradient too: nobody needs
# the gradient of the images.) In code:


# %%
def step_macs(m, n, blocks):
    """Return a step's MACs per image; m and n are those of all layers and their classifiers."""
    macs = sum(m)
    for i, j in blocks:  # layers i … j, counted from 1
        macs += sum(m[i - 1 : j]) + sum(m[i:j]) + 3 * n[j - 1]
    return macs


def blocks_by_shift(algo, K):
    """Return the blocks at each shift that an algorithm visits."""
    schedule = ml.parse_schedule(algo)
    return [schedule.blocks_at(epoch, K) for epoch in range(schedule.period)]


def mean_macs(algo, m, n):
    return np.mean([step_macs(m, n, blocks) for blocks in blocks_by_shift(algo, len(m))])


bp = mean_macs("BP", net.macs, n)
for algo in ("BP", "G1", "G2", "G2S1", "G3", "G3S2"):
    macs = [step_macs(net.macs, n, blocks) for blocks in blocks_by_shift(algo, K)]
    by_shift = ", ".join(f"{number:,}" for number in macs)
    print(f"{algo:5}{100 * (1 - np.mean(macs) / bp):5.1f} % less than BP    {by_shift}")

# %% [markdown]
# A picture makes it easier to see. In the next figure a column is as wide as its layer is costly,
# so that areas are multiply-adds. What is blank is saved.

# %%
from minilocal.course.work import draw_work

strips = {
    "BP": blocks_by_shift("BP", K)[0],
    "G1": blocks_by_shift("G1", K)[0],
    "G3, and G3S2\nin odd epochs": blocks_by_shift("G3S2", K)[0],
    "G3S2 in\neven epochs": blocks_by_shift("G3S2", K)[1],
}
show(draw_work(net.macs, strips), 2)

# %% [markdown]
# The library's formula says the same for each block separately, so that we can also ask which block
# takes longest (lesson 9). We compare the two on four networks, for ten and for a hundred classes.

# %%
source(ml.block_macs)

# %%
ALGORITHMS = ("BP", "G1", "G2", "G2S1", "G3", "G3S1", "G3S2")
CASES = [(model, classes, algo) for model in MODELS for classes in (10, 100) for algo in ALGORITHMS]
equal = sum(
    mean_macs(algo, nets[model].macs, a1_of(model, classes))
    == ml.algorithm_costs(ml.CONFIGS[model], algo, classes=classes).macs
    for model, classes, algo in CASES
)
check("our MACs are the library's", equal == len(CASES), f"{equal} of {len(CASES)} costs equal")

# %% [markdown]
# ## 4 Count a real step
#
# Two formulas can be wrong in the same way. So let us count. All matrix products of the library's
# plain layers are computed in two files, `layers/im2col.py` (convolutions) and
# `compute/parallel.py` (linear layers). For a moment we give these two files another NumPy, which
# notes what it multiplies, and run real training steps on real images.

# %%
from minilocal.compute import parallel
from minilocal.layers import im2col


class CountingNumPy:
    """NumPy, but its matmul notes the multiply-adds of each product."""

    def __init__(self):
        self.products = []

    def __getattr__(self, name):
        return getattr(np, name)

    def matmul(self, a, b, **options):
        (rows, inner), (_, columns) = a.shape, b.shape
        self.products.append(rows * inner * columns)
        return np.matmul(a, b, **options)


def counted(step, *arguments):
    counting = CountingNumPy()
    with patch.object(im2col, "np", counting), patch.object(parallel, "np", counting):
        step(*arguments)
    return sum(counting.products)


N = sized(32, 4)
data = ml.prepare("fashion-mnist-mini", train_size=sized(320, 40), test_size=100)
x, labels = next(ml.training_batches(data.train, N, seed=0, epoch=0, crop=True, flip=True))

config = ml.architecture("vgg8b", width=1 / 8)
small = layer_table(config.stages, config.fc, data.image_shape)
small_n = a1_macs(small.outputs, 10, config.features)

rows = []
for algo in ("BP", "G1", "G2S1", "G3S2"):
    network = ml.build_vgg("vgg8b", data.image_shape, 10, algo, width=1 / 8, conv="im2col")
    optimizer = ml.SGD()
    for blocks in blocks_by_shift(algo, len(network)):
        if algo == "BP":
            products = counted(ml.backprop_step, network, x, labels, optimizer)
        else:
            products = counted(ml.local_step, network, blocks, x, labels, optimizer)
        rows.append((products, N * step_macs(small.macs, small_n, blocks)))
        print(f"{algo:5} blocks {', '.join(map(str, blocks)):22}", end="")
        print(f" counted {rows[-1][0]:13,}   formula {rows[-1][1]:13,}")

check(
    "real steps multiply exactly as often as the formula says",
    all(products == formula for products, formula in rows),
    f"{len(rows)} steps of vgg8b × 1/8 on {N} images",
)

# %% [markdown]
# Mind what was counted: the multiplications of im2col's products. Lesson 11 computes the same
# convolutions by Winograd's trick, with a quarter of them; and BatchNorm, ReLU, dropout and
# pooling count as nothing here, though they take time. MACs are a good first answer, but not a
# stopwatch.
#
# ## 5 One sixth, in every network
#
# The paper says that the MACs shrink by 33, 12, 17, 11 and 15 % (G1, G2, G2S1, G3, G3S2)
# "regardless of the neural network structure". Is that so? Suppose first that all layers cost the
# same. BP needs $3K - 1$ products. GX leaves out one more for each block except the first, so for
# many layers it saves the share $\frac{1}{3X}$: 33 % for G1, 17 % for G2, 11 % for G3. Now four
# real networks:


# %%
def less_macs(algo, model, classes=10):
    m, n = nets[model].macs, a1_of(model, classes)
    return 100 * (1 - mean_macs(algo, m, n) / mean_macs("BP", m, n))


less = {algo: [less_macs(algo, model) for model in MODELS] for algo in ALGORITHMS[1:]}
print(f"{'MACs less than BP (%)':24}" + "".join(f"{model:>10}" for model in MODELS) + "    spread")
for algo, numbers in less.items():
    print(f"{algo:24}" + "".join(f"{x:10.2f}" for x in numbers) + f"{np.ptp(numbers):10.2f}")

# %% [markdown]
# G2 ranges from 11.7 to 14.1 %: what it saves depends on *which* layers happen to come first in a
# block, and in these networks many of them are cheap. But look at G2S1: the same number in all
# networks, to a few hundredths.
#
# > **Question.** Why? Follow one layer through two epochs of G2S1. When is its input gradient left
# > out, and what happens to layer 1?
#
# In one of the two epochs layer $i \ge 2$ is the first of its block, in the other the second. So
# it saves its input gradient every other epoch: $\frac12 m_i$ on average. Layer 1 never computes
# an input gradient, not even under BP; but every other epoch it is frozen, and saves its weight
# gradient: $\frac12 m_1$. Together that is exactly $\frac12 M$ with $M = \sum_i m_i$, wherever the
# costly layers are. BP takes $3M - m_1$ (leaving the classifiers aside), so
#
# $$\text{saved} = \frac{M/2}{3M - m_1} \approx \frac16 .$$
#
# Moving boundaries give every layer its turn. That was meant for learning, and it evens out the
# savings too.

# %%
predicted = []
for model in MODELS:
    M = nets[model].macs.sum()
    predicted.append(100 * (M / 2) / (3 * M - nets[model].macs[0]))
error = max(abs(np.array(less["G2S1"]) - predicted))
check(
    "G2S1 saves one sixth in every network, G2 does not",
    np.ptp(less["G2S1"]) < 0.1 and np.ptp(less["G2"]) > 2 and error < 0.05,
    f"spread {np.ptp(less['G2S1']):.2f} against {np.ptp(less['G2']):.2f} points",
)

# %% [markdown]
# ## 6 Trips to memory
#
# A training chip computes on what is in its own memory, which is fast and small. Everything else
# is off the chip, where access "costs several orders of magnitude more power", as the paper puts
# it. So the paper counts the words that travel per minibatch of $B$ images, under one assumption:
# **the chip's own memory holds the weights and activations of one block, with its classifier**. Let
# $P$ be the number of weights, and $A$ the number of stored activations of all layers per image.
#
# * **BP** reads every weight for forward and again for backward, writes it back after the update,
#   and must put all activations away until the backward pass comes to them, then read them again.
# * **Local learning** is done with a block before the next one comes. Each trained weight is read
#   once and written once, a frozen one is only read, and no activation leaves the chip.
#
# $$\text{BP: } 3\,P + 2\,B\,A, \qquad
# \text{local: } 2\,P_\mathrm{trained} + 2\,P_\mathrm{classifiers} + P_\mathrm{frozen} .$$


# %%
def off_chip(algo, weights, n, stored, B=128):
    """Return words per minibatch, the mean over shifts; n are the classifiers' weights (A1)."""
    if algo == "BP":
        return 3 * (sum(weights) + n[-1]) + 2 * B * sum(stored)
    words = []
    for blocks in blocks_by_shift(algo, len(weights)):
        s = blocks[0].first - 1
        classifiers = sum(n[j - 1] for _, j in blocks)
        words.append(2 * sum(weights[s:]) + 2 * classifiers + sum(weights[:s]))
    return np.mean(words)


def words(algo, model, classes=10, B=128):
    net = nets[model]
    return off_chip(algo, net.weights, a1_of(model, classes), net.stored, B)


equal = sum(
    words(algo, model, classes)
    == ml.algorithm_costs(ml.CONFIGS[model], algo, classes=classes).off_chip
    for model, classes, algo in CASES
)
check("our accesses are the library's", equal == len(CASES), f"{equal} of {len(CASES)} equal")

# %%
from minilocal.course.traffic import draw_traffic

B = 128
P = net.weights.sum() + n[-1]  # layers and A_K
blocks = blocks_by_shift("G3S2", K)[0]
P_classifiers = sum(n[j - 1] for _, j in blocks[:-1])  # those that local learning adds
traffic = {
    "BP": {
        "weights, forward": P,
        "activations put away": -B * net.stored.sum(),
        "activations back": B * net.stored.sum(),
        "weights, backward": P,
        "updated weights": -P,
    },
    "G3S2 (odd epochs)": {
        "weights": P + P_classifiers,
        "updated weights": -(P + P_classifiers),
    },
}
totals = {title: sum(map(abs, words.values())) for title, words in traffic.items()}
show(draw_traffic({f"{t}: {totals[t] / 1e6:.1f} million words": w for t, w in traffic.items()}), 3)

# %% [markdown]
# > **Question.** What happens to the two panels when the minibatch becomes larger? What share can
# > local learning save at most, for $B \to \infty$, and how much is left at $B = 1$?
#
# The activations grow with $B$, the weights don't. So with ever larger minibatches the share
# saved goes to 100 %, and for $B = 1$ it is little more than the one third that comes from reading
# each weight once. The batch of 128 is part of the claim!
#
# The assumption is part of it too. How much must that chip hold? The block with the most stored
# activations sets the size:

# %%
print("stored activations of the largest block, float32:")
for algo in ("BP", "G1", "G3S2"):
    needed = max(step.stored for step in ml.algorithm_costs(VGG16, algo).steps)
    sizes = ", ".join(f"{4 * B * needed / 1e6:5.1f} MB for {B:3} images" for B in (128, 16))
    print(f"{algo:5} {sizes}")

# %% [markdown]
# 59 MB is a lot for a chip's own memory. Words of 16 bits halve it, minibatches of 16 images need
# an eighth of it (though they save less, see exercise 2), and a chip that has less keeps some
# activations off chip: `python -m minilocal.bench --figure10 FILE` estimates training times for
# both kinds of chip.
#
# ## 7 Figs. 6 and 8, recomputed
#
# Now we have everything. Fig. 6 of the paper is for CIFAR-10, Fig. 8 for CIFAR-100, where the
# classifiers have ten times as many outputs. The paper's numbers are whole percents: one per
# algorithm for the MACs, and one per network for the accesses of the algorithm that moves its
# boundaries.

# %%
from minilocal.costs.published import FIGURES


def less_words(algo, model, classes):
    return 100 * (1 - words(algo, model, classes) / words("BP", model, classes))


def by_algorithm(less, figure):
    """Return {algorithm: what it saves in each network, in %} for Fig. 6 or 8."""
    return {
        algo: np.array([less(algo, model, figure.classes) for model in MODELS])
        for algo in figure.algorithms
    }


off_by = {"MACs": [], "accesses": []}
for number, figure in FIGURES.items():
    print(f"Fig. {number}, {figure.dataset}")
    for algo, saved in by_algorithm(less_macs, figure).items():
        paper = figure.macs[algo]
        off_by["MACs"].append(abs(saved.mean() - paper))
        print(f"  MACs      {algo:5}{saved.mean():5.1f} %, mean of the networks (paper {paper})")
    moving = figure.algorithms[-1]
    for model in MODELS:
        saved, paper = less_words(moving, model, figure.classes), figure.off_chip[model]
        off_by["accesses"].append(abs(saved - paper))
        print(f"  accesses  {moving:5}{saved:5.1f} % in {model} (paper {paper})")

for what, differences in off_by.items():
    worst, count = max(differences), len(differences)
    claim = f"{what} in Figs. 6 and 8 come out within a point"
    check(claim, worst < 1, f"worst of {count} differences {worst:.2f} points")


# %%
panels, marks = {}, {}
for number, figure in FIGURES.items():
    for what, less in (("off-chip accesses", less_words), ("MACs", less_macs)):
        title, saved = f"Fig. {number}: {what}", by_algorithm(less, figure)
        panels[title] = {model: [s[m] for s in saved.values()] for m, model in enumerate(MODELS)}
        for model in MODELS:
            own = {figure.algorithms[-1]: figure.off_chip[model]}  # one per network
            paper = own if less is less_words else figure.macs  # one per algorithm
            marks[title, model] = [paper.get(algo, np.nan) for algo in figure.algorithms]
algorithms = (*FIGURES[6].algorithms[:-1], "GXSY")
show(draw_bars(panels, algorithms, rows=2, marks=marks, ylabel="less than BP (%)"), 4)

# %% [markdown]
# So what the paper reports follows from shapes alone, with one reservation: "regardless of the
# structure" is true of G1 and G2S1, and of the others only to within two points or so. Ask the same
# of any network with `python -m minilocal.costs --model vgg8b`; with `--table1`, `--figure6` or
# `--figure8` it prints the paper's numbers beside ours.
#
# All this is about *work*. Blocks that do not wait for one another save *time* as well, once
# several workers share them. That is the next lesson.
#
# ## Summary
#
# * Forward, weight gradient and input gradient of a layer take $m$ multiply-adds each. GX leaves
#   out the input gradient of each block's first layer: $\frac{1}{3X}$ of all work if layers cost
#   the same, otherwise more or less, depending on which layers come first.
# * GXSY leaves out those of other layers each epoch, and the gradients of frozen layers. G2S1 saves
#   one sixth in every network.
# * BP moves $3P + 2BA$ words per step, local learning about $2P$, **if** the chip holds one block.
#   The savings, 64 to 88 % here, grow with the minibatch.
# * A1 costs a thousandth of the work, A2 a ninth.
# * The formulas agree with real steps, multiplication by multiplication, and with the paper within
#   a point; two cells of Table I and one percentage in its text do not follow.
#
# ## Exercises
#
# **1 (easy).** What do G4, G5 and G4S2 save in VGG-19? Guess from $\frac{1}{3X}$ first, then
# compute. For which X does GX become BP?

# %%
# Your answer to exercise 1

# %% [markdown]
# **2 (medium).** Plot the share of off-chip accesses that G3S2 saves in VGG-16 and VGG-11B
# against the size of the minibatch, $B = 1 \dots 1024$. Derive both limits from the formulas first.
# For which $B$ is more than half saved?

# %%
# Your answer to exercise 2

# %% [markdown]
# **3 (hard).** BP can trade work for memory too: *recomputation* keeps only the input of each
# block of X layers, and runs a block forward a second time when the backward pass comes to it.
# Write down its MACs and its off-chip accesses on a chip that holds one block, in the style of
# sections 3 and 6. For VGG-16 and X = 3, how does it compare with BP and with G3? Which of the
# three computes the exact gradient of the network's loss?

# %%
# Your answer to exercise 3

# %% [markdown]
# *Next:* in [lesson 9](09_update_unlocking.ipynb) two blocks work at once, and the result is the
# same to the bit.
