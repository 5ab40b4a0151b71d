# %% [markdown]
# # Lesson 2: Convolution: loops, im2col and one matrix product
#
# The linear layer of lesson 1 had one pattern per class and compared it with the whole image at
# once. A convolution has small patterns and compares each with *every place* of the image. It is
# the layer that all networks of this course are made of. We write it three times: as loops, as a
# matrix product, and backwards.
#
# **Learning goals.** After this lesson you can
#
# * write a convolution with stride and padding as loops, and count its multiply-adds (MACs);
# * turn it into one matrix product with *im2col*, and say what that costs in memory;
# * derive its gradients $dW = \mathrm{cols}^\top dy$, $dx = \mathrm{col2im}(dy\,W^\top)$ and
#   $db$, and explain why col2im *adds*;
# * say which third of the work local learning saves at a block's first layer.
#
# *You need:* lesson 1. *Time:* 30 minutes to read, ten seconds to run. Symbols are those of
# [reference.md](reference.md): images and maps are NHWC (batch, height, width, channels), and
# weights are $(k, k, C_\mathrm{in}, C_\mathrm{out})$.

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
from minilocal.course.charts import draw_images, draw_tables

show = figures(2)

# %% [markdown]
# ## 1 The same small pattern everywhere
#
# A convolution slides a $k \times k$ window over the image. At each place $(p, q)$ it multiplies
# what it sees by its weights, number by number, and adds everything up, over all input channels
# $c$ as well. Each output channel $o$ has its own weights:
#
# $$y_{npqo} = \sum_{i,j,c}
# x_{n,\;p s + i - \mathrm{pad},\;q s + j - \mathrm{pad},\;c}\; w_{ijco} .$$
#
# The *stride* $s$ is how far the window moves each time. The *padding* is a border of zeros around
# the image, so that the window can be centred on pixels at the edge. With an image of $H \times W$
# pixels the output has
#
# $$P = \Big\lfloor \frac{H + 2\,\mathrm{pad} - k}{s} \Big\rfloor + 1$$
#
# rows, and $Q$ columns by the same formula. All VGG networks here use $k = 3$, $s = 1$ and
# $\mathrm{pad} = 1$, which keeps height and width as they are.
#
# Here it is as loops, six of them and a dot product over the channels:


# %%
def conv_loops(x, w, stride=1, padding=1):
    N, H, W, _ = x.shape
    k, _, _, C_out = w.shape
    P = (H + 2 * padding - k) // stride + 1  # how many places the window takes
    Q = (W + 2 * padding - k) // stride + 1
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    y = np.zeros((N, P, Q, C_out))
    for n in range(N):
        for p in range(P):
            for q in range(Q):
                for o in range(C_out):
                    for i in range(k):
                        for j in range(k):
                            pixel = padded[n, p * stride + i, q * stride + j]  # all channels
                            y[n, p, q, o] += pixel @ w[i, j, :, o]
    return y


rng = np.random.default_rng(0)
x = rng.standard_normal((2, 6, 5, 3))
w = rng.standard_normal((3, 3, 3, 4))
y = conv_loops(x, w)
print("x", x.shape, " w", w.shape, " y", y.shape)

# %% [markdown]
# The library's layer is `ml.Conv2d`. It has four methods of computing the same thing: a plain one,
# im2col, and three fast ones, each for certain shapes. (Where a method does not apply, im2col runs
# in its place; so we make sure that the named one did.) All of them must agree with our loops. The
# fast ones want channels in multiples of eight:

# %%
from minilocal.layers.conv import METHODS

x8, w8 = rng.standard_normal((2, 8, 12, 8)), rng.standard_normal((3, 3, 8, 8))
y8 = conv_loops(x8, w8)
differences = {}
for method in METHODS:
    layer = ml.Conv2d(8, 8, method=method, rng=0, dtype=np.float64)
    assert layer.method(x8.shape[1:]) is METHODS[method]
    layer.params["weight"][...] = w8
    differences[method] = abs(layer.forward(x8) - y8).max()
    print(f"{method:<9} largest difference {differences[method]:.1e}")
worst = max(differences.values())
check("the library's convolutions are our loops", worst < 1e-12, f"difference {worst:.0e}")

# %% [markdown]
# What can nine numbers see? Edges, for example, with weights that we choose by hand:

# %%
data = ml.prepare("fashion-mnist-mini", train_size=sized(6000, 600), test_size=sized(2000, 200))
boot = data.train.pixels[int(np.argmax(data.train.labels == 9))][None] / 255.0
kernels = {
    "left edges": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "upper edges": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "details": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
}
layer = ml.Conv2d(1, 3, rng=0, dtype=np.float64)
layer.params["weight"][...] = np.array(list(kernels.values()), float).transpose(1, 2, 0)[:, :, None]
maps = layer.forward(boot)

pictures = {"image": 6 * boot[0, :, :, 0] - 3}
pictures |= {name: maps[0, :, :, o] for o, name in enumerate(kernels)}
show(draw_images(pictures, vmin=-3, vmax=3), 1)

# %% [markdown]
# > **Question.** Move the boot two pixels to the right. What happens to the maps? What would have
# > happened to the logits of lesson 1?
#
# The maps move along, and nothing else changes: a convolution *commutes with shifts*. (Except at
# the edges, where the padding comes in.) A linear layer would have met pixels that its pattern
# does not expect.

# %%
moved = layer.forward(np.roll(boot, 2, axis=2))
inner = (slice(None), slice(1, -1), slice(4, -4))
difference = abs(moved - np.roll(maps, 2, axis=2))[inner].max()
check("shift, then convolve = convolve, then shift", difference < 1e-12, f"{difference:.0e}")

# %% [markdown]
# A convolution is frugal, too. A linear layer from a 32×32 image to 16 maps of the same size needs
# a weight for each pair of numbers. A convolution needs
# $k \cdot k \cdot C_\mathrm{in} \cdot C_\mathrm{out}$, whatever the size of the image. The *work*
# does grow with the image: every output costs $k \cdot k \cdot C_\mathrm{in}$ multiply-adds,
#
# $$\mathrm{MACs} = P \cdot Q \cdot k \cdot k \cdot C_\mathrm{in} \cdot C_\mathrm{out}
# \quad\text{per image, with an output of } P \times Q .$$

# %%
layer = ml.Conv2d(1, 16, rng=0)
print(f"linear layer  {32 * 32 * 32 * 32 * 16:>12,} weights")
print(f"convolution   {layer.params['weight'].size:>12,} weights")
print(f"convolution   {layer.macs((32, 32, 1)):>12,} MACs per image")
check(
    "MACs are P·Q·k·k·C_in·C_out",
    layer.macs((32, 32, 1)) == 32 * 32 * 3 * 3 * 1 * 16,
    f"{layer.macs((32, 32, 1)):,}",
)

# %% [markdown]
# ## 2 im2col: a convolution is a matrix product
#
# Loops are clear and slow. Look at them again: each output is a *dot product* of one patch of the
# image with the weights. So write every patch as a row of a matrix, and all dot products become
# one matrix product. That is **im2col**. Row $(n, p, q)$ of `cols` is the patch that output pixel
# $(p, q)$ of image $n$ sees:

# %%
from minilocal.course.columns import draw_columns

show(draw_columns(np.arange(1, 17).reshape(4, 4), k=3, padding=1, marked=[(0, 0), (2, 1)]), 2)

# %% [markdown]
# With $\mathrm{cols}$ of shape $(N P Q,\; k k C_\mathrm{in})$ and the weights as a matrix $W$ of
# shape $(k k C_\mathrm{in},\; C_\mathrm{out})$,
#
# $$y = \mathrm{cols}\; W .$$
#
# Two short loops over the window's rows and columns are enough; each pass copies a whole shifted
# image:


# %%
def im2col(x, k, stride, padding):
    N, H, W, C = x.shape
    P = (H + 2 * padding - k) // stride + 1
    Q = (W + 2 * padding - k) // stride + 1
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    cols = np.empty((N, P, Q, k, k, C))
    for i in range(k):
        for j in range(k):
            rows = slice(i, i + stride * P, stride)
            columns = slice(j, j + stride * Q, stride)
            cols[:, :, :, i, j] = padded[:, rows, columns]
    return cols.reshape(N * P * Q, k * k * C)


cols = im2col(x, 3, 1, 1)
difference = abs((cols @ w.reshape(-1, 4)).reshape(y.shape) - y).max()
print("x", x.shape, " cols", cols.shape, " W", w.reshape(-1, 4).shape)
check("cols · W is the loops' result", difference < 1e-12, f"difference {difference:.0e}")

# %% [markdown]
# Matrix products are what processors do best, so this is many times faster than loops in Python
# (lesson 11 measures it). The price is memory: at stride 1 each pixel is copied into up to
# $k \cdot k$ rows.
#
# > **Question.** How large are the columns of VGG-16's second layer, 32×32 maps with 64 channels,
# > for a batch of 128 images in float32?

# %%
x_bytes = 128 * 32 * 32 * 64 * 4
print(f"the maps {x_bytes / 1e6:,.0f} MB, their columns {9 * x_bytes / 1e6:,.0f} MB")

# %% [markdown]
# The library never makes them all at once. It makes the columns of a few images, so few that they
# fit into the processor's cache, multiplies, and forgets them. Here is the shipped code;
# `parallel.run` hands the chunks to several threads:

# %%
from minilocal.layers import im2col as library

source(library.forward)

# %% [markdown]
# ## 3 Backwards: the weights
#
# Because $y = \mathrm{cols}\,W$ is a matrix product, we know its gradients from lesson 1. With
# $dy$ as a matrix of shape $(N P Q, C_\mathrm{out})$,
#
# $$dW = \mathrm{cols}^\top dy, \qquad d\mathrm{cols} = dy\; W^\top, \qquad
# db = \sum_{npq} dy_{npq} .$$

# %%
from minilocal.course.products import draw_products

products = {
    "forward": "cols (NPQ, kkC) · $W$ (kkC, O) = $y$ (NPQ, O)",
    "weights": "$\\mathrm{cols}^\\top$ (kkC, NPQ) · $dy$ (NPQ, O) = $dW$ (kkC, O)",
    "input": "$dy$ (NPQ, O) · $W^\\top$ (O, kkC) = $d\\mathrm{cols}$ (NPQ, kkC)",
}
show(draw_products(products, lengths={"NPQ": 2.8, "kkC": 1.6, "O": 1.2}), 3)

# %%
dy = rng.standard_normal(y.shape)
dy_matrix = dy.reshape(-1, 4)
dW = (cols.T @ dy_matrix).reshape(w.shape)
dcols = dy_matrix @ w.reshape(-1, 4).T
print("dW", dW.shape, "  dcols", dcols.shape)

# %% [markdown]
# One weight is used at every place of every image, so its gradient is a sum over all of them: the
# product $\mathrm{cols}^\top dy$ runs over $N P Q$. The layer doesn't keep the columns for this.
# It keeps $x$, which is nine times smaller, and makes them again.
#
# ## 4 Backwards: the image
#
# $d\mathrm{cols}$ is the gradient of the *columns*. We want the image's. Forward copied each pixel
# into several rows, and a change of the pixel changes all of these copies. By the chain rule,
# their gradients **add up**:
#
# $$dx_{nhwc} = \sum_{\text{entries of cols that are copies of } x_{nhwc}} d\mathrm{cols} .$$
#
# So go through the same slices as in im2col. Where it copied from the image to the rows, add from
# the rows to the image. This is **col2im**:


# %%
def col2im(cols, shape, k, stride, padding):
    N, H, W, C = shape
    P = (H + 2 * padding - k) // stride + 1
    Q = (W + 2 * padding - k) // stride + 1
    cols = cols.reshape(N, P, Q, k, k, C)
    padded = np.zeros((N, H + 2 * padding, W + 2 * padding, C))
    for i in range(k):
        for j in range(k):
            rows = slice(i, i + stride * P, stride)
            columns = slice(j, j + stride * Q, stride)
            padded[:, rows, columns] += cols[:, :, :, i, j]  # im2col has "=" the other way round
    return padded[:, padding : padding + H, padding : padding + W]  # without the border


dx = col2im(dcols, x.shape, 3, 1, 1)

layer = ml.Conv2d(3, 4, bias=True, method="im2col", rng=0, dtype=np.float64)
layer.params["weight"][...] = w
layer.forward(x, training=True)
dx_library = layer.backward(dy)
worst = max(
    abs(dW - layer.grads["weight"]).max(),
    abs(dy.sum(axis=(0, 1, 2)) - layer.grads["bias"]).max(),
    abs(dx - dx_library).max(),
)
check("our three gradients are the library's", worst < 1e-12, f"largest difference {worst:.0e}")

# %% [markdown]
# How often does col2im add to each pixel? Give it columns full of ones:

# %%
tables = {}
for k, stride, padding in ((3, 1, 1), (3, 2, 1), (2, 2, 0)):
    ones = np.ones_like(im2col(np.zeros((1, 8, 8, 1)), k, stride, padding))
    times = col2im(ones, (1, 8, 8, 1), k, stride, padding)[0, :, :, 0].astype(int)
    tables[f"k = {k}, stride {stride}, padding {padding}"] = times / 9, times
show(draw_tables(tables), 4)

# %% [markdown]
# > **Question.** In the right grid every pixel is in exactly one row. Which layer, found in nearly
# > every convolutional network, has such windows?
#
# im2col is a *linear* map, from images to columns: it only copies. A linear map is a (huge) matrix
# $M$, and its gradient is $M^\top$. col2im must be that transpose, and there is a test for it that
# needs no $M$: for all $x$ and $c$,
#
# $$\langle \mathrm{im2col}(x),\, c \rangle = \langle x,\, \mathrm{col2im}(c) \rangle .$$

# %%
c = rng.standard_normal(cols.shape)
left, right = np.sum(cols * c), np.sum(x * col2im(c, x.shape, 3, 1, 1))
print(f"⟨im2col(x), c⟩ = {left:.12f}")
print(f"⟨x, col2im(c)⟩ = {right:.12f}")
check("col2im is im2col's transpose", abs(left - right) < 1e-10, f"{abs(left - right):.0e}")

# %% [markdown]
# ## 5 Ask the loss again
#
# Our witness from lesson 1, central differences, judges all kinds of windows and every method of
# computing them. `ml.check_layer` takes the loss $L = \sum r\,y$ with random numbers $r$, so that
# $dy = r$, and checks every parameter and $x$:

# %%
cases = {
    "3×3": (ml.Conv2d(3, 4, rng=1, method="im2col", dtype=np.float64), x),
    "3×3, bias": (ml.Conv2d(3, 4, bias=True, rng=2, method="im2col", dtype=np.float64), x),
    "3×3, stride 2": (ml.Conv2d(3, 4, stride=2, rng=3, dtype=np.float64), x),
    "5×5, padding 2": (ml.Conv2d(3, 4, kernel=5, padding=2, rng=4, dtype=np.float64), x),
    "1×1": (ml.Conv2d(3, 4, kernel=1, padding=0, rng=5, dtype=np.float64), x),
}
for number, method in enumerate(METHODS, 6):
    layer = ml.Conv2d(8, 8, rng=number, method=method, dtype=np.float64)
    assert layer.method(x8.shape[1:]) is METHODS[method]
    cases[f"3×3, {method}"] = layer, x8
results = []
for name, (layer, images) in cases.items():
    rows = list(ml.check_layer(name, layer, images, entries=sized(20, 5)))
    results += rows
    print(f"{name:<16}" + "   ".join(f"{row.argument} {row.worst:.0e}" for row in rows))
check(
    "all gradients of convolutions agree with central differences",
    all(row.passed(1e-6) for row in results),
    f"worst error {max(row.worst for row in results):.1e}",
)

# %% [markdown]
# Here is the library's layer. `self.method(...)` picks the file that computes the products. Find
# the four lines that you now know: `forward`, `weight_gradient`, the bias, and `input_gradient`,
# after the words `if not need_dx`.

# %%
source(ml.Conv2d.forward, ml.Conv2d.backward)

# %% [markdown]
# Those words matter. Forward, weight gradient and input gradient cost the same number of MACs, so
# a layer in the middle of a network costs $3m$ per training step if forward costs $m$. The first
# layer of a network costs $2m$: nobody asks for the gradient of the images. And the first layer of
# *every block* of a locally trained network costs $2m$ as well. That is a third of the work of
# each such layer, and it is all that local learning saves in MACs. Lesson 8 counts it for whole
# networks.
#
# ## 6 Does it see more?
#
# Put a convolution before lesson 1's linear layer: sixteen 5×5 patterns with stride 2, a ReLU that
# cuts off negative values, and a max-pool that keeps the largest value of each 2×2 window (lesson
# 3 explains both). The result is $8 \times 8 \times 16 = 1024$ numbers, so the linear layer has
# exactly the size that it had in lesson 1.

# %%
model = ml.Sequential(
    conv=ml.Conv2d(1, 16, kernel=5, stride=2, padding=2, bias=True, rng=0),
    relu=ml.ReLU(),
    pool=ml.MaxPool2d(2),
    flatten=ml.Flatten(),
    linear=ml.Linear(1024, 10, rng=1),
)
optimizer = ml.SGD(lr=0.05, momentum=0.9, weight_decay=0)
losses, epochs = [], sized(10, 3)
for epoch in range(epochs):
    optimizer.lr = ml.learning_rate("cosine", 0.05, epoch, epochs)  # large steps first, small last
    for images, labels in ml.training_batches(
        data.train, 128, seed=0, epoch=epoch, crop=False, flip=False
    ):
        logits = model.forward(images, training=True)
        loss, dlogits = ml.softmax_cross_entropy(logits, labels)
        model.backward(dlogits, need_dx=False)
        optimizer.update(model)
        losses.append(loss)

mean, std = data.train.normalisation.mean, data.train.normalisation.std
x_test = ((data.test.pixels - mean) / std).astype(np.float32)
accuracy = np.mean(model.forward(x_test).argmax(axis=1) == data.test.labels)
print(f"{len(losses)} steps: loss from {losses[0]:.2f} to {np.mean(losses[-20:]):.2f}")
check(
    "with a convolution the network sees more",
    accuracy > sized(0.85, 0.5),
    f"test accuracy {accuracy:.1%}; lesson 1 had 84.0% without",
)

# %%
normalised = ((boot * 255 - mean) / std).astype(np.float32)
maps = model.layers["relu"].forward(model.layers["conv"].forward(normalised))
show(draw_images({f"pattern {o + 1}": maps[0, :, :, o] for o in range(16)}, rows=2), 5)

# %% [markdown]
# ## Summary
#
# * A convolution compares one small pattern with every place. It has few weights, much work
#   ($P Q k k C_\mathrm{in} C_\mathrm{out}$ MACs), and commutes with shifts.
# * im2col writes each patch as a row; then $y = \mathrm{cols}\,W$. The columns are up to $k k$
#   times as large as the image, so they are made in chunks and never stored.
# * $dW = \mathrm{cols}^\top dy$, $db = \sum dy$, and $dx = \mathrm{col2im}(dy\,W^\top)$. col2im is
#   im2col's transpose: where one copies, the other adds.
# * Forward, $dW$ and $dx$ cost the same. A layer that hands no gradient back saves a third.
#
# ## Exercises
#
# **1 (easy).** A convolution has 5×5 kernels, stride 2, padding 2, 3 input and 32 output channels.
# Its images are 28×28. Work out on paper: the output's shape, the number of weights, and the MACs
# per image. Then check with `ml.Conv2d(...).output_shape`, `.params` and `.macs`. Which padding
# would keep the output at half the size for a 7×7 kernel?

# %%
# Your answer to exercise 1

# %% [markdown]
# **2 (medium).** At stride 1, $dx$ is itself a convolution: of $dy$, with each kernel rotated by
# 180° and the roles of $C_\mathrm{in}$ and $C_\mathrm{out}$ exchanged. Derive this from the
# equation of section 1, and confirm it: compute $dx$ of section 4 with `conv_loops` alone. Which
# padding do you need? Why does this not work at stride 2?

# %%
# Your answer to exercise 2

# %% [markdown]
# **3 (hard).** A *depthwise* convolution has one $k \times k$ kernel per channel and does not mix
# channels:
#
# $$y_{npqc} = \sum_{ij} x_{n,\,p+i-\mathrm{pad},\,q+j-\mathrm{pad},\,c}\; w_{ijc} .$$
#
# Write a subclass of `ml.Layer` for it, with `forward` and `backward` (im2col and col2im help; the
# matrix product becomes `np.einsum`), and pass `ml.check_layer`. Compare its MACs and
# weights with those of a full convolution of 64 channels. How would you let its channels talk to
# each other cheaply?

# %%
# Your answer to exercise 3

# %% [markdown]
# *Lab:* [dilated.py](labs/dilated.py), a dilated depthwise convolution:
# a function to fill in and have checked.
#
# *Next:* [Lesson 3](03_batchnorm_relu_dropout_pooling.ipynb), what comes between two convolutions:
# BatchNorm, ReLU, dropout and pooling, by hand.
