# %% [markdown]
# # Lesson 3: BatchNorm, ReLU, dropout and pooling by hand
#
# Four small layers come between two convolutions. They need almost no multiplications, and yet a
# deep network does not learn without them. Their gradients are short, and each teaches something:
# BatchNorm, that a gradient can be a *projection*; ReLU, what happens at a kink; dropout, how to
# remember without storing; and max-pooling, how to differentiate a choice.
#
# **Learning goals.** After this lesson you can
#
# * normalise a batch, and derive BatchNorm's input gradient from the three ways in which $x$ acts;
# * explain why a convolution before BatchNorm needs no bias, and why the scale of its weights does
#   not matter;
# * write ReLU, inverted dropout, max- and average-pooling with their gradients;
# * say what each layer keeps for its backward pass, and put them together as a *CBRD* layer.
#
# *You need:* lessons 1 and 2. *Time:* 30 minutes to read, half a minute to run. Symbols are those
# of [reference.md](reference.md).

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
from minilocal.course.charts import draw_bars, draw_curves, draw_images, draw_tables

show = figures(3)
rng = np.random.default_rng(0)
data = ml.prepare("fashion-mnist-mini", train_size=sized(3000, 600), test_size=200)
batches = ml.training_batches(data.train, 64, seed=0, epoch=0, crop=False, flip=False)
images, labels = next(batches)

# %% [markdown]
# ## 1 BatchNorm, forward
#
# The outputs of a convolution can have any mean and any spread, different in each channel, and
# both move as the weights learn. **Batch normalisation** sets them right, channel by channel. Over
# all images and pixels of the minibatch, $M$ values together,
#
# $$\mu = \frac{1}{M}\sum_m x_m, \qquad v = \frac{1}{M}\sum_m (x_m - \mu)^2, \qquad
# \hat x = \frac{x - \mu}{\sqrt{v + 10^{-5}}}, \qquad y = \gamma\,\hat x + \beta .$$
#
# The trained parameters $\gamma$ and $\beta$, one of each per channel, let the network choose
# another spread and mean where it wants one. They start at 1 and 0.


# %%
def batchnorm(x, gamma, beta, eps=1e-5):
    axes = tuple(range(x.ndim - 1))  # all but the channels
    mean, variance = x.mean(axes), x.var(axes)
    xhat = (x - mean) / np.sqrt(variance + eps)
    return gamma * xhat + beta, xhat, 1 / np.sqrt(variance + eps)


C = 6
maps = ml.ReLU().forward(ml.Conv2d(1, 8, rng=3, dtype=np.float64).forward(images.astype(float)))
x = ml.Conv2d(8, C, rng=4, dtype=np.float64).forward(maps)
gamma, beta = np.ones(C), np.zeros(C)
y, xhat, inv_std = batchnorm(x, gamma, beta)

panels = {
    title: {"mean": values.mean((0, 1, 2)), "deviation": values.std((0, 1, 2))}
    for title, values in (("after a convolution", x), ("after BatchNorm", y))
}
show(draw_bars(panels, [f"channel {c}" for c in range(1, C + 1)]), 1)
print("means      before", x.mean((0, 1, 2)).round(2), " after", y.mean((0, 1, 2)).round(2) + 0.0)
print("deviations before", x.std((0, 1, 2)).round(2), " after", y.std((0, 1, 2)).round(2))

# %% [markdown]
# ## 2 BatchNorm, backward
#
# Given $dy$, the parameters are easy, because $y = \gamma \hat x + \beta$ is linear in them:
#
# $$d\gamma = \sum_m dy_m\,\hat x_m, \qquad d\beta = \sum_m dy_m .$$
#
# The input is not, because $x_m$ acts in three ways: directly, and through $\mu$ and $v$ on
# *every other* value of its channel. With $g = \gamma\,dy$, the gradient of $\hat x$, and
# $\sigma = \sqrt{v + 10^{-5}}$, the chain rule adds up
#
# $$dx_m = \underbrace{\frac{g_m}{\sigma}}_{\text{directly}}
#        + \underbrace{\frac{\partial L}{\partial \mu}\,\frac{1}{M}}_{\text{through the mean}}
#        + \underbrace{\frac{\partial L}{\partial v}\,
#          \frac{2 (x_m - \mu)}{M}}_{\text{through the variance}},$$
#
# where, from $\hat x_k = (x_k - \mu)/\sigma$,
#
# $$\frac{\partial L}{\partial \mu} = -\frac{1}{\sigma}\sum_k g_k, \qquad
#   \frac{\partial L}{\partial v} = -\frac{1}{2\sigma^2}\sum_k g_k\,\hat x_k .$$
#
# ($v$ depends on $\mu$ too, but this adds nothing, since $\sum_k (x_k - \mu) = 0$.) Substitute,
# and use $x_m - \mu = \sigma \hat x_m$:
#
# $$dx_m = \frac{1}{\sigma}\Big(g_m - \frac{1}{M}\sum_k g_k
#        - \hat x_m\,\frac{1}{M}\sum_k g_k\,\hat x_k\Big) .$$


# %%
def batchnorm_backward(dy, xhat, inv_std, gamma):
    axes = tuple(range(dy.ndim - 1))
    dgamma, dbeta = (dy * xhat).sum(axes), dy.sum(axes)
    M = dy.size // dy.shape[-1]
    dx = gamma * inv_std * (dy - dbeta / M - xhat * dgamma / M)
    return dx, dgamma, dbeta


dy = rng.standard_normal(x.shape)
gamma, beta = 1 + 0.3 * rng.standard_normal(C), 0.3 * rng.standard_normal(C)
y, xhat, inv_std = batchnorm(x, gamma, beta)
dx, dgamma, dbeta = batchnorm_backward(dy, xhat, inv_std, gamma)

layer = ml.BatchNorm(C, dtype=np.float64)
layer.params["gamma"][...], layer.params["beta"][...] = gamma, beta
y_library = layer.forward(x, training=True)
dx_library = layer.backward(dy)
worst = max(
    abs(y - y_library).max(),
    abs(dx - dx_library).max(),
    abs(dgamma - layer.grads["gamma"]).max(),
    abs(dbeta - layer.grads["beta"]).max(),
)
check("our BatchNorm is the library's", worst < 1e-9, f"largest difference {worst:.0e}")

# %% [markdown]
# Look at the bracket again. It takes $g$, subtracts its mean, and subtracts its component along
# $\hat x$. That is a **projection**: what is left is orthogonal to the vector of ones and to
# $\hat x$.
#
# > **Question.** Before you read on: which two changes of $x$ leave $y$ as it is?
#
# Adding the same number to all values of a channel, and multiplying their distances from the mean
# by the same number. The output does not notice either, so the gradient must not point that way.
# BatchNorm's backward pass takes out exactly those two directions.

# %%
m = 16  # few values of one channel, to see the two steps
values = rng.standard_normal((m, 1))
g = 0.8 + 0.7 * values + 0.6 * rng.standard_normal((m, 1))
_, small_xhat, small_inv_std = batchnorm(values, 1.0, 0.0)
without_mean = g - g.mean()
left_over = without_mean - small_xhat * (g * small_xhat).mean()
order = values[:, 0].argsort()

panels = {}
for title, bars in (("$g$", g), ("minus its mean", without_mean), ("minus its trend", left_over)):
    trend = bars.mean() + (bars * small_xhat).mean() * small_xhat[order, 0]
    panels[title] = {
        "values, sorted by $x$": (range(m), bars[order, 0], {"linestyle": "", "marker": "o"}),
        "mean and trend": (range(m), trend, {"marker": ""}),
    }
show(draw_curves(panels, xticks=[[]] * 3), 2)

components = []
for name, direction in (("1", np.ones_like(xhat)), ("x̂", xhat)):
    products = dx * direction
    components.append((abs(products.sum((0, 1, 2))) / abs(products).sum((0, 1, 2))).max())
    print(f"|Σ dx·{name}| / Σ |dx·{name}| = {components[-1]:.0e}")
largest = max(components)
check("dx has no component along 1 or x̂", largest < 1e-4, f"{largest:.0e}")

# %% [markdown]
# (The second is not zero to the last digit because of the $10^{-5}$ under the root.) Two
# consequences matter for whole networks:
#
# * **No bias before BatchNorm.** A bias adds a number to a channel, which BatchNorm takes out
#   again; its gradient is always zero. So convolutions and linear layers of minilocal have none
#   where BatchNorm follows.
# * **The scale of the weights before BatchNorm does not matter.** Ten times larger weights give
#   ten times larger $x$, and the same $y$.
#
# The second is easy to see. We train two small networks of four convolutions for a few steps, one
# with BatchNorm and one without, from initial weights that are too small or too large:


# %%
def network(norm, scale):
    layers, channels = {}, 1
    for i, width in enumerate((8, 8, 16, 16), 1):
        layers[f"conv{i}"] = ml.Conv2d(channels, width, bias=not norm, rng=i)
        layers[f"conv{i}"].params["weight"] *= scale
        if norm:
            layers[f"bn{i}"] = ml.BatchNorm(width)
        layers[f"relu{i}"] = ml.ReLU()
        if i % 2 == 0:
            layers[f"pool{i}"] = ml.MaxPool2d(2)
        channels = width
    return ml.Sequential(**layers, flatten=ml.Flatten(), linear=ml.Linear(4 * 4 * 16, 10, rng=9))


def loss_after(steps, norm, scale):
    model, optimizer, losses = network(norm, scale), ml.SGD(lr=0.03, weight_decay=0), []
    batches = ml.training_batches(data.train, 64, seed=0, epoch=0, crop=False, flip=False)
    with np.errstate(all="ignore"):  # some of these runs are going to diverge
        for _, (batch, classes) in zip(range(steps), batches, strict=False):
            small = np.ascontiguousarray(batch[:, ::2, ::2])  # 16×16 pixels are enough here
            loss, dlogits = ml.softmax_cross_entropy(model.forward(small, training=True), classes)
            model.backward(dlogits, need_dx=False)
            try:
                optimizer.update(model)
            except ml.NonFiniteError:  # it has diverged
                return np.inf
            losses.append(loss)
    return np.mean(losses[-8:])


scales = [0.1, 0.3, 1, 3, 10]
steps = sized(40, 9)
found = {norm: [loss_after(steps, norm, s) for s in scales] for norm in (False, True)}

seen = {norm: np.minimum(np.nan_to_num(row, nan=3.0), 3.0) for norm, row in found.items()}
curves = {f"{'with' if n else 'without'} BatchNorm": (scales, row) for n, row in seen.items()}
curves["log 10"] = (scales, [np.log(10)] * len(scales), {"marker": "", "color": "#A5A5A5"})
titles = {"xlabel": "factor on the initial weights", "ylabel": f"loss after {steps} steps"}
show(draw_curves({"": curves}, xscale="log", ylim=(0, 3.2), **titles), 3)
worst = max(found[True])
check(
    "with BatchNorm every initial scale works",
    worst < sized(1.2, 2.3),
    f"largest loss {worst:.2f}; knowing nothing costs 2.30",
)

# %% [markdown]
# **Training and evaluation differ.** An image must not be judged by the company it keeps. So
# during training the layer also updates *running* statistics,
# $\mathrm{running} \leftarrow 0.9\,\mathrm{running} + 0.1\,\mathrm{batch}$, and outside training it
# uses those as constants. `layer.forward(x)` evaluates, `layer.forward(x, training=True)` trains.

# %%
layer = ml.BatchNorm(C, dtype=np.float64)
for step in range(1, 61):
    layer.forward(x, training=True)
    if step in (1, 10, 30, 60):
        gap = abs(layer.forward(x) - layer.forward(x, training=True)).max()
        print(f"step {step:>2}: running mean of channel 1 {layer.state['mean'][0]:+.4f}, "
              f"evaluation and training differ by {gap:.3f}")  # fmt: skip
print(f"  the batch's own mean of channel 1 {x[..., 0].mean():+.4f}")

# %% [markdown]
# ## 3 ReLU: a gate, and a kink
#
# Without something nonlinear in between, two convolutions are no more than one. The *rectified
# linear unit* is the simplest nonlinearity that works, $y = \max(x, 0)$. The gradient passes where
# $x$ was positive, and nowhere else:
#
# $$dx = dy \cdot [\,x > 0\,] .$$
#
# Backward needs one bit per value, and it can be read off the *output*: $y > 0$ exactly where
# $x > 0$. At $x = 0$ there is no derivative; the library lets nothing pass there. Central
# differences see a slope of one half:

# %%
relu = ml.ReLU()
line = np.linspace(-1, 1, 201)
h = 0.2
slope = (np.maximum(line + h, 0) - np.maximum(line - h, 0)) / (2 * h)
thin = {"marker": "", "drawstyle": "steps-post"}
panels = {
    "$y = \\max(x, 0)$": {"ReLU": (line, relu.forward(line), {"marker": ""})},
    "slope": {
        "backward": (line, line > 0, thin),
        f"central difference, h = {h}": (line, slope, {"marker": ""}),
    },
}
show(draw_curves(panels, height=2.6, xlabel="$x$"), 4)

z = rng.standard_normal((3, 5))
relu.forward(z, training=True)
dz = rng.standard_normal(z.shape)
check("ReLU's gradient is a gate", (relu.backward(dz) == dz * (z > 0)).all(), "every entry")

# %% [markdown]
# ## 4 Dropout: remembering without storing
#
# *Dropout* with rate $r$ sets each value to zero with probability $r$ during training, so that no
# unit can rely on any single other. The values that stay are divided by $1 - r$. So the
# expectation is unchanged, and evaluation has nothing to do:
#
# $$y = \frac{x \cdot m}{1 - r}, \qquad dx = \frac{dy \cdot m}{1 - r}, \qquad
# m = 0 \text{ with probability } r \text{, else } 1 .$$
#
# Backward needs the *same* mask $m$. We could store it, but minilocal computes it again: the mask
# is a **hash** of a key and of the value's index, mixed so well that it looks random. The same key
# gives the same mask, in any order, on any thread. Here is the kernel:

# %%
from minilocal.kernels import activation

source(activation.mix, activation.stays)


# %% [markdown]
# Here is the same by hand, for a whole array. Keys come from `ml.dropout_key(seed, step, layer)`,
# so every layer has a different mask in every step:


# %%
def mask(shape, rate, key):
    """Return where dropout keeps an entry, for a key of 62 bits."""
    low, high = np.uint64(key & 0xFFFFFFFF), np.uint64(key >> 32)
    bits = np.uint64(0xFFFFFFFF)

    def mix(h):
        h = ((h ^ (h >> np.uint64(16))) * np.uint64(0x7FEB352D)) & bits
        h = ((h ^ (h >> np.uint64(15))) * np.uint64(0x846CA68B)) & bits
        return h ^ (h >> np.uint64(16))

    index = np.arange(np.prod(shape), dtype=np.uint64).reshape(shape)
    return mix(mix((index + low) & bits) ^ high) >= np.uint64(int(rate * 2**32))


rate, key = 0.3, ml.dropout_key(seed=0, step=1, layer=1)
dropout = ml.Dropout(rate, key)
m = mask(x.shape, rate, key)
dropped = dropout.forward(x, training=True)
same = np.allclose(dropped, x * m / (1 - rate), rtol=1e-15) and np.allclose(
    dropout.backward(dy), dy * m / (1 - rate), rtol=1e-15
)
check("our mask is the library's, forward and backward", same, f"{m.size:,} entries")
print(
    f"dropped {1 - m.mean():.4f} of the entries; "
    f"mean of x {x.mean():.5f}, of y {dropped.mean():.5f}"
)

# %%
boot = data.train.pixels[int(np.argmax(data.train.labels == 9))] / 255.0
pictures = {}
for n, (rate, step) in enumerate(((0.05, 1), (0.3, 1), (0.3, 2), (0.3, 2))):
    dropout = ml.Dropout(rate, ml.dropout_key(seed=0, step=step, layer=1))
    title = f"rate {rate}, step {step}" + " again" * (n == 3)
    pictures[title] = dropout.forward(boot, training=True)[:, :, 0]
show(draw_images(pictures, vmax=1.5), 5)

# %% [markdown]
# ## 5 Pooling: choose, or average
#
# A pooling layer makes maps smaller. Its windows tile the map, so each pixel is in exactly one of
# them (lesson 2, Figure 4, right). **Max-pooling** keeps the largest value of each window. A small
# change of $x$ changes $y$ only if it changes the winner's value, so the whole gradient goes
# *there*:
#
# $$y = \max_{\text{window}} x, \qquad dx =
# \begin{cases} dy & \text{at the window's first maximum} \\ 0 & \text{elsewhere.} \end{cases}$$
#
# **Average-pooling** lets all values of an $h \times w$ window take part and spreads the gradient
# evenly, $dx = dy/(h\,w)$ at each of them.


# %%
def max_pool(x, k):
    N, H, W, C = x.shape
    windows = x.reshape(N, H // k, k, W // k, k, C).transpose(0, 1, 3, 5, 2, 4)
    windows = windows.reshape(N, H // k, W // k, C, k * k)
    winner = windows.argmax(axis=-1)  # the first one, if several are equal
    return windows.max(axis=-1), winner


def max_pool_backward(dy, winner, k):
    N, P, Q, C = dy.shape
    dwindows = np.zeros((N, P, Q, C, k * k))
    np.put_along_axis(dwindows, winner[..., None], dy[..., None], axis=-1)
    dwindows = dwindows.reshape(N, P, Q, C, k, k).transpose(0, 1, 4, 2, 5, 3)
    return dwindows.reshape(N, P * k, Q * k, C)


pool = ml.MaxPool2d(2)
y, winner = max_pool(x, 2)
dy_small = rng.standard_normal(y.shape)
same = (pool.forward(x, training=True) == y).all() and (pool.winner == winner).all()
same = same and (pool.backward(dy_small) == max_pool_backward(dy_small, winner, 2)).all()
check("our max-pool is the library's, with its winners", same, f"{winner.size:,} windows")

# %%
grid = rng.permutation(16).reshape(1, 4, 4, 1).astype(float)
pooled = pool.forward(grid, training=True)
dpooled = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
average = ml.AvgPool2d(2)
average.forward(grid, training=True)
dx_max, dx_average = pool.backward(dpooled), average.backward(dpooled)
panels = {  # title: an array, and which of its cells to shade
    "$x$": (grid, dx_max > 0),
    "max: $y$": (pooled, pooled >= 0),
    "$dy$": (dpooled, dpooled > 0),
    "max: $dx$": (dx_max, dx_max > 0),
    "average: $dx$": (dx_average, dx_average > 0),
}
tables = {
    title: (
        0.25 * shade[0, :, :, 0],
        [[f"{value:g}" for value in row] for row in array[0, :, :, 0]],
    )
    for title, (array, shade) in panels.items()
}
show(draw_tables(tables, height=2.0), 6)

# %% [markdown]
# ## 6 All together: a CBRD layer
#
# In the networks of this course, *a layer* means Convolution, BatchNorm, ReLU and Dropout in a
# row, **CBRD** for short; "layer $i$" is the $i$-th of them, and $x_i$ its output. A max-pool, if
# there is one, belongs to the next layer and comes before its convolution. Fully connected layers
# at the end of a network have a matrix product instead of the convolution: **FBRD**.

# %%
plain = ml.cbrd(3, 8, dropout=0.1, rng=1, dtype=np.float64, fused=False)
fused = ml.cbrd(3, 8, dropout=0.1, rng=1, dtype=np.float64)
for layer in (plain, fused):
    print("CBRD:", " → ".join(map(repr, layer.layers.values())))

# %% [markdown]
# In the second, a single layer does the work of the last three. On a CPU these layers wait for
# memory, not for arithmetic, and fewer passes over the values save time (lesson 11 counts them).
# The numbers must be the same, to the last bit:

# %%
maps = rng.standard_normal((8, 12, 12, 3))
dy = rng.standard_normal((8, 12, 12, 8))
results = {}
for name, layer in (("plain", plain), ("fused", fused)):
    layer.set_dropout_key(7)
    results[name] = [layer.forward(maps, training=True), layer.backward(dy), *layer.grads.values()]
equal = [np.array_equal(a, b) for a, b in zip(results["plain"], results["fused"], strict=True)]
check("fused and plain layers agree to the bit", all(equal), f"{len(equal)} arrays")

# %% [markdown]
# What does each layer keep between its forward and its backward pass? `layer.kept` names it.

# %%
pooling = ml.MaxPool2d(2)
pooling.forward(maps, training=True)
layers = {f"plain  {name}": layer for name, layer in plain.layers.items()}
layers |= {f"fused  {name}": layer for name, layer in fused.layers.items()}
layers |= {"       pool": pooling}
for name, layer in layers.items():
    kept = {key: getattr(layer, key) for key in layer.kept}
    words = [
        f"{key} {'×'.join(map(str, value.shape))} {value.dtype}"
        if np.ndim(value)
        else f"{key}, a number"
        for key, value in kept.items()
    ]
    print(f"{name:<15}{'; '.join(words)}")

# %% [markdown]
# > **Question.** The next convolution keeps its input too, which is this layer's output. So between
# > its own convolution and the next one the plain layer holds one more large array than the fused
# > one. Which array is it, and why is it not needed?
#
# In the plain layer ReLU's output must stay for ReLU, and dropout's output for the next
# convolution. The fused layer keeps only dropout's output: it is zero wherever ReLU or dropout
# made it zero, and there the gradient is zero as well. What a *whole network* keeps, and for how
# long, is the subject of the next lesson.
#
# The loss has the last word. Central differences judge each layer, and all of them together:

# %%
xs = rng.standard_normal((6, 4, 4, 3))
cases = {
    "BatchNorm": ml.BatchNorm(3, dtype=np.float64),
    "ReLU": ml.ReLU(),
    "Dropout": ml.Dropout(0.3, key=9),
    "MaxPool2d": ml.MaxPool2d(2),
    "AvgPool2d": ml.AvgPool2d(2),
    "CBRD, plain": plain,
    "CBRD, fused": fused,
}
checks = []
for name, layer in cases.items():
    for param in layer.params.values():
        param += 0.2 * rng.standard_normal(param.shape)  # γ = 1 and β = 0 would hide mistakes
    rows = list(ml.check_layer(name, layer, xs, entries=sized(20, 6)))
    checks += rows
    print(f"{name:<13}" + "  ".join(f"{row.argument} {row.worst:.0e}" for row in rows))
check(
    "all gradients agree with central differences",
    all(row.passed(1e-6) for row in checks),
    f"worst error {max(row.worst for row in checks):.1e}",
)

# %% [markdown]
# ## Summary
#
# * BatchNorm gives each channel mean 0 and deviation 1 over the batch. Its input gradient is a
#   projection: it has no component along 1 and none along $\hat x$. So neither a bias before it
#   nor the scale of the weights before it matters.
# * ReLU is a gate that can be read off its output. At the kink central differences are wrong, not
#   the gradient.
# * Dropout's mask is a hash of key and index: the same in backward as in forward, with nothing
#   stored.
# * Max-pooling sends the gradient to the winner, average-pooling spreads it.
# * Convolution, BatchNorm, ReLU and Dropout together are *one layer*, CBRD. What it keeps for
#   backward is what costs memory.
#
# ## Exercises
#
# **1 (easy).** A *leaky* ReLU passes a tenth of negative values: $y = \max(x, 0.1\,x)$. Write it as
# a subclass of `ml.Layer` with `forward` and `backward` (`source(ml.ReLU)` shows how) and check it
# with `ml.check_layer`. Can its gradient still be read off the output?

# %%
# Your answer to exercise 1

# %% [markdown]
# **2 (medium).** *Layer normalisation* takes mean and variance over the channels of each pixel
# instead of over the batch. Which lines of `batchnorm` and `batchnorm_backward` change? Write both,
# check them, and say why it needs no running statistics. Is a bias before it useless as well?

# %%
# Your answer to exercise 2

# %% [markdown]
# **3 (hard).** Let $w$ be the weights of a convolution followed by BatchNorm, so that
# $L(a\,w) = L(w)$ for every $a > 0$. Show that $\langle w, dw \rangle = 0$ and that the gradient
# at $a\,w$ is $dw / a$. What does gradient descent without weight decay then do to
# $\lVert w \rVert$ in each step, and to the effective learning rate
# $\mathrm{lr} / \lVert w \rVert^2$? Show it with `network(norm=True, scale=1)`, and show what
# weight decay changes.

# %%
# Your answer to exercise 3

# %% [markdown]
# *Lab:* [groupnorm.py](labs/groupnorm.py), group normalisation:
# a function to fill in and have checked.
#
# *Next:* [Lesson 4](04_backpropagation.ipynb), backpropagation through a VGG, gradient by gradient:
# what must be stored, and for how long.
