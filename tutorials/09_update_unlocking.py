# %% [markdown] slideshow={"slide_type": "slide"}
# # Lesson 9: Update unlocking: two blocks at work at once
#
# Under backpropagation the first layer learns last. It waits until its minibatch has gone forward
# through the whole network and the gradient has come back, and meanwhile all other layers wait too.
# A local block is done with a minibatch as soon as its own classifier has seen it. So while block 2
# works on a minibatch, block 1 can already be busy with the next. In this lesson you build that, as
# a pipeline of two threads in a page of code, and prove the surprising part: the trained weights
# are those of the plain loop, **to the last bit**.
#
# **Learning goals.** After this lesson you can
#
# * say what a block needs from others in a step, and draw the jobs that wait for one another;
# * compute how long a pipeline takes, and which block sets its pace;
# * build a pipeline from generators, threads and queues, and say when threads of Python run at
#   once;
# * name four ways in which running side by side could change a result, and what prevents each.
#
# *You need:* lesson 6 (blocks); Python's generators help. *Time:* 40 minutes to read, under a
# minute to run. Symbols are those of [reference.md](reference.md).
#
# **If you start here:** *local learning* cuts the $K$ layers of a network into blocks. The block of
# layers $i \dots j$ has a small *auxiliary classifier* $A_j$ on its last layer; the loss of $A_j$
# trains the block, and no gradient goes further back. *GX* has blocks of X layers; *GXSY* moves
# all boundaries by Y layers after every epoch, and the layers before the first block are *frozen*
# for that epoch: they run forward and do not learn.

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
import hashlib
import itertools
import time
from queue import Queue
from threading import Thread

import numpy as np

import minilocal as ml
from minilocal.course import check, figures, sized

show = figures(9)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 What a block waits for
#
# You read `block_step` in lesson 6: forward, loss, backward, update. Now read it as a function. The
# features $x_{i-1}^{(t)}$ of minibatch $t$ go in, and the block's own weights after $t$ updates,
# $\theta^{(t)}$ (with its classifier's, and momentum). Features for the next block come out, and
# new weights for the block itself:
#
# $$x_j^{(t)} = F\big(x_{i-1}^{(t)};\ \theta^{(t)}\big), \qquad
# \theta^{(t+1)} = \theta^{(t)} - \mathrm{lr}\cdot g\big(x_{i-1}^{(t)},\ \theta^{(t)}\big).$$
#
# Nothing else comes from outside: no gradient from later layers, no weights of other blocks. And
# the features that it hands on are those from **before** the update. So the job "block $b$, step
# $t$" waits for two other jobs only: the previous block with the same minibatch, and its own block
# with the previous minibatch.
#
# > **Question.** Which jobs of the grid below can run at the same time? What would the arrows look
# > like for backpropagation?

# %% slideshow={"slide_type": "subslide"}
from minilocal.course.jobs import draw_jobs

show(draw_jobs(blocks=3, steps=6), 1)

# %% [markdown] slideshow={"slide_type": "-"}
# Jobs on one diagonal can run together: block 1 with step 3, block 2 with step 2, block 3 with step
# 1. Under backpropagation there are jobs for the way back as well, and step 2 of block 1 waits for
# the way back of step 1, which comes last of all. Then no two jobs can ever run together. In the
# words of lesson 4 (Jaderberg et al. 2017): *forward locking* means that a layer can't run before
# the layers before it have run, *update locking* that it can't be updated before the layers after
# it have run forward, and *backward locking* that these must have run backward as well. Local
# learning keeps the first and drops the other two.
#
# ## 2 How long it takes
#
# Give every block a worker, and let block $b$ need the time $c_b$ for a step. A job starts as soon
# as the two jobs that it waits for have ended:
#
# $$\mathrm{end}(b, t) = \max\big(\mathrm{end}(b-1, t),\ \mathrm{end}(b, t-1)\big) + c_b .$$


# %%
def ends(costs, steps):
    """Return when each job ends, (blocks, steps), with one worker per block."""
    end = np.zeros((len(costs), steps))
    for t in range(steps):
        for b, cost in enumerate(costs):
            features = end[b - 1, t] if b else 0
            weights = end[b, t - 1] if t else 0
            end[b, t] = max(features, weights) + cost
    return end


print(ends(costs=[2, 3, 1], steps=6).astype(int))

# %% [markdown] slideshow={"slide_type": "-"}
# The first minibatch goes through all blocks, and from then on the costliest block, which never
# rests, sets the pace. So $T$ steps take
#
# $$\sum_b c_b + (T - 1)\,\max_b c_b, \qquad
# \text{instead of}\quad T \sum_b c_b \quad\text{on one worker.}$$
#
# For many steps the pipeline is faster by the factor $\sum_b c_b \,/\, \max_b c_b$, which is the
# number of blocks if all are equally costly, and less if they are not.

# %%
rng = np.random.default_rng(0)
worst = 0
for _ in range(100):
    costs, steps = rng.integers(1, 10, rng.integers(1, 8)), rng.integers(1, 50)
    total = costs.sum() + (steps - 1) * costs.max()
    worst = max(worst, abs(ends(costs, steps)[-1, -1] - total))
check("the formula agrees with the jobs, one by one", worst == 0, "100 random pipelines")

# %% slideshow={"slide_type": "subslide"}
from minilocal.course.timeline import Job, draw_timeline

T = 4
local = [3.0, 3.0]  # forward, loss, backward and update of two equal blocks
bp, now = [], 0.0
for t in range(1, T + 1):
    for worker, cost, way in ((1, 1, "→"), (2, 1, "→"), (2, 2, "←"), (1, 2, "←")):
        bp.append(Job(worker, 1, now, now + cost, f"{t}{way}"))
        now += cost
one = [
    Job(1, b + 1, 6 * t + 3 * b, 6 * t + 3 * b + 3, str(t + 1)) for t in range(T) for b in range(2)
]
end = ends(local, T)
two = [
    Job(b + 1, b + 1, end[b, t] - local[b], end[b, t], str(t + 1))
    for t in range(T)
    for b in range(2)
]
show(
    draw_timeline(
        {
            "BP, half of the layers on each of two workers": bp,
            "local learning, one worker": one,
            "local learning, a block on each of two workers": two,
        },
        unit="time (forward of one block = 1)",
    ),
    2,
)

# %% [markdown]
# How much could be gained in the paper's networks? The library counts each block's multiply-adds
# (lesson 8). G3S1 on VGG-16 has five blocks; its bound is the mean over the three positions of the
# boundaries.

# %% slideshow={"slide_type": "subslide"}
bounds = {}
for model, measured in (("vgg16", "2.2 on five GPUs"), ("vgg19", "2.4 on six GPUs")):
    network = ml.CONFIGS[model]
    backprop, g3s1 = (ml.algorithm_costs(network, algo) for algo in ("BP", "G3S1"))
    bounds[model] = ml.pipeline_bound(g3s1, backprop)
    print(f"{model}: at most {ml.pipeline_bound(g3s1, g3s1):.1f} times as fast as on one worker,")
    print(f"       {bounds[model]:.1f} times as fast as BP on one; the paper measured {measured}")
    for step in g3s1.steps:
        blocks = ", ".join(f"[{p.block}] {p.macs.total / 1e6:.0f}" for p in step.by_block)
        print(f"       shift {step.shift}, million MACs: {blocks}")
check(
    "the paper's measured gains lie below the bounds",
    bounds["vgg16"] > 2.2 and bounds["vgg19"] > 2.4,
    ", ".join(f"{model} {bound:.2f}" for model, bound in bounds.items()),
)

# %% [markdown] slideshow={"slide_type": "-"}
# Five GPUs cannot give a factor of five: the blocks are unequal, the last one (layer 15, or 14 and
# 15) has next to nothing to do, and the bound assumes that passing on features costs nothing.
#
# ## 3 Any order will do
#
# Time is one thing, the result another. If jobs run side by side, who can say in which order
# things happen? So let us first ask on a single thread: **does the order matter?** Here is a small
# network of six layers. G2 makes three blocks of it, and six minibatches make $3 \cdot 6$ jobs.

# %%
SEED, BATCH = 0, 64
data = ml.prepare("fashion-mnist-mini", train_size=sized(1920, 384), test_size=sized(500, 100))


def build(algo):
    return ml.build_network(
        "8 M 16 32 64 M 64 M", [128], data.image_shape, 10, algo, features=256, seed=SEED
    )


def minibatches(epoch, epochs):
    """Yield (step, learning rate, x, labels), as the library's trainer makes them."""
    steps = len(data.train) // BATCH
    batches = ml.training_batches(data.train, BATCH, SEED, epoch, crop=True, flip=data.flip)
    for step, (x, labels) in enumerate(batches, epoch * steps):
        yield step, ml.learning_rate("cosine", 0.1, step, epochs * steps), x, labels


def fingerprint(network, optimizer):
    """Return a hash of every byte: weights, running statistics, momentum."""
    digest = hashlib.sha256()
    for name, array in network.arrays().items():
        digest.update(name.encode() + array.tobytes())
    for _, layer in network.named_layers():
        for velocity in optimizer.velocity_of(layer).values():
            digest.update(velocity.tobytes())
    return digest.hexdigest()[:16]


some = list(itertools.islice(minibatches(epoch=0, epochs=1), 6))
network, optimizer = build("G2"), ml.SGD()
blocks = ml.parse_schedule("G2").blocks_at(0, len(network))
for step, lr, x, labels in some:
    optimizer.lr = lr
    ml.local_step(network, blocks, x, labels, optimizer, SEED, step)
plain = fingerprint(network, optimizer)
print("blocks", *blocks, "  plain loop:", plain)

# %% [markdown]
# Now the same jobs in a random order that obeys the arrows: block $b$ may take its next minibatch
# if it is the first block, or if the previous block has had that minibatch already. There are
# 87,516 such orders. Each job sets what it needs *for its own step*: the learning rate, and the
# keys of its layers' dropout masks. (`local_step` sets the keys of all layers at once; here the
# layers are at different steps.)


# %% slideshow={"slide_type": "-"}
def random_order(blocks, steps, rng):
    """Return all jobs (b, t) in an order that obeys the arrows."""
    order, done = [], [0] * blocks  # done[b]: how many steps block b has done
    while len(order) < blocks * steps:
        ready = [b for b in range(blocks) if done[b] < (done[b - 1] if b else steps)]
        b = int(rng.choice(ready))
        order.append((b, done[b]))
        done[b] += 1
    return order


def set_keys(network, first, last, step):
    for number in range(first, last + 1):
        network.layer(number).set_dropout_key(ml.dropout_key(SEED, step, number))


def run_jobs(order, keys=set_keys, set_lr=lambda b: True):
    network, optimizer = build("G2"), ml.SGD()
    features = {}
    for b, t in order:
        block, (step, lr, x, labels) = blocks[b], some[t]
        if set_lr(b):
            optimizer.lr = lr
        keys(network, block.first, block.last, step)
        x = features.pop((b - 1, t)) if b else x
        features[b, t], _ = ml.block_step(network, block, x, labels, optimizer)
    return fingerprint(network, optimizer)


rng = np.random.default_rng(1)
orders = [random_order(len(blocks), len(some), rng) for _ in range(sized(20, 4))]
print("an order:", *(f"{b + 1}.{t + 1}" for b, t in orders[0]), " (block.minibatch)")
found = {run_jobs(order) for order in orders}
print("results: ", *found)
check(
    "every order that obeys the arrows gives the bits of the plain loop",
    found == {plain},
    f"{len(orders)} orders, {len(found)} result",
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Threads can do little else: whatever they do, it is one of these orders, or several jobs at once,
# and jobs that may run at once have no array in common that either of them changes.
#
# > **Question.** What could have gone wrong? Think of everything in a training step that is shared
# > by all blocks, or that is counted.
#
# ## 4 What prevents a difference
#
# Two mistakes are easily made. (a) *Dropout masks from a common generator*: then a mask depends on
# how many were drawn before, and so on the order. (b) *One learning rate for all*: the loop sets
# `optimizer.lr` when a minibatch enters the network, while later blocks are still busy with
# earlier ones. Both are right in the plain loop, and fail as soon as the order changes:


# %% slideshow={"slide_type": "-"}
def keys_by_count():
    """Return what sets keys in the order of calls, as drawing from one generator would."""
    count = itertools.count()

    def set_next(network, first, last, step):
        for number in range(first, last + 1):
            network.layer(number).set_dropout_key(ml.dropout_key(SEED, next(count), 0))

    return set_next


by_count = {run_jobs(order, keys=keys_by_count()) for order in orders[:4]}
at_entry = {run_jobs(order, set_lr=lambda b: b == 0) for order in orders[:4]}
print("(a) masks by count: ", *by_count)
print("(b) lr set at entry:", *at_entry)
check(
    "with either mistake the result depends on the order",
    len(by_count) > 1 and len(at_entry) > 1,
    f"four orders, {len(by_count)} and {len(at_entry)} results",
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Four things are shared or counted in a step, and for each the library prevents a difference:
#
# * **Features.** Block 2 might read them while block 1's update changes them. But they were
#   computed before that update, and nobody ever writes into them again.
# * **Random numbers** might depend on who drew first. But a dropout mask is a hash of seed, step,
#   layer and entry: nothing is drawn.
# * **Learning rate and momentum** might be another step's. But the rate goes with the minibatch,
#   and the momentum belongs to the layer.
# * **Sums of floats** depend on how they are cut, because $(a+b)+c \ne a+(b+c)$. But
#   `compute/parallel.py` cuts by shapes alone, never by how many threads there are, or by which of
#   them is free.
#
# ## 5 Two blocks at work at once
#
# Now for real, and with threads. In Python this needs a word of explanation. The interpreter has a
# lock, the **GIL** (global interpreter lock), and a thread must hold it to execute Python. So of
# two threads that add up a list, only one ever works. But code that is not Python may let go of the
# lock while it computes, and NumPy's matrix products do, as do kernels that Numba compiles with
# `nogil=True`: all of the library's. Nearly all of a training step's time is spent there, so two
# threads can train at once, and only the few lines of Python in between take turns:

# %%
a = np.ones((sized(1500, 50), sized(1500, 50)), np.float32)


def python_only():
    sum(i for i in range(sized(2_000_000, 1000)))


def product():
    with ml.one_blas_thread():
        a @ a


for work in (python_only, product):
    times = []
    for threads in ([Thread(target=work)], [Thread(target=work), Thread(target=work)]):
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        times.append(time.perf_counter() - began)
    print(f"{work.__name__:<12} twice, in two threads: {times[1] / times[0]:.1f} times as long")

# %% [markdown]
# (About 2 means one after the other, about 1 at the same time, if two cores are free.)
#
# A stage of the pipeline is a generator: minibatches come in, go through one block,
# and come out with that block's features in the place of $x$.


# %% slideshow={"slide_type": "-", "code": "train"}
def train(worker, network, block, first, stream, optimizer, log):
    """Train a block on a stream of minibatches; yield them with its features in place of x."""
    for step, lr, x, labels in stream:
        began = time.perf_counter()
        optimizer.lr = lr
        set_keys(network, first, block.last, step)
        x = ml.frozen_forward(network, block.first - first, x, labels)
        x, _ = ml.block_step(network, block, x, labels, optimizer)
        log.append((worker, step, began, time.perf_counter()))
        yield step, lr, x, labels


# %% [markdown]
# The first block also runs the frozen layers before it, from layer `first` = 1 on; for the others
# `first` is the block's own first layer, and nothing is frozen. A chain of generators alone would
# still do one thing at a time. So we let another thread run each stage ahead, and pass its results
# through a queue with room for two:


# %%
def ahead(items, room=2):
    """Yield items that another thread makes, up to `room` of them ahead of us."""
    queue = Queue(room)

    def make():
        try:
            for item in items:
                queue.put(item)  # waits while the queue is full
            queue.put(None)
        except Exception as error:
            queue.put(error)

    Thread(target=make, daemon=True).start()
    while (item := queue.get()) is not None:  # waits while it is empty
        if isinstance(item, Exception):
            raise item
        yield item


def pipelined_epoch(network, blocks, stream, velocity, log):
    """Train an epoch with a thread per block."""
    first = 1
    for worker, block in enumerate(blocks, 1):
        optimizer = ml.SGD()  # each block has its own learning rate …
        optimizer.velocity = velocity  # … but a layer keeps its momentum, whichever block trains it
        stream = ahead(train(worker, network, block, first, stream, optimizer, log))
        first = block.last + 1
    for _ in stream:  # nobody needs what the last block yields
        pass


# %% [markdown]
# That is all. Waiting at an empty queue is the arrow "features"; the arrow "weights" needs no code,
# because a thread does its jobs one after the other. Why only room for two? Otherwise a fast block
# would run far ahead of a slow one, and fill the memory with waiting features.
#
# We train three epochs by G3S1, which visits the shifts 0, 1 and 2 and has two blocks at each, and
# compare with the library's trainer, which uses no thread per block. Each block computes on its own
# thread only (`set_threads(1)`), so that two blocks keep two cores busy. `one_blas_thread` holds
# BLAS to one thread, as in every training step.

# %%
EPOCHS = 3
ml.set_threads(1)
schedule = ml.parse_schedule("G3S1")

plain_network = build("G3S1")
recipe = ml.Recipe("G3S1", SEED, epochs=EPOCHS, batch_size=BATCH, lr_schedule="cosine")
trainer = ml.Trainer(plain_network, data, recipe)
reports = list(trainer.epochs())
plain_seconds = sum(report.train_seconds for report in reports)
for report in reports:
    frozen = ("none", "layer 1", "layers 1-2")[report.shift]
    blocks = ", ".join(str(result.block) for result in report.blocks)
    print(f"epoch {report.epoch}: blocks {blocks}; frozen: {frozen}")

# %% slideshow={"slide_type": "subslide"}
network, optimizer, log = build("G3S1"), ml.SGD(), []
began = time.perf_counter()
with ml.one_blas_thread():
    for epoch in range(EPOCHS):
        blocks = schedule.blocks_at(epoch, len(network))
        stream = minibatches(epoch, EPOCHS)
        pipelined_epoch(network, blocks, stream, optimizer.velocity, log)
seconds = time.perf_counter() - began
ml.set_threads(None)

arrays, plain_arrays = network.arrays(), plain_network.arrays()
equal = sum(arrays[name].tobytes() == plain_arrays[name].tobytes() for name in plain_arrays)
here, there = fingerprint(network, optimizer), fingerprint(plain_network, trainer.optimizer)
print(f"{equal} of {len(plain_arrays)} arrays equal; with momentum {here} and {there}")
check(
    "the pipeline's weights are the plain loop's, bit for bit",
    here == there and equal == len(plain_arrays),
    f"{EPOCHS} epochs, {len(log) // 2} steps, {sum(a.nbytes for a in arrays.values()):,} bytes",
)

# %% [markdown]
# Not "close to", but the same, although nobody can say in which order the two threads did what. But
# did they really work at the same time? Here is what the clock saw in the first epoch.

# %% slideshow={"slide_type": "subslide"}
steps = len(data.train) // BATCH
middle = range(steps // 2, steps // 2 + 8)
jobs = [
    Job(worker, worker, 1e3 * start, 1e3 * end, str(step + 1))
    for worker, step, start, end in log
    if step in middle
]
show(draw_timeline({"epoch 1: block 1-3 on worker 1, block 4-6 on worker 2": jobs}, "ms"), 3)

# %% slideshow={"slide_type": "subslide"}
jobs_of = {w: [(start, end) for worker, _, start, end in log if worker == w] for w in (1, 2)}
beside = sum(any(a < end and b > start for a, b in jobs_of[1]) for start, end in jobs_of[2])
check(
    "two blocks are at work at once",
    beside > sized(0.25, 0) * len(jobs_of[2]),
    f"during {beside} of block 2's {len(jobs_of[2])} jobs block 1 has one too",
)
busy = np.zeros((EPOCHS, 2))
for worker, step, start, end in log:
    busy[step // steps, worker - 1] += end - start
bound = busy.sum() / busy.max(axis=1).sum()
print(f"plain loop {plain_seconds:.1f} s, pipeline {seconds:.1f} s: ", end="")
print(f"{plain_seconds / seconds:.2f} times as fast; the bound of section 2 is {bound:.2f}")
for epoch, (first, second) in enumerate(busy, 1):
    print(f"  epoch {epoch}: worker 1 busy for {first:.2f} s, worker 2 for {second:.2f} s")

# %% [markdown] slideshow={"slide_type": "subslide"}
# The bound is section 2's, $\sum c\,/\max c$ over all epochs, with the times that each worker was
# busy. It is far below 2. In the first epoch both blocks cost about the same; in the third they are
# layers 3–5, after the frozen layers 1 and 2, and layer 6 alone: the second worker is all but idle.
# Three things keep it below the bound: the lock, memory that two cores share, and cores that are
# not free. With larger blocks and a better cut more is possible: vgg16 on two workers takes 1.7 to
# 1.9 times as many steps ([Blocks in parallel](parallel.md)).
#
# Threads share memory, so when the boundaries move nothing has to be sent. The library's own
# pipeline, `minilocal/pipeline/`, does the same with processes, on one machine or on many: `python
# -m minilocal.train --algo G3S1 --workers 2`. There a layer that changes its worker is sent with
# its momentum, and the weights are again those of the plain loop, to the bit.
#
# Pipelines for BP exist too. They either keep workers waiting, or let a layer's gradient come from
# weights that are several updates old (*delayed gradients*), and so train something slightly
# different. Here nothing is stale: each job sees exactly the features and the weights that it would
# see in the plain loop.
#
# ## Summary
#
# * A block needs features from the previous block, and its own weights. Under local learning there
#   is no backward and no update locking, only forward locking.
# * With a worker per block, $T$ steps take $\sum_b c_b + (T-1)\max_b c_b$. The costliest block sets
#   the pace; at best the pipeline is $\sum c_b / \max c_b$ times as fast as one worker.
# * A pipeline is a chain of generators, each run ahead by a thread, with a short queue between.
#   Threads run at once as long as they compute outside Python's lock.
# * The result is the plain loop's to the bit, because every order that obeys the arrows gives the
#   same: features from before the update, random numbers and learning rates that belong to a step
#   rather than to a moment, and sums that are always cut in the same way.
#
# ## Exercises
#
# **1 (easy).** Three blocks cost 3, 1 and 2. Before you run `ends`, say when ten steps are done,
# which workers rest, and for how long. Which *one* block would you make half as costly, and what
# would that gain? Draw it with `draw_timeline`.

# %%
# Your answer to exercise 1

# %% [markdown]
# **2 (medium).** You have two workers for the five blocks of VGG-16 under G3S1. A worker takes
# consecutive blocks. Find the best cut at each shift from `step.by_block` of section 2, and the
# bound that it gives. Then let `pipelined_epoch` run two blocks in one stage (chain two `train`s
# without `ahead` between them), and check with G2 that the bits are still the same.

# %%
# Your answer to exercise 2

# %% [markdown]
# **3 (hard).** Our pipeline runs empty at the end of each epoch. Which jobs of epoch 2 could begin
# earlier, given that G3S1 moves layer 4 from worker 2 to worker 1? Draw the arrows between the
# last jobs of epoch 1 and the first ones of epoch 2, extend `ends` by them, and compute what
# could be gained. Would it be more with G2S1 and six blocks? What would have to be handed over
# between processes, and when?

# %%
# Your answer to exercise 3

# %% [markdown]
# *Lab:* [rooms.py](labs/rooms.py), a pipeline with little room between its blocks:
# a function to fill in and have checked.
#
# *Next:* in [lesson 10](10_what_layers_know.ipynb) you find out what the layers have learned under
# each algorithm.
