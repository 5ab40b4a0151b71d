# %% [markdown] slideshow={"slide_type": "slide"}
# # Lesson 7: Moving boundaries
#
# Blocks that learn on their own never have to wait for one another. But two layers on the two
# sides of a boundary never learn together either, as long as the boundary stays where it is. So
# let it move: every epoch the blocks shift by a few layers, and neighbours that were apart share a
# loss. This is the algorithm of Lee, Lee and Jeon (2021), *GXSY*: blocks of X layers that shift by
# Y. This lesson takes it apart, with G3S2 as the example, until you could write it yourself. Then
# you will see that you already have.
#
# **Learning goals.** After this lesson you can
#
# * say which layers form which block in any epoch of any GXSY, which layers rest, and which
#   classifiers are active;
# * follow Algorithm 1 line by line through a loop of your own that gives the library's weights bit
#   for bit;
# * prove that any two neighbours learn together in some epoch, and say what that costs;
# * predict the gradient map of a run, draw it, and find the boundaries in it;
# * say what has been shown about moving boundaries, and what can't be seen at this size.
#
# *You need:* backpropagation through a network (lesson 4); the rest is in section 1. *Time:* 45
# minutes to read, about a minute to run. Symbols are those of [reference.md](reference.md).

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

show = figures(7)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 Blocks that stay: all you need to know
#
# A network is $K$ layers $x_i = f_i(x_{i-1};\,\theta_i)$, with $x_0$ the images. Backpropagation
# (BP) trains them all by one loss at the end. *Block-wise local learning* cuts them into blocks of
# $X$ layers; the last block may be shorter. A block of the layers $i \dots j$ has a small
# *auxiliary classifier* $A_j$ on its last layer, and a loss of its own, the softmax cross-entropy
# (CE) with the labels $y$:
#
# $$z_j = A_j(x_j;\,\phi_j), \qquad L_j = \mathrm{CE}(z_j,\, y) .$$
#
# In each step the block runs forward, and the gradient of $L_j$ goes back through the layers
# $j, j-1, \dots, i$, which it trains, and stops. $x_{i-1}$, which came from the previous block, is
# taken as given. So a block never waits for later ones and can forget its features at once, and its
# first layer computes no gradient of its input. That is GX: in G1 every layer has a classifier, and
# GK is BP.
#
# The classifiers here are the paper's simpler kind, *A1*: the map averaged down to at most $D$
# numbers, one matrix product to the class scores, BatchNorm (lesson 5). $A_K$, on the last layer,
# is the network's own classifier. It alone gives the answers once training is over; the others were
# teachers.

# %% slideshow={"slide_type": "-"}
from minilocal.course.blocks import draw_blocks

K = 7
G3 = ml.parse_schedule("G3").blocks_at(0, K)
show(draw_blocks({"BP": [ml.Block(1, K)], "G3": G3}, K), 1)

# %% [markdown] slideshow={"slide_type": "slide"}
# Look at the wall between layers 3 and 4. Layer 3 makes features that are good for $A_3$, which
# looks at them and says "a boot". Nobody ever tells it whether layer 4 can use them. $L_6$ could,
# but its gradient stops at the wall, in the first epoch and in every other one.
#
# ## 2 The shift
#
# **GXSY** has a *shift* $s$, the number of layers by which all boundaries have moved. It starts at
# 0, grows by $Y$ after every epoch, and falls back to 0 once it reaches $X$:
#
# $$s \leftarrow s + Y, \quad\text{then}\quad s \leftarrow 0 \ \text{ if }\ s \ge X .$$
#
# At shift $s$ the blocks are $s{+}1 \dots s{+}X$, then $s{+}X{+}1 \dots s{+}2X$, and so on up to
# $K$. The layers $1 \dots s$ before them belong to no block. They are *frozen* for this epoch: they
# run forward, but do not learn. $Y$ must be smaller than $X$.


# %% slideshow={"slide_type": "-"}
def shift_after(s, X, Y):
    s += Y
    if s >= X:
        s = 0
    return s


def blocks_at(s, X, K):
    return [ml.Block(first, min(first + X - 1, K)) for first in range(s + 1, K + 1, X)]


for X, Y in ((3, 2), (2, 1), (3, 1)):
    s = 0
    print(f"G{X}S{Y} on {K} layers")
    for epoch in range(1, 5):
        frozen = f"frozen 1-{s}".replace("1-1", "1") if s else ""
        print(f"  epoch {epoch}: shift {s}, blocks", *blocks_at(s, X, K), frozen)
        s = shift_after(s, X, Y)

# %% [markdown] slideshow={"slide_type": "-"}
# > **Question.** In G3S2, why is the shift of the third epoch 0 and not 4? And why would G3S3 be
# > the same as G3?
#
# $s = 4$ is not below $X = 3$, so it falls back. A shift of 4 would freeze four layers to get the
# boundaries of shift 1. A shift of 3 would fall back to 0 at once.
#
# The library says the same in its `Schedule`:

# %%
source(ml.Schedule.shift_at, ml.Schedule.blocks_at)

# %%
agree = []
for X in range(2, 7):
    for Y in range(1, X):
        schedule, s = ml.parse_schedule(f"G{X}S{Y}"), 0
        for epoch in range(12):
            agree.append(schedule.shift_at(epoch) == s)
            for layers in range(X, 20):
                agree.append(schedule.blocks_at(epoch, layers) == blocks_at(s, X, layers))
            s = shift_after(s, X, Y)
check("our shifts and blocks are the library's", all(agree), f"{len(agree)} comparisons")

# %% slideshow={"slide_type": "subslide"}
g3s2 = ml.parse_schedule("G3S2")
rows = {f"epochs {e + 1}, {e + 3}, …": g3s2.blocks_at(e, K) for e in (0, 1)}
rows = {name.replace(" ", "\n", 1): blocks for name, blocks in rows.items()}
show(draw_blocks(rows, K), 2)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Here is the whole idea in one picture: layers down, epochs across, for four algorithms.

# %% slideshow={"slide_type": "-"}
from minilocal.course.gradient_paths import animate_gradient_paths, draw_gradient_paths

algorithms = ["BP", "G1", "G2", "G3S2"]
show(draw_gradient_paths(algorithms, K), 3)

# %% [markdown] slideshow={"slide_type": "subslide"}
# And the same in motion: one training step in each of two epochs, block after
# block.

# %% slideshow={"slide_type": "-"}
show(animate_gradient_paths(["BP", "G2", "G3S2"], K, epochs=sized(2, 1)), 4)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 Algorithm 1, line by line
#
# Now the algorithm as a whole. The middle column says in our words and symbols what Algorithm 1 of
# the paper says (the numbers are ours), and the right one how the loop below does it.
#
# | | Algorithm 1 | our loop |
# |---|---|---|
# | 1 | $s \leftarrow 0$ | `s = 0` |
# | 2 | while training, an epoch at a time: | `for epoch in range(epochs)` |
# | 3 | freeze the layers $1 \dots s$ | `frozen = network.layers[:s]` |
# | 4 | for each minibatch $x_0, y$: | `for x, y in batches(epoch)` |
# | 5 | for each block $i \dots j$; $\;j = s{+}X, s{+}2X, \dots, K$: | `for first in range(…, X)` |
# | 6 | features $x_j = f_j \circ \dots \circ f_i\,(x_{i-1})$ | `x = layer.forward(x, …)` |
# | 7 | scores $z_j = A_j(x_j;\,\phi_j)$ | `z = classifier.forward(x, …)` |
# | 8 | the gradient of $L_j$ in $\theta_i, \dots, \theta_j, \phi_j$ | `dx = layer.backward(dx)` |
# | 9 | a step against it | `optimizer.update(layer)` |
# | 10 | $s \leftarrow s + Y$; if $s \ge X$: $s \leftarrow 0$ | `s = shift_after(s, X, Y)` |

# %%
SEED, BATCH, EPOCHS = 0, 64, sized(8, 4)


def algorithm_1(network, X, Y, data, epochs, optimizer):
    K = len(network)
    steps = epochs * (len(data.train) // BATCH)

    def batches(epoch):
        return ml.training_batches(data.train, BATCH, SEED, epoch, crop=True, flip=True)

    s, t = 0, 0  # ....................................................................... 1
    for epoch in range(epochs):  # ....................................................... 2
        frozen = network.layers[:s]  # ................................................... 3
        for x, y in batches(epoch):  # ................................................... 4
            optimizer.lr = ml.learning_rate("cosine", 0.1, t, steps)
            network.set_dropout_keys(SEED, t)
            for layer in frozen:
                x = layer.forward(x, training=True)
                layer.release()

            for first in range(s + 1, K + 1, X):  # ...................................... 5
                last = min(first + X - 1, K)
                layers, classifier = network.layers[first - 1 : last], network.classifier(last)

                for layer in layers:  # .................................................. 6
                    x = layer.forward(x, training=True)
                z = classifier.forward(x, training=True)  # .............................. 7

                _, dz = ml.softmax_cross_entropy(z, y)  # ................................ 8
                dx = classifier.backward(dz)
                for layer in reversed(layers[1:]):
                    dx = layer.backward(dx)
                layers[0].backward(dx, need_dx=False)  # the wall

                for layer in (*layers, classifier):  # ................................... 9
                    optimizer.update(layer)
                    layer.release()
            t += 1
        s = shift_after(s, X, Y)  # ..................................................... 10


# %% [markdown]
# Four things in the loop are not in the table. The learning rate and the random numbers of dropout
# follow the step $t$. `release` lets a layer forget what it kept for its gradient. The frozen
# layers run forward *as in training*, with the statistics of the batch and with dropout, so that
# the blocks after them still see the same kind of features. And the next block gets `x` as it was
# computed before this block's update.
#
# Does our loop do what the library does? Here are both, on a few images, for two periods of G3S2:

# %%
stages, fc, D = "16 M 32 32 M 64 64 M", [64, 64], 256  # K = 7 layers


def build(algo, data, **options):
    shape, classes = data.image_shape, len(data.classes)
    return ml.build_network(stages, fc, shape, classes, algo, features=D, **options)


few = ml.prepare("fashion-mnist-mini", train_size=256, test_size=100)
ours, theirs = build("G3S2", few), build("G3S2", few)
algorithm_1(ours, 3, 2, few, epochs=4, optimizer=ml.SGD())
recipe = ml.Recipe("G3S2", SEED, epochs=4, batch_size=BATCH, lr_schedule="cosine")
for report in ml.Trainer(theirs, few, recipe).epochs():
    print(f"epoch {report.epoch}: shift {report.shift}, blocks", end=" ")
    print(*(f"{b.block} (loss {b.train.loss:.2f})" for b in report.blocks))

arrays = zip(ours.arrays().values(), theirs.arrays().values(), strict=True)
same = [np.array_equal(a, b) for a, b in arrays]
check(
    "our loop gives the library's weights, bit for bit",
    all(same),
    f"{sum(same)} of {len(same)} arrays equal after 4 epochs of G3S2",
)

# %% [markdown]
# The library's loop is the same one, cut in two. The trainer counts epochs and steps, and asks the
# recipe for the blocks and the learning rate of each step. `local_step`, which you read in lesson
# 6, does lines 5 to 9 for one minibatch. What it does with frozen layers is new:

# %%
source(ml.frozen_forward)

# %% [markdown] slideshow={"slide_type": "-"}
# (The loss of a block, `network.loss(…)`, does lines 7 and 8 up to $dx_j$; lesson 12 puts others in
# its place. `idle` is an option beyond the paper, off by default: exercise 2.)
#
# ## 4 Who learns with whom
#
# Two layers learn together in an epoch if they are in the same block: one loss then trains both,
# and its gradient passes from one into the other. In what share of the epochs does that happen?


# %% slideshow={"slide_type": "-"}
def together(algo, K):
    schedule = ml.parse_schedule(algo)
    share = np.zeros((K, K))
    for epoch in range(schedule.period):
        for first, last in schedule.blocks_at(epoch, K):
            share[first - 1 : last, first - 1 : last] += 1 / schedule.period
    return share


tables = {}
names = {0: "", 1: "1"} | {k / n: f"{k}/{n}" for n in (2, 3) for k in range(1, n)}
for algo in ("G3", "G2S1", "G3S1", "G3S2"):
    share = together(algo, K).round(9)
    words = [[next(t for v, t in names.items() if abs(v - s) < 1e-6) for s in row] for row in share]
    for a in range(K - 1):
        if share[a, a + 1] == 0:
            words[a][a + 1] = words[a + 1][a] = "×"
    tables[algo] = share, words
ticks = {"xticks": range(K), "xticklabels": range(1, K + 1)}
ticks |= {"yticks": range(K), "yticklabels": range(1, K + 1)}
show(draw_tables(tables, height=2.4, xlabel="layer", **ticks), 5)

# %%
cases = [(X, Y, K) for X in range(2, 7) for Y in range(1, X) for K in range(X + 1, 20)]
least = []
for X, Y, layers in cases:
    share = together(f"G{X}S{Y}", layers)
    least.append(min(share[i, i + 1] for i in range(layers - 1)))
still = together("G3", K)
check(
    "with moving boundaries any two neighbours learn together in some epoch",
    min(least) > 0 and still[2, 3] == still[5, 6] == 0,
    f"all {len(cases)} cases tried",
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# The proof is short. At shift 0 the only neighbours apart are $nX$ and $nX + 1$, for
# $n = 1, 2, \dots$ At shift $Y$, with $0 < Y < X$, the walls are after the layers
# $Y, Y + X, Y + 2X, \dots$ None of these is a multiple of $X$, so there $nX$ and $nX + 1$ share a
# block.
#
# > **Question.** The diagonal of G3S2 says 1/2 for layers 1 and 2. What does that mean for them,
# > and what could one do about it?
#
# They rest every other epoch, and so learn half as often as the others. The paper leaves it at
# that; they could form a short block of their own in the meantime (exercise 2).
#
# Layers also change their teachers. In G3S2 layer 4 learns from $A_6$ in one epoch and from $A_5$
# in the next. The authors see a reason for better generalisation here: features must please more
# than one classifier.

# %% slideshow={"slide_type": "-"}
schedule = ml.parse_schedule("G3S2")
for layer in range(1, K + 1):
    teachers = []
    for epoch in range(schedule.period):
        blocks = [b for b in schedule.blocks_at(epoch, K) if b.first <= layer <= b.last]
        teachers.append(f"A_{blocks[0].last}" if blocks else "nobody, it is frozen")
    print(f"layer {layer} learns from", ", then from ".join(dict.fromkeys(teachers)))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 What rests keeps every byte
#
# Frozen means that no parameter of these layers changes, and neither does their momentum. The same
# goes for a classifier while no block ends at its layer. Only BatchNorm's running statistics in the
# frozen layers keep following the batches, because these layers run forward in training mode. One
# step at shift 2:

# %% slideshow={"slide_type": "-"}
optimizer = ml.SGD()
x, y = next(ml.training_batches(few.train, BATCH, SEED, 0, crop=True, flip=True))
for epoch in (0, 1):  # a step at each shift first, so that every momentum has something to lose
    ml.local_step(ours, g3s2.blocks_at(epoch, K), x, y, optimizer)


def bytes_of(layer):
    return [a.tobytes() for a in (*layer.params.values(), *optimizer.velocity_of(layer).values())]


before = {name: bytes_of(layer) for name, layer in ours.named_layers()}
ml.local_step(ours, g3s2.blocks_at(1, K), x, y, optimizer, step=1)
unchanged = [name for name, layer in ours.named_layers() if bytes_of(layer) == before[name]]
print("unchanged:", ", ".join(unchanged))
check(
    "at shift 2 layers 1 and 2, A_3 and A_6 rest, and nothing else",
    unchanged == ["layers.1", "layers.2", "aux.3", "aux.6"],
    "every byte is kept",
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6 The gradient map
#
# Now we train long enough to see something: eight epochs on 3,000 images, by G3S2, and by G3 for
# comparison. For every epoch and layer the trainer reports which block trained it, and how large
# its gradient was, averaged over the steps.
#
# > **Question.** Before you look: draw the map of the first four epochs with a pencil, layers down,
# > epochs across, and write the number of the block into each cell.

# %%
data = ml.prepare("fashion-mnist-mini", train_size=sized(3000, 500), test_size=sized(2000, 200))
networks, reports = {}, {}
for algo in ("G3", "G3S2"):
    networks[algo] = build(algo, data, seed=SEED)
    recipe = ml.Recipe(algo, SEED, epochs=EPOCHS, batch_size=BATCH, lr_schedule="cosine")
    reports[algo] = list(ml.Trainer(networks[algo], data, recipe).epochs())

print("G3S2: the block that trained each layer (. means frozen)")
print("layer    ", *range(1, K + 1))
for report in reports["G3S2"]:
    print(f"epoch {report.epoch}  ", *(layer.block or "." for layer in report.layers))

# %% slideshow={"slide_type": "subslide"}
rows = [
    {"epoch": report.epoch, "shift": report.shift, **vars(layer)}
    for report in reports["G3S2"]
    for layer in report.layers
]
show(ml.gradient_map(rows, f"G3S2, {EPOCHS} epochs"), 6)

found, expected, resting = [], [], []
for epoch, report in enumerate(reports["G3S2"]):
    blocks = g3s2.blocks_at(epoch, K)
    expected += [
        next((n for n, (i, j) in enumerate(blocks, 1) if i <= layer <= j), 0)
        for layer in range(1, K + 1)
    ]
    found += [layer.block for layer in report.layers]
    resting += [layer.gradient_norm for layer in report.layers if layer.block == 0]
check(
    "the map is the schedule, and frozen layers have no gradient",
    found == expected and max(resting) == 0,
    f"{len(found)} cells",
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 7 The wall takes turns
#
# The last layer of a block has the worst place: its gradient comes straight out of a small
# classifier, and knows nothing of the layers that follow (lesson 6 measures it). Compare each
# layer's gradient with the one that BP would take at the same weights, by the cosine of the angle
# between the two, with the boundaries in both places. (At shift 2 the last block's loss, $L_7$, is
# BP's.)

# %% slideshow={"slide_type": "-"}
network = networks["G3S2"]
x, y = next(
    ml.training_batches(data.train, sized(1024, 256), seed=2, epoch=0, crop=False, flip=False)
)


def gradients(blocks):
    """Return each layer's gradient as one vector, from a step without an update."""
    ml.local_step(network, blocks, x, y)
    return [np.concatenate([g.ravel() for g in layer.grads.values()]) for layer in network.layers]


backprop, cosines = gradients([ml.Block(1, K)]), {}
for epoch in (0, 1):
    blocks, local = g3s2.blocks_at(epoch, K), gradients(g3s2.blocks_at(epoch, K))
    cosines[g3s2.shift_at(epoch)] = {
        i: local[i - 1]
        @ backprop[i - 1]
        / np.linalg.norm(local[i - 1])
        / np.linalg.norm(backprop[i - 1])
        for i in range(blocks[0].first, K + 1)
    }

curves = {}
for s, values in cosines.items():
    curves[f"shift {s}"] = (list(values), list(values.values()))
    for block in blocks_at(s, 3, K)[:-1]:
        look = {"linewidth": 3, "marker": "", "linestyle": "--" if s else "-", "color": "#777777"}
        curves[f"_wall after {block.last} at shift {s}"] = ([block.last + 0.5] * 2, [0, 1], look)
show(draw_curves({"": curves}, xlabel="layer", ylabel="cosine with BP's gradient"), 7)
gain = [cosines[2][i] - cosines[0][i] for i in (3, 6)]
check(
    "a block's last layer points nearer to BP once the wall has moved",
    min(gain) > sized(0.1, 0.0),
    f"{cosines[0][3]:.2f} to {cosines[2][3]:.2f}, {cosines[0][6]:.2f} to {cosines[2][6]:.2f}",
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 8 Does it pay?

# %% slideshow={"slide_type": "-"}
print("test accuracy of the network's own classifier after each epoch, in %")
for algo, mine in reports.items():
    print(f"{algo:<5}", *(f"{100 * report.test.accuracy:6.1f}" for report in mine))
last = {algo: mine[-1].test.accuracy for algo, mine in reports.items()}
check(
    "a network learns while its boundaries move",
    last["G3S2"] > sized(0.75, 0.3),
    f"G3S2 {last['G3S2']:.1%}; G3 {last['G3']:.1%}",
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Not here. With the seeds 0, 1 and 2 G3 ended at 84.2, 83.5 and 84.2 %, G3S2 at 83.6, 80.9 and
# 82.8 %. Nor does it in the comparison of [RESULTS.md](RESULTS.md), with four times the images: G3
# 90.2 ± 0.6 %, G3S2 89.6 ± 0.8 %. In such a network moving boundaries do *not* beat fixed ones, and
# the sections above say what they cost: layers 1 and 2 learn half as often, and every classifier
# but the network's own rests in half of the epochs, so that a short training is shorter still for
# them.
#
# In the paper they do beat them, with large networks, 400 epochs and all of CIFAR-10 (classifiers
# A1):
#
# | test accuracy, % | G2 | G2S1 | G3 | G3S2 | BP |
# |---|---|---|---|---|---|
# | VGG-16 | 91.44 | 92.26 | 92.84 | 93.68 | 93.99 |
# | VGG-11B | 93.60 | 93.95 | 94.59 | 95.11 | 95.08 |
#
# The gain is between a third of a point and a point, at hardly any cost. It is largest where blocks
# are small and the network is deep. And there it can be had on two cores as well: `vgg16` at an
# eighth of its width, 20 epochs of 20,000 images of CIFAR-10, and classifiers that learn while they
# are idle (exercise 2), so that none is stale when its boundary returns:
#
# | test accuracy, % | seed 0 | seed 1 | seed 2 | mean |
# |---|---|---|---|---|
# | G2 | 69.4 | 70.3 | 68.1 | 69.2 |
# | G2S1, idle classifiers learn | 70.8 | 71.1 | 69.8 | 70.5 |
#
# The mean gain is 1.3 ± 0.3 points (standard error), with 3 % fewer multiply-adds.
# [RESULTS.md](RESULTS.md) has the command, and a study of what moving does to classifiers,
# gradients and features meanwhile.
#
# ## Summary
#
# * GXSY is GX with a shift $s$ that goes $0, Y, 2Y, \dots$ from epoch to epoch, and back to 0 once
#   it reaches $X$. Blocks begin after layer $s$; the layers up to $s$ are frozen: forward only.
# * The step is that of fixed blocks: one loss per block, and a wall before each block. Only the
#   list of blocks changes from epoch to epoch.
# * Any two neighbours learn together in some epoch. A layer that ends a block, which is the worst
#   place, is elsewhere in its block in the next epoch.
# * The price: the first layers rest part of the time, and so do the classifiers.
# * In short networks fixed boundaries do as well. In deep ones with small blocks moving boundaries
#   gain about a point, in the paper and here; here, if idle classifiers learn.
#
# ## Exercises
#
# **1 (easy).** Write down, without running anything, the blocks, frozen layers and active
# classifiers of G3S1 on $K = 10$ layers in epochs 1 to 4. In what share of the epochs do layers 1,
# 2 and 3 learn? Check your answers with `ml.parse_schedule` and `together`.

# %%
# Your answer to exercise 1

# %% [markdown]
# **2 (medium).** The library has variants that the paper does not have: see "Variants of moving
# boundaries" in [reference.md](reference.md). With `ml.Recipe(algo="G3S2", idle="learn")` resting
# classifiers learn too, and `front="block"` makes the frozen layers a short block of their own.
# Say for each which price of section 8 it lowers. Then train with them, alone and together, with
# three seeds. (Build the network with `algo=recipe.schedule`, because a short first block needs a
# classifier too.) Which helps more? (In `python -m minilocal.train` the same options are
# `--idle learn` and `--front block`.)

# %%
# Your answer to exercise 2

# %% [markdown]
# **3 (hard).** Design a schedule of your own: a function from the epoch to a list of blocks, which
# `ml.local_step` takes as it is (a network built with "G1" has all classifiers). Blocks may change
# their sizes, move back and forth, or begin small and grow. Say first what your schedule should
# achieve, and show with a matrix like those of Figure 5 that it does. Then train it beside G3 and
# G3S2 with three seeds, and report honestly.

# %%
# Your answer to exercise 3

# %% [markdown]
# *Lab:* [bounce.py](labs/bounce.py), boundaries that bounce:
# a function to fill in and have checked.
#
# *Next:* in [lesson 8](08_costs.ipynb) we count what all this saves: multiply-adds and memory.
