# %% [markdown] slideshow={"slide_type": "slide"}
# # Lesson 6: Blocks, and where the gradient stops
#
# With a loss for every layer, no layer hears what the next one needs. With one loss for all, every
# layer waits for the whole network. Between the two there is a choice: let a few neighbours share
# a loss. Such a group is a *block*, and this lesson shows exactly where its gradient goes, where
# it stops, and what a larger block buys.
#
# **Learning goals.** After this lesson you can
#
# * cut $K$ layers into blocks of $X$ (the algorithm "GX"), and say where their classifiers are;
# * read the library's training step line by line, and say why GK is backpropagation to the bit;
# * show in three ways that no gradient crosses a block boundary;
# * say what is left out there, measured as a gradient of its own;
# * compare directions: how close the local gradients come to backpropagation's, by block size.
#
# *You need:* lesson 5, or the following recap. *Time:* 25 minutes to read, about a minute to run.
# Symbols are those of [reference.md](reference.md).
#
# **Recap.** A network is $K$ layers $x_i = f_i(x_{i-1};\,\theta_i)$. Backpropagation (BP) trains
# all of them by the loss of the network's own classifier, $L_K = \mathrm{CE}(A_K(x_K;\,\phi_K),
# y)$, with CE the softmax cross-entropy and $y$ the labels. Layer-wise local learning (G1) puts a
# small auxiliary classifier $A_i$ on every layer and trains layer and classifier by
# $L_i = \mathrm{CE}(A_i(x_i;\,\phi_i), y)$ alone: the gradient does not go on to layer $i - 1$. So
# no layer waits, and none keeps its features for long.

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
from minilocal.course.charts import draw_curves, draw_tables

show = figures(6)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 From layers to blocks
#
# **GX** cuts the layers into blocks of $X$; the last one may be shorter. A block of the layers
# $i \dots j$ has one auxiliary classifier, on its last layer, and the loss
#
# $$L_j = \mathrm{CE}\Big(A_j\big(f_j \circ \dots \circ f_i\,(\mathrm{sg}(x_{i-1}))\big),\, y\Big),
# \qquad
# (\theta_i, \dots, \theta_j, \phi_j) \leftarrow (\theta_i, \dots, \theta_j, \phi_j) -
# \mathrm{lr}\,\nabla L_j ,$$
#
# where the *stop-gradient* $\mathrm{sg}$ passes $x_{i-1}$ on and lets no gradient back.


# %% slideshow={"slide_type": "-"}
def blocks_of(X, K):
    return [ml.Block(first, min(first + X - 1, K)) for first in range(1, K + 1, X)]


K = 7
for X in (1, 2, 3, K):
    schedule = ml.parse_schedule(f"G{X}")
    print(f"G{X}: blocks", ", ".join(map(str, blocks_of(X, K))), end="; ")
    print("classifiers on", *schedule.classifiers(K))

cases = [(X, K) for K in range(1, 20) for X in range(1, K + 1)]
same = [ml.parse_schedule(f"G{X}").blocks_at(0, K) == blocks_of(X, K) for X, K in cases]
check("our blocks are the library's", all(same), f"{sum(same)} of {len(cases)} cases")

# %% slideshow={"slide_type": "subslide"}
from minilocal.course.blocks import draw_blocks

rows = {algo: ml.parse_schedule(algo).blocks_at(0, K) for algo in ("BP", "G1", "G2", "G3")}
show(draw_blocks(rows, K), 1)

# %% [markdown] slideshow={"slide_type": "slide"}
# A block's first layer still gets a gradient for its own parameters. What it does not compute is
# $dx_{i-1}$, the gradient of its input: nobody would use it.
#
# ## 2 The step that ships
#
# This is the code that trains every network of this course by local learning:

# %% slideshow={"slide_type": "-", "code": "block_step"}
source(ml.local_step, ml.block_step)

# %% [markdown] slideshow={"slide_type": "subslide"}
# The four paragraphs of `block_step` are forward, loss, backward, update. `network.loss(j)` is the
# loss object of lesson 4: called with $x_j$ and the labels, it runs $A_j$ both ways and returns
# $L_j$ and $dx_j$. Ignore `idle`, an option that is off. Three lines are worth a second look:
#
# * `layers[0].backward(dx, need_dx=False)`: the wall. The block's first layer computes $d\theta_i$
#   and no $dx_{i-1}$. A max-pool before its convolution has no parameters, so its backward does
#   not run at all.
# * `layer.release()`: what was kept for backward is forgotten before the next block begins. So at
#   any moment only *one* block's features are kept.
# * `return x, result`: the next block gets $x_j$ as it was computed *before* this block's update.
#   It does not depend on the update and doesn't have to wait for it.
#
# > **Question.** What does `local_step` do if there is one block, with all $K$ layers?
#
# The wall is then before layer 1, where backpropagation has one as well (images need no gradient),
# and $A_K$ is the only classifier. So GK must be BP, to the last bit:

# %%
data = ml.prepare("fashion-mnist-mini", train_size=sized(3000, 500), test_size=sized(2000, 200))
stages, fc, D = "16 M 32 32 M 64 64 M", [64, 64], 256


def build(algo, **options):
    shape, classes = data.image_shape, len(data.classes)
    return ml.build_network(stages, fc, shape, classes, algo, features=D, **options)


def three_steps(network, step_function):
    optimizer = ml.SGD()
    batches = ml.training_batches(data.train, 64, seed=0, epoch=0, crop=True, flip=True)
    for step, (x, y) in zip(range(3), batches, strict=False):
        step_function(network, x, y, optimizer, step)
    return list(network.arrays().values())


def gk_step(network, x, y, optimizer, step):
    ml.local_step(network, [ml.Block(1, K)], x, y, optimizer, step=step)


def bp_step(network, x, y, optimizer, step):
    ml.backprop_step(network, x, y, optimizer, step=step)


arrays = zip(three_steps(build("G7"), gk_step), three_steps(build("BP"), bp_step), strict=True)
same = [np.array_equal(a, b) for a, b in arrays]
check("G7 on 7 layers is BP, bit for bit", all(same), f"{sum(same)} of {len(same)} arrays equal")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 Where the gradient stops: what is used and what is not
#
# $L_6$ depends on all layers up to 6. G3 uses its gradient for layers 4, 5, 6 and drops the rest.
# How large is the rest? The first block of G$j$, $1 \dots j$, gives the gradient of $L_j$ with
# respect to *every* layer up to $j$, so we can look. We take a network trained by G1, because it
# has all seven classifiers.

# %% slideshow={"slide_type": "-"}
EPOCHS, BATCH = sized(6, 3), 64


def train(algo):
    """Return the trained network, and its test accuracy after each epoch."""
    network = build(algo)
    recipe = ml.Recipe(algo, epochs=EPOCHS, batch_size=BATCH, lr_schedule="cosine")
    trainer = ml.Trainer(network, data, recipe)
    return network, [report.test.accuracy for report in trainer.epochs()]


network, accuracies = train("G1")
accuracy = {"G1": accuracies}
x, y = next(
    ml.training_batches(data.train, sized(1024, 256), seed=1, epoch=0, crop=False, flip=False)
)


def gradients(network, blocks):
    """Return each layer's gradient as one vector, from a step without an update."""
    ml.local_step(network, blocks, x, y)
    return [np.concatenate([g.ravel() for g in layer.grads.values()]) for layer in network.layers]


# true[j][i - 1] is the gradient of L_j with respect to layer i's parameters
true = {j: gradients(network, blocks_of(j, K))[:j] for j in range(1, K + 1)}
size = {(i, j): np.linalg.norm(true[j][i - 1]) for j in true for i in range(1, j + 1)}

tables = {}
for X in (1, 2, 3):
    ends = [block.last for block in blocks_of(X, K)]
    cells = [(i, j, i > (j - 1) // X * X) for i in range(1, K + 1) for j in ends]
    shades = [0.0 if i > j else 0.9 if used else 0.2 for i, j, used in cells]
    words = ["" if i > j else f"{size[i, j]:.2f}" for i, j, _ in cells]
    tables[f"G{X}"] = np.reshape(shades, (K, -1)), np.reshape(words, (K, -1))
ends = [[block.last for block in blocks_of(X, K)] for X in (1, 2, 3)]
ticks = {"xticks": [range(len(row)) for row in ends], "xticklabels": ends}
ticks |= {"yticks": range(K), "yticklabels": range(1, K + 1)}
show(draw_tables(tables, ylabel=["layer $i$", "", ""], xlabel="losses $L_j$", **ticks), 2)

used = [(i, j) for first, j in blocks_of(3, K) for i in range(first, j + 1)]
left_out = [(i, j) for first, j in blocks_of(3, K) for i in range(1, first)]
ratio = np.mean([size[cell] for cell in left_out]) / np.mean([size[cell] for cell in used])
check(
    "what G3 leaves out is as large as what it uses",
    ratio > sized(0.7, 0.3),
    f"mean sizes, left out over used: {ratio:.2f}",
)

# %% [markdown]
# So the slopes that local learning ignores are real and large. But those that it uses are exact.
# Inside its block, a layer gets the very gradient that backpropagation from $A_j$ would have given
# it; the wall only cuts off the rest:

# %% slideshow={"slide_type": "-"}
equal = []
for X in (1, 2, 3):
    found = gradients(network, blocks_of(X, K))
    for first, last in blocks_of(X, K):
        equal += [np.array_equal(found[i - 1], true[last][i - 1]) for i in range(first, last + 1)]
check(
    "inside a block the gradient is the true one of its loss, bit for bit",
    all(equal),
    f"{sum(equal)} of {len(equal)} layers",
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 Where the gradient stops: lie to one block
#
# A wall must hold in both directions. Let us give one block, and only that one, *wrong labels*. If
# the wall is tight, its own layers get a different gradient, and all others the same one, to the
# bit. Here `ml.block_step` is handy: it trains one block and returns its features.


# %% slideshow={"slide_type": "-"}
def gradients_with_lie(blocks, liar):
    network.set_dropout_keys(0, 0)
    features = x
    for block in blocks:
        labels = np.roll(y, 1) if block == liar else y
        features, _ = ml.block_step(network, block, features, labels)
    return [np.concatenate([g.ravel() for g in layer.grads.values()]) for layer in network.layers]


blocks = blocks_of(3, K)
honest = gradients_with_lie(blocks, liar=None)
print("lie to block  gradients that change, layer 1 to 7")
tight = []
for block in blocks:
    changed = [
        not np.array_equal(a, b)
        for a, b in zip(honest, gradients_with_lie(blocks, block), strict=True)
    ]
    tight.append([i + 1 for i in range(K) if changed[i]] == list(range(block[0], block[1] + 1)))
    print(f"{block!s:<14}", *("changed" if c else "   .   " for c in changed))
check("a lie to one block reaches its own layers and no other", all(tight), "blocks of G3")

# %% [markdown] slideshow={"slide_type": "slide"}
# In the next *step* the lie will reach later blocks, of course: they see the features of the
# layers that learned from it. Features pass through walls, gradients do not.
#
# ## 5 What the walls save
#
# Each wall saves one product: a layer has three (forward, $d\theta$, $dx$), and the first of its
# block computes only two. `ml.block_macs` counts multiply-adds (MACs) by formula:

# %% slideshow={"slide_type": "-"}
inputs = [network.input_shape, *network.shapes]
layer_macs = [layer.macs(shape) for layer, shape in zip(network.layers, inputs, strict=False)]
classifier_macs = {j: network.classifier(j).macs(network.shapes[j - 1]) for j in range(1, K + 1)}

print("MACs per image, in thousands:")
print("      forward   dθ      dx   classifiers   total   less than BP")
saved = {}
for algo in ("BP", "G3", "G2", "G1"):
    blocks = ml.parse_schedule(algo).blocks_at(0, K)
    costs = ml.block_macs(layer_macs, classifier_macs, blocks)
    names = ("forward", "weight_gradient", "input_gradient", "classifiers", "total")
    kilo = [sum(getattr(block, name) for block in costs) / 1e3 for name in names]
    saved[algo] = 1 - kilo[-1] / saved.setdefault("total", kilo[-1])
    print(f"{algo:<4}{kilo[0]:>9,.0f}{kilo[1]:>7,.0f}{kilo[2]:>7,.0f}", end="")
    print(f"{kilo[3]:>10,.0f}{kilo[4]:>12,.0f}{saved[algo]:>13.1%}")
check(
    "the more walls, the less work",
    saved["G1"] > saved["G2"] > saved["G3"] > 0,
    f"{saved['G1']:.1%}, {saved['G2']:.1%} and {saved['G3']:.1%} less than BP",
)

# %% [markdown] slideshow={"slide_type": "slide"}
# G1's layers compute no $dx$ at all, which saves nearly a third. Larger blocks save less. (Lesson 8
# counts the paper's networks, and the memory.) So why not always G1?
#
# ## 6 What a larger block buys: a better direction
#
# Suppose that what we really want is a small $L_7$, the loss of the network's own classifier. Its
# gradient is the direction that BP would take. How close to it is the local one? Take the angle
# between the two, layer by layer, at the same weights and on the same images:
#
# $$\cos_i = \frac{\langle g_i,\, g^{\mathrm{BP}}_i \rangle}{\lVert g_i\rVert\,
# \lVert g^{\mathrm{BP}}_i\rVert}, \qquad g_i = \frac{\partial L_j}{\partial \theta_i}, \qquad
# g_i^{\mathrm{BP}} = \frac{\partial L_K}{\partial\theta_i} .$$
#
# 1 means the same direction, 0 that the two have nothing to do with each other.


# %% slideshow={"slide_type": "-"}
def cosines(network, X):
    local, backprop = (gradients(network, blocks_of(size, K)) for size in (X, K))
    pairs = zip(local, backprop, strict=True)
    return np.array([a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in pairs])


direction = {X: cosines(network, X) for X in (1, 2, 3)}
untrained = cosines(build("G1"), 3)

print("cosine, layer   ", *(f"{i:>6}" for i in range(1, K + 1)), "   mean of 1 to 6")
for X, values in direction.items():
    print(f"G{X}              ", *(f"{v:6.2f}" for v in values), f"{values[:-1].mean():13.2f}")
print("G3, untrained   ", *(f"{v:6.2f}" for v in untrained), f"{untrained[:-1].mean():13.2f}")

curves = {f"G{X}": (range(1, K + 1), values) for X, values in direction.items()}
titles = {"xlabel": "layer", "ylabel": "cosine with BP's gradient"}
show(draw_curves({"": curves}, ylim=(-0.2, 1.05), **titles), 3)
means = {X: values[:-1].mean() for X, values in direction.items()}
check(
    "a larger block points nearer to where BP would go",
    means[3] > means[1] + sized(0.1, 0.0),
    f"mean cosine G1 {means[1]:.2f}, G2 {means[2]:.2f}, G3 {means[3]:.2f}",
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# A local gradient knows the layers between its own layer and the block's classifier. It knows
# nothing about the layers after that block. Find the ends of G3's blocks in the figure: layers
# 3 and 6, whose gradients come straight out of $A_3$ and $A_6$, have the lowest cosines of their
# blocks.
#
# > **Question.** In the untrained network the cosines of layers 2 to 6 are near zero, though the
# > blocks are the same. Why? (Layer 1 has so few weights that its cosine may be large by chance,
# > with either sign.)
#
# A classifier with random weights tells its layers nothing: it wants them to suit its random
# columns. The classifiers must learn to read before they can teach; they do so within the first
# steps.
#
# ## 7 Does it show?
#
# Train the other three, with the same data, recipe and number of steps:

# %% slideshow={"slide_type": "-"}
for algo in ("G2", "G3", "BP"):
    _, accuracy[algo] = train(algo)

print("test accuracy of the network's own classifier, in %, after each epoch")
for algo, accuracies in accuracy.items():
    print(f"{algo:<4}", *(f"{100 * a:6.1f}" for a in accuracies))
last = {algo: accuracies[-1] for algo, accuracies in accuracy.items()}
check(
    "networks learn with blocks of every size",
    min(last.values()) > sized(0.7, 0.3),
    f"{min(last.values()):.1%} to {max(last.values()):.1%}",
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# The differences are small, and with 2,000 test images and one seed, a point or two means nothing:
# don't read an order into this table, nor into its first epochs. Four times the images, ten epochs
# and three seeds (from [RESULTS.md](RESULTS.md), vgg8b × 0.125) show the order that the
# directions suggest, and so do the paper's long runs on CIFAR-10 (VGG-11B, classifiers A1):
#
# | test accuracy, % | G1 | G2 | G3 | BP |
# |---|---|---|---|---|
# | RESULTS.md, vgg8b × 0.125 | 89.0 ± 0.7 | 89.5 ± 0.2 | 90.2 ± 0.6 | 90.3 ± 0.3 |
# | the paper, VGG-11B | 92.41 | 93.60 | 94.59 | 95.08 |
#
# So the block size is a dial. At one end is G1: least work, least memory, no waiting, but the
# poorest direction. At the other end is GK: BP. What remains, whatever the size, is the wall
# itself: layers 3 and 4 of G3 never learn together. Must a wall stay where it is?
#
# ## Summary
#
# * GX cuts the layers into blocks of $X$. A block has one classifier, on its last layer, and one
#   loss. GK is BP, bit for bit.
# * Inside a block the gradient is the true one of its loss. At the wall it stops: `need_dx=False`
#   in one line of `block_step`. Features pass through the wall, gradients do not.
# * What is left out is not small: later losses depend on earlier layers just as much.
# * A larger block computes more and keeps more, and its gradient points closer to BP's.
#
# ## Exercises
#
# **1 (easy).** Write down the blocks and classifiers of G4 on $K = 10$ and on $K = 15$ layers
# before you ask the library. How many walls does GX have on $K$ layers, and how many input
# gradients does it leave out, including the one that BP leaves out too?

# %%
# Your answer to exercise 1

# %% [markdown]
# **2 (medium).** `ml.local_step` takes blocks of any size. Cut seven layers into *two* blocks and
# train all six ways, `[ml.Block(1, n), ml.Block(n + 1, 7)]` with `build("G1")`, in a loop of your
# own ([Running minilocal](running.md) has one). Where is the best place for the wall? Measure more
# than one seed before you answer.

# %%
# Your answer to exercise 2

# %% [markdown]
# **3 (hard).** *A wall with a hole.* Let the first layer of a block compute its input gradient
# after all, and pass $\alpha$ times it to the block before. For two blocks, 1–3 and 4–7, write the
# step: layers 1 to 3 then follow $L_3 + \alpha L_7$, and the update of block 1 has to wait until
# block 2 has run backward. Check it in float64 by central differences with a step of $h = 10^{-6}$
# (larger ones often cross a kink of some ReLU or max-pool). For which $\alpha$, and with which
# change of $L_3$, is it BP? Plot the cosine of layer 3 against $\alpha$.

# %%
# Your answer to exercise 3

# %% [markdown]
# *Lab:* [many_losses.py](labs/many_losses.py), a block whose losses are handed in:
# a function to fill in and have checked.
#
# *Next:* [Lesson 7](07_moving_boundaries.ipynb), moving boundaries: the wall that goes for a walk.
