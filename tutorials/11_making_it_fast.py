# %% [markdown]
# # Lesson 11: Making it fast
#
# The same convolution can take a minute or a millisecond. This lesson climbs that ladder with one
# layer: loops in Python, the same loops compiled, one matrix product, Winograd's trick, and in the
# end a whole training step in which everything else is made cheap too. Each rung is measured, each
# gives the same numbers, and each teaches one thing about computers: what an interpreter costs, why
# the order of loops matters, what caches and registers are for, that the best operation is the one
# you leave out, and that memory is often slower than arithmetic.
#
# **Learning goals.** After this lesson you can
#
# * time a piece of code so that you can trust the number, and say what a machine could do at best;
# * say why compiled loops in the wrong order are slow, and why a matrix product is fast;
# * explain Winograd's convolution F(4×4, 3×3): what is transformed, what is multiplied, what it
#   saves and what it costs in accuracy;
# * read a roofline, and say where the ratio between minilocal and PyTorch comes from;
# * count how often a layer passes over memory, and fuse layers that wait for memory;
# * find out which part of a training step is worth your work.
#
# *You need:* lesson 2 (convolution, im2col) and lesson 3 (BatchNorm, ReLU, dropout), or this recap.
# A convolution with 3×3 kernels and padding 1 computes
#
# $$y_{npqo} = \sum_{i,j,c} x_{n,\,p+i-1,\,q+j-1,\,c}\; w_{ijco},$$
#
# $N \cdot P \cdot Q \cdot 9 \cdot C_\mathrm{in} C_\mathrm{out}$ multiply-adds (MACs) for $N$ images
# of $P \times Q$ pixels. *im2col* writes the 3×3 patch of every pixel into a row of a matrix, so
# that $y = \mathrm{cols}\cdot W$ is one matrix product. *Time:* 45 minutes to read, a minute to
# run. Symbols are those of [reference.md](reference.md).

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
import time

import matplotlib.pyplot as plt
import numba
import numpy as np

import minilocal as ml
from minilocal.compute import parallel, vectors
from minilocal.course import check, figures, sized, source
from minilocal.layers import im2col, winograd

show = figures(11)

# %% [markdown]
# ## 1 How to measure, and how fast it could be
#
# A single timing is worth little. The first call compiles, loads and warms up; other programs get
# in between; clocks go up and down. All of that makes code slower, and nothing makes it faster than
# it is. So call it once before you time it, time it many times, and take the *minimum*. And if you
# compare two things, time them *alternately*, so that a busy second hits both.


# %%
ENOUGH = sized(0.3, 0.05)  # seconds of repeating


def least_seconds(run):
    """Return the seconds of the fastest of many calls, after one to warm up."""
    run()
    taken = []
    while len(taken) < 3 or sum(taken) < ENOUGH:
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return min(taken)


def alternately(runs, rounds=5):
    """Return the least seconds of each of several named calls, timed in turn."""
    taken = [{name: least_seconds(run) for name, run in runs.items()} for _ in range(rounds)]
    return {name: min(seconds[name] for seconds in taken) for name in runs}


# %% [markdown]
# Times mean more beside what the machine could do. Two numbers bound everything that follows: how
# many multiply-adds per second its matrix product does, and how many bytes per second it can copy.
# **All times here are those of the machine that ran this notebook.** Run it on yours: the numbers
# will differ, the ladder will look much the same.

# %%
rng = np.random.default_rng(0)
threads = parallel.get_threads()
side = sized(1024, 256)
a, b = rng.standard_normal((2, side, side), np.float32)


def product():
    parallel.matmul(a, b)


big = np.zeros(sized(64, 1) << 20, np.float32)  # more than the caches hold
copy = np.empty_like(big)


def copy_all():
    parallel.run(lambda s: np.copyto(copy[s], big[s]), parallel.chunks(big.size, 4))


peak = side**3 / least_seconds(product)
bandwidth = 2 * big.nbytes / least_seconds(copy_all)  # read once, written once

print(f"{threads} threads")
print(f"matrix product  {peak / 1e9:6.0f} billion multiply-adds a second")
print(f"copying         {bandwidth / 1e9:6.0f} billion bytes a second")
print(f"multiply-adds while one float32 is copied: {8 * peak / bandwidth:.0f}")

# %% [markdown]
# The last line is the most important number of this lesson: how often the processor could have
# multiplied and added in the time that it takes to bring one float from memory and back. Arithmetic
# is cheap; moving numbers is not.
#
# Our layer comes from a VGG network: 64 channels to 64, on maps of 16×16.

# %%
images, pixels, channels = sized(128, 8), 16, sized(64, 32)
layer = ml.Conv2d(channels, channels, rng=1)
w = layer.params["weight"]
x = rng.standard_normal((images, pixels, pixels, channels), np.float32)
padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
macs = images * layer.macs(x.shape[1:])
reference = im2col.forward(x.astype(np.float64), w.astype(np.float64), 1, 1)
print(f"{images} images: {macs / 1e6:,.0f} million multiply-adds")

# nanoseconds per multiply-add, by rung of the ladder
ladder = {}


def measured(name, run, macs=macs):
    """Time run(), note it as a rung of the ladder, and print its share of the peak."""
    seconds = least_seconds(run)
    ladder[name] = 1e9 * seconds / macs
    share = macs / seconds / peak
    print(f"{name:<34}{1e3 * seconds:>8.2f} ms {share:>9.3%} of the matrix product's rate")


# %% [markdown]
# ## 2 Loops in Python
#
# Here is the equation as it stands: six loops, and a seventh over the images. We run it on one
# small image, because we want to be done today. `padded` is the image in a border of zeros.


# %%
def loops(padded, w, y):
    """Add the convolution of padded (N, H+2, W+2, C_in) with w (3, 3, C_in, C_out) to y."""
    for n in range(y.shape[0]):
        for p in range(y.shape[1]):
            for q in range(y.shape[2]):
                for o in range(y.shape[3]):
                    for i in range(3):
                        for j in range(3):
                            for c in range(padded.shape[3]):
                                y[n, p, q, o] += padded[n, p + i, q + j, c] * w[i, j, c, o]


few = 8  # rows, columns and channels
small, small_w = padded[:1, : few + 2, : few + 2, :few].copy(), w[:, :, :few, :few].copy()
small_y = np.zeros((1, few, few, few), np.float32)
small_macs = few**4 * 9
measured("loops in Python", lambda: loops(small, small_w, small_y), small_macs)

small_y[:] = 0
loops(small, small_w, small_y)
cut = small[:, 1:-1, 1:-1].astype(np.float64)  # the library does its own padding; compare inside
inside = im2col.forward(cut, small_w.astype(np.float64), 1, 1)[:, 1:-1, 1:-1]
error = abs(small_y[:, 1:-1, 1:-1] - inside).max()
check("the loops compute a convolution", error < 1e-5, f"largest difference {error:.0e}")

# %% [markdown]
# How bad is that? By the formulas of lesson 8, a training step of VGG-16 on 128 images takes this
# many multiply-adds:

# %%
step_macs = 128 * ml.algorithm_costs(ml.CONFIGS["vgg16"], "BP").macs
hours = ladder["loops in Python"] * step_macs / 1e9 / 3600
print(f"one step: {step_macs / 1e9:.0f} billion multiply-adds")
print(f"by loops in Python                {hours:8,.1f} hours")
print(f"at the matrix product's rate      {step_macs / peak:8,.1f} seconds")

# %% [markdown]
# Where does the time go? For one multiplication Python fetches two arrays, checks four indices for
# each, wraps two numbers into objects, looks up what `*` means for them, makes a third object, and
# throws all of them away. The multiplication itself takes well under a nanosecond.
#
# ## 3 The same loops, compiled
#
# Numba reads the function's bytecode, sees at the first call which types its arguments have, and
# compiles it to machine code: no objects, no look-ups. The source does not change at all. That is
# how all kernels of minilocal are made. Look at one:

# %%
from minilocal import kernels

source(kernels.im2col.im2col.py_func)  # the Python function behind the compiled one

# %%
compiled = numba.njit(nogil=True, error_model="numpy")(loops)
y = np.zeros((images, pixels, pixels, channels), np.float32)

start = time.perf_counter()
compiled(small, small_w, small_y)
print(f"compiling took {time.perf_counter() - start:.1f} s, once")
measured("compiled", lambda: compiled(padded, w, y))

# %% [markdown]
# A hundred times faster or more, for one line. But look at the last column: the machine could do
# far better. Two things are wrong, and the first is the *order of the loops*. Memory is a line of
# numbers, and `w[i, j, c, o]` lies in it like this:
#
#     w[0,0,0,0] w[0,0,0,1] w[0,0,0,2] ... w[0,0,0,63] w[0,0,1,0] w[0,0,1,1] ...
#          o = 0      o = 1      o = 2          o = 63      c = 1, o = 0 again
#
# Our innermost loop runs over $c$ and so jumps by 64 numbers each time. And it adds everything to
# one number, `y[n, p, q, o]`, so that each addition waits for the one before. Let the innermost
# loop run over $o$ instead: neighbours in memory, all independent of each other. A processor has
# instructions that multiply and add 8 or 16 neighbours at once, and now the compiler uses them.


# %%
@numba.njit(nogil=True, error_model="numpy")
def reordered(padded, w, y):
    for n in range(y.shape[0]):
        for p in range(y.shape[1]):
            for q in range(y.shape[2]):
                for i in range(3):
                    for j in range(3):
                        for c in range(padded.shape[3]):
                            value = padded[n, p + i, q + j, c]
                            for o in range(y.shape[3]):  # neighbours, and no waiting
                                y[n, p, q, o] += value * w[i, j, c, o]


reordered(small, small_w, small_y)
measured("compiled, loops in a better order", lambda: reordered(padded, w, y))

# %% [markdown]
# The second thing: one thread works and the others watch. Images are independent, so
# [parallel.py](../minilocal/compute/parallel.py) cuts the batch into chunks, and each thread takes
# the next chunk as soon as it is free. That works because compiled kernels release Python's lock
# (`nogil`), and the result does not depend on which thread took which chunk.

# %%
chunks = parallel.image_chunks(images, padded[:1].nbytes)


def threaded():
    parallel.run(lambda s: reordered(padded[s], w, y[s]), chunks)


measured(f"the same on {threads} threads", threaded)

y[:] = 0
threaded()
error = abs(y - reference).max() / abs(reference).max()
check("compiled loops give the library's convolution", error < 1e-4, f"relative error {error:.0e}")

# %% [markdown]
# ## 4 One matrix product
#
# What keeps these loops from the peak? Count what they move. For each multiply-add they read `w`,
# read `y` and write `y`: three accesses for one operation. A good matrix product does it the other
# way round: it loads a small block of each matrix into registers and caches and multiplies
# everything with everything there. Two blocks of $n \times n$ numbers take $2n^2$ loads and give
# $n^3$ multiply-adds. Specialists have tuned that for every processor; NumPy's `@` calls their
# library (BLAS). im2col turns a convolution into such a product:

# %%
source(im2col.forward)

# %% [markdown]
# Two lines do the work, `_columns` and `np.matmul`. Everything around them makes sure that the
# columns, nine times as large as the image, are made and used up chunk by chunk, while they are
# still in the cache. What that is worth depends on the machine's caches. For comparison, we also
# make all columns at once:

# %%
matrix = w.reshape(-1, channels)


def all_at_once():
    shape = (images, pixels, pixels, 3, 3 * channels)
    cols = np.empty(shape, np.float32)
    kernels.im2col.im2col(x.reshape(images, pixels, -1), cols, 3, 1, 1)
    return cols.reshape(-1, 9 * channels) @ matrix


measured("im2col at once, and @", all_at_once)
measured("im2col by chunks, and @", lambda: im2col.forward(x, w, 1, 1))

error = abs(im2col.forward(x, w, 1, 1) - reference).max() / abs(reference).max()
check("float32 rounding of one matrix product", error < 1e-5, f"relative error {error:.0e}")

# %% [markdown]
# ## 5 Fewer multiplications
#
# Now the rate is near the peak. To get faster we must do *less*. Take one dimension and a kernel
# with three *taps*, $g_0$, $g_1$ and $g_2$. Two outputs from four inputs,
#
# $$y_0 = d_0 g_0 + d_1 g_1 + d_2 g_2, \qquad y_1 = d_1 g_0 + d_2 g_1 + d_3 g_2,$$
#
# are six multiplications. S. Winograd found that four are enough:
#
# $$m_1 = (d_0 - d_2)\,g_0, \quad m_2 = (d_1 + d_2)\tfrac{g_0 + g_1 + g_2}{2}, \quad
# m_3 = (d_2 - d_1)\tfrac{g_0 - g_1 + g_2}{2}, \quad m_4 = (d_1 - d_3)\,g_2,$$
#
# $$y_0 = m_1 + m_2 + m_3, \qquad y_1 = m_2 - m_3 - m_4 .$$
#
# > **Question.** Check $y_0$ by hand. And where do the additions go: are they not work too?

# %%
d, g = rng.standard_normal(4), rng.standard_normal(3)
m1 = (d[0] - d[2]) * g[0]
m2 = (d[1] + d[2]) * (g[0] + g[1] + g[2]) / 2
m3 = (d[2] - d[1]) * (g[0] - g[1] + g[2]) / 2
m4 = (d[1] - d[3]) * g[2]
error = abs(np.array([m1 + m2 + m3, m2 - m3 - m4]) - [d[:3] @ g, d[1:] @ g]).max()
check("four multiplications give two outputs of three taps", error < 1e-14, f"{error:.0e}")

# %% [markdown]
# The additions are work too, but little: what is done to $d$ is done once per *input channel* and
# used for all output channels; what is done to $g$, once per kernel and used for all tiles; and the
# last line once per output channel. Only the multiplications happen for every pair of channels.
#
# minilocal uses the larger F(4×4, 3×3) of Lavin and Gray (2016). In one dimension four outputs take
# six multiplications instead of twelve; in two dimensions $4 \cdot 4 = 16$ outputs take
# $6 \cdot 6 = 36$ instead of $9 \cdot 16 = 144$. As matrices:
#
# $$\text{tile} = A^\top \big[ (B^\top d\,B) \odot (G\,g\,G^\top) \big] A .$$

# %%
from minilocal.course.tiles import draw_tiles

show(draw_tiles(), 1)

# %%
matrices = kernels.winograd
BT, G, AT = (np.array(matrix) for matrix in (matrices.BT, matrices.G, matrices.AT))
print(f"Bᵀ =\n{BT}\n\n24·G =\n{(24 * G).round().astype(int)}\n\nAᵀ =\n{AT}\n")

d, g = rng.standard_normal((6, 6)), rng.standard_normal((3, 3))
tile = AT @ ((BT @ d @ BT.T) * (G @ g @ G.T)) @ AT.T
plain = im2col.forward(d[None, :, :, None], g[:, :, None, None], 1, 0)[0, :, :, 0]
error = abs(tile - plain).max()
check("36 multiplications give a 4×4 tile", error < 1e-12, f"difference {error:.0e}")
print(f"multiplications per output: {36 / 16} instead of 9, {9 / (36 / 16):.0f} times fewer")

# %% [markdown]
# (The matrices come from seeing a convolution as a product of polynomials, evaluated at the points
# 0, 1, −1, 2, −2 and ∞. The header of [kernels/winograd.py](../minilocal/kernels/winograd.py) says
# more.)
#
# At each of the 36 points, multiplying and summing over the channels is a product of two matrices,
# (tiles × $C_\mathrm{in}$) times ($C_\mathrm{in}$ × $C_\mathrm{out}$), and the transforms around
# them only add and multiply by small constants. But mind the memory: the points are more than twice
# as many numbers as the maps. So the kernel takes a few rows of tiles, turns their patches into
# points, multiplies, turns the results into tiles, and only then goes on to the next rows:

# %%
source(kernels.winograd.convolve)

tile_bytes = 36 * 2 * channels * x.itemsize  # the points of a tile: v of its input, m of its output
tiles = images * (pixels // 4) ** 2
print(f"points of {winograd.GROUP_TILES} tiles {winograd.GROUP_TILES * tile_bytes / 1e6:6.1f} MB")
print(f"points of all tiles{tiles * tile_bytes / 1e6:6.1f} MB")

# %% [markdown]
# A few tiles' points stay in the cache of one processor core. Their matrix products are small, and
# `_product` does them without BLAS. How can it keep up? In section 3 the compiler found vector
# instructions for our loop, but each sum still came from memory and went back for every
# multiply-add. A core has 16 or 32 *vector registers*, of 8 or 16 float32 numbers each, and what is
# in a register can be had at once. In C one would now write instructions by name. For kernels in
# Python, [compute/vectors.py](../minilocal/compute/vectors.py) has a few functions that Numba turns
# into vector instructions, and a vector is a value like any other:

# %%
source(kernels.winograd._product)

# %% [markdown]
# `sums` are eight vectors, one per tile, and hold neighbouring output channels. In the innermost
# loop, one vector of weights is loaded and used eight times, and nothing is stored. Why eight? A
# multiply-add takes about four cycles, and many cores can begin two in each cycle: eight sums that
# don't wait for each other keep them busy. Here is the same product in plain loops,
# for which we can only *hope* that the compiler finds all that:


# %%
@numba.njit(nogil=True, error_model="numpy")
def hopeful(v, u, m):
    for t in range(v.shape[0]):
        for o in range(u.shape[1]):
            m[t, o] = 0
        for c in range(v.shape[1]):
            for o in range(u.shape[1]):
                m[t, o] += v[t, c] * u[c, o]


lanes = vectors.lanes(channels)
width, count = len(lanes), winograd.GROUP_TILES
v, m = rng.standard_normal((2, count, kernels.winograd.STEP, channels), np.float32)
u = rng.standard_normal((channels, channels), np.float32)
in_order = u.reshape(channels, -1, width).swapaxes(0, 1).ravel()  # as `_product` reads it
arrays = v.reshape(-1), in_order, m.reshape(-1), 0, count, channels, channels, lanes
first_v, first_m = v[:, 0].copy(), m[:, 0].copy()  # one point alone, in one piece of memory
least = alternately(
    {
        "hopeful": lambda: hopeful(first_v, u, first_m),
        "explicit": lambda: kernels.winograd._product(*arrays),
    }
)
error = max(abs(result - first_v @ u).max() for result in (first_m, m[:, 0]))
for name, seconds in least.items():
    print(f"{name:<9}{count * channels**2 / seconds / 1e9:>6.0f} billion multiply-adds a second")
gain = least["hopeful"] / least["explicit"]
check("explicit vectors are faster", gain > sized(1.5, 0), f"{gain:.1f}× with {width} lanes")
check("both are a matrix product", error < 1e-4, f"difference {error:.0e}")

# %%
measured("Winograd", lambda: winograd.forward(x, w, 1, 1))
error = abs(winograd.forward(x, w, 1, 1) - reference).max() / abs(reference).max()
check("Winograd gives the same convolution", error < 1e-4, f"relative error {error:.0e}")

# %% [markdown]
# If the rate is above 100 %, don't worry: it counts the multiply-adds of the *definition*, and
# Winograd does only a quarter of them. The price is accuracy. Adding and subtracting numbers with
# factors up to 8 loses about one digit; for training that does not matter.
#
# And gradients? Pixel $x_{nhwc}$ is in the windows of nine output pixels, so
#
# $$dx_{nhwc} = \sum_{i,j,o} dy_{n,\,h-i+1,\,w-j+1,\,o}\; w_{ijco}
#            = \sum_{i,j,o} dy_{n,\,h+i-1,\,w+j-1,\,o}\; w_{2-i,\,2-j,\,c\,o} .$$
#
# That is a *convolution of $dy$*, with each kernel turned by 180° and the channels exchanged. So
# the fast kernel does this one too. Only the weight gradient needs the transposed transforms,
# $dg = G^\top \big[ \sum_\text{tiles} (B^\top d\,B) \odot (A\,dy\,A^\top) \big] G$.

# %%
source(winograd.input_gradient, winograd.turned)

# %%
dy = rng.standard_normal(y.shape, np.float32)
dw, dw_winograd = np.empty_like(w), np.empty_like(w)
im2col.weight_gradient(x, dy, dw, 1, 1)
winograd.weight_gradient(x, dy, dw_winograd, 1, 1)
dx, dx_winograd = (method.input_gradient(dy, w, x.shape, 1, 1) for method in (im2col, winograd))
turned = w[::-1, ::-1].swapaxes(2, 3)
error = abs(im2col.forward(dy, turned, 1, 1) - dx).max() / abs(dx).max()
check("dx is a convolution of dy", error < 1e-5, f"relative difference {error:.0e}")
worst = max(
    abs(dw - dw_winograd).max() / abs(dw).max(), abs(dx - dx_winograd).max() / abs(dx).max()
)
check("Winograd gives the same gradients", worst < 1e-4, f"relative difference {worst:.0e}")

# %%
figure, axis = plt.subplots(figsize=(7.5, 3.4))
names, times = list(ladder), list(ladder.values())
bars = axis.barh(names, times, color="#A5A5A5", edgecolor="#333333")
bars[0].set_hatch("//")
for name, value in ladder.items():
    digits = 0 if value >= 10 else 2 if value >= 0.1 else 3
    text = axis.text(value * 1.15, name, f"{value:.{digits}f} ns", va="center", fontsize=9)
    text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.6})
axis.axvline(1e9 / peak, color="#333333", linestyle=":")
axis.text(1e9 / peak, len(names), " the matrix product's rate", va="center", fontsize=9)
axis.set(xscale="log", xlabel="nanoseconds per multiply-add of the definition")
axis.set(xlim=(min(times) / 3, max(times) * 6), ylim=(-0.7, len(names) + 0.5))
axis.invert_yaxis()
show(figure, 2)

# %% [markdown]
# The times differ from machine to machine and from day to day; these statements should not:

# %%
python, one = ladder["loops in Python"], ladder["compiled"]
blas, best = ladder["im2col by chunks, and @"], ladder["Winograd"]
check("compiling makes loops 30 times faster or more", python > 30 * one, f"{python / one:,.0f}×")
check(
    "a matrix product is twice as fast as compiled loops, or more",
    one > sized(2, 0.2) * blas,
    f"{one / blas:,.0f}×",
)
check(
    "from Python to Winograd: a thousand times or more",
    python > sized(1000, 30) * best,
    f"{python / best:,.0f}×",
)

# %% [markdown]
# ## 6 Wide and narrow layers, and the ratio to PyTorch
#
# Layers differ in how much they compute with what they move. The *arithmetic intensity* of a layer
# is its multiply-adds per byte of $x$, $w$ and $y$, which have to cross from or to memory at least
# once. A machine can do no more than its multiply-adds per second, and no more than its bytes per
# second times the intensity. Drawn over the intensity, these two limits look like a roof: this is
# the **roofline**. Below it we put three layers, each computed by the methods that apply.
#
# One of them sees images. With 3 input channels im2col would write and read 27 numbers per pixel
# for a few multiplications each, and Winograd's vectors of input channels can't be filled. So a
# third method, in [kernels/direct.py](../minilocal/kernels/direct.py), takes the definition as it
# stands, without columns or points: eight neighbouring pixels of the output grow side by side in
# registers, each a vector of output channels, as the tiles did above.

# %%
from functools import partial

from minilocal.layers.conv import METHODS

some = sized(512, 8)  # images
wide = sized(256, 64)
layers = {  # size of the maps, input and output channels, methods
    "image": (32, 3, 16, ("im2col", "direct")),
    "narrow": (32, 16, 16, ("im2col", "winograd")),
    "wide": (8, wide, wide, ("im2col", "winograd")),
}
work, intensity, runs = {}, {}, {"product": product, "copy": copy_all}
for name, (size, c_in, c_out, methods) in layers.items():
    weight = ml.Conv2d(c_in, c_out, rng=1).params["weight"]
    maps = rng.standard_normal((some, size, size, c_in), np.float32)
    work[name] = some * size**2 * weight.size
    intensity[name] = work[name] / (4 * (maps.size + weight.size + some * size**2 * c_out))
    for method in methods:
        runs[name, method] = partial(METHODS[method].forward, maps, weight, 1, 1)

seconds = alternately(runs, rounds=sized(3, 1))  # both roofs too, in the same minute
flat, slope = side**3 / seconds.pop("product"), 2 * big.nbytes / seconds.pop("copy")
rate = {(name, method): work[name] / taken for (name, method), taken in seconds.items()}
share = {key: r / min(flat, slope * intensity[key[0]]) for key, r in rate.items()}
print("layer, method       multiply-adds per byte   billions a second   of the roof")
for name, method in rate:
    label = f"{name}, {method}"
    print(f"{label:<20}{intensity[name]:>22.0f}{rate[name, method] / 1e9:>20.0f}", end="")
    print(f"{share[name, method]:>14.0%}")

# %%
figure, axis = plt.subplots(figsize=(7.5, 3.8))
span = np.geomspace(0.2, 1000, 200)
for times, dashes, label in ((1, "-", "memory, matrix product"), (4, ":", "a quarter to multiply")):
    roof = np.minimum(times * flat, span * slope) / 1e9
    axis.plot(span, roof, color="#333333", linestyle=dashes, label=label)
looks = {"im2col": ("o", "white"), "winograd": ("s", "#333333"), "direct": ("^", "#A5A5A5")}
for method, (marker, face) in looks.items():
    points = [(intensity[name], r / 1e9) for (name, one), r in rate.items() if one == method]
    look = {"marker": marker, "markerfacecolor": face, "markeredgecolor": "#333333"}
    axis.plot(*zip(*points, strict=True), linestyle="", markersize=8, label=method, **look)
lowest = min(rate.values()) / 1e9
for name, (_, c_in, c_out, _) in layers.items():
    text = f"{name}\n{c_in} → {c_out}"
    axis.text(intensity[name], lowest / 1.5, text, ha="center", va="top", fontsize=9)
axis.set(xscale="log", yscale="log", xlim=(0.2, 1000), ylim=(lowest / 4, 6 * flat / 1e9))
axis.xaxis.set_major_formatter("{x:g}")
axis.yaxis.set_major_formatter("{x:g}")
axis.yaxis.set_minor_formatter("")
axis.set(xlabel="multiply-adds of the definition per byte of x, w and y")
axis.set(ylabel="billion multiply-adds a second")
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=9)
show(figure, 3)

# %%
for name, faster in (("image", "direct"), ("narrow", "winograd"), ("wide", "winograd")):
    gain = rate[name, faster] / rate[name, "im2col"]
    check(f"{name} layer: {faster} is faster than im2col", gain > sized(1, 0), f"{gain:.1f}×")
for method in ("im2col", "winograd"):
    gain = share["wide", method] / share["narrow", method]
    claim = f"{method} gets nearer to the roof in the wide layer than in the narrow one"
    check(claim, gain > sized(1, 0), f"{gain:.1f}×")

# %% [markdown]
# What does the picture say? Winograd's points have a roof of their own, four times as high, because
# they take a quarter of the multiplications, and they make most of it where layers are wide. Narrow
# layers stay further below their roof, by either method, for a reason that is not in it: the
# numbers that a method makes for itself in the cache. With $C$ channels in and out, each number in
# im2col's columns serves only $C$ multiply-adds, each of Winograd's points
# $144\,C^2 / (36 \cdot 2\,C) = 2\,C$.
#
# PyTorch computes convolutions on a CPU with Intel's oneDNN. Its kernels hold sums in vector
# registers too, generated for the processor at hand, for every shape. But its float32 convolutions
# are *direct*: they do all multiply-adds of the definition. (oneDNN has Winograd's method for
# programs that ask for it. PyTorch doesn't: with the environment variable `ONEDNN_VERBOSE=1` it
# prints `alg:convolution_direct` for each convolution.) We need a quarter of the multiplications.
# The transforms take part of that gain away, a larger part the fewer channels there are, and what
# else a step does gains nothing from it. What remains is the ratio that
# `python -m minilocal.bench --against torch` prints.
#
# ## 7 What waits for memory
#
# With convolutions this fast, the rest of a layer begins to count. Batch normalisation, ReLU and
# dropout do a handful of operations per number. According to section 1, they spend much of their
# time waiting for memory, and what matters is how often they pass over it. Count the passes: for
# the three layers one after the other ($a$ and $b$ are the arrays between them), and for
# `BatchNormReLUDropout`, which does the work of all three:

# %%
from minilocal.course.passes import draw_passes

separate = [
    ("BatchNorm: sums", "x", ""),
    ("BatchNorm: normalise", "x", "a"),
    ("ReLU", "a", "b"),
    ("dropout", "b", "y"),
    ("dropout", "dy", "db"),
    ("ReLU", "db b", "da"),
    ("BatchNorm: sums", "x da", ""),
    ("BatchNorm: gradient", "x da", "dx"),
]
fused = [
    ("sums", "x", ""),
    ("normalise, rectify, drop", "x", "y"),
    ("sums", "x y dy", ""),
    ("gradient", "x y dy", "dx"),
]
arrays = ["x", "a", "b", "y", "dy", "db", "da", "dx"]
show(draw_passes({"three layers": separate, "one fused layer": fused}, arrays), 4)

# %% [markdown]
# How can backward do without $a$ and $b$? It has to know which entries ReLU and dropout let pass.
# But an entry that was rectified or dropped is a *zero in $y$*, and $y$ is there anyway, because
# the next layer needs it. One kernel, with both gates in one line:

# %%
source(kernels.activation.gated_gradient_sums.py_func)

# %%
shape = (sized(64, 4), 32, 32, sized(64, 16))
data, gradient = rng.standard_normal((2, *shape), np.float32)
rate = 0.1
layers = {
    "three layers": ml.Sequential(
        bn=ml.BatchNorm(shape[-1]), relu=ml.ReLU(), dropout=ml.Dropout(rate)
    ),
    "one fused layer": ml.Sequential(bn=ml.BatchNormReLUDropout(shape[-1], rate)),
}
results = {}
for name, one in layers.items():
    one.set_dropout_key(7)
    results[name] = one.forward(data, training=True), one.backward(gradient)
same = all(np.array_equal(p, q) for p, q in zip(*results.values(), strict=True))
same &= all(np.array_equal(*(one.grads[n] for one in layers.values())) for n in one.grads)
check("fused gives the same bits", same, "output, input gradient, gamma's and beta's gradients")


def both_ways(one):
    one.forward(data, training=True)
    one.backward(gradient)


taken = alternately({name: partial(both_ways, one) for name, one in layers.items()})
print("forward and backward       time    bytes moved    of the copying rate")
for (name, seconds), moved in zip(taken.items(), (17, 10), strict=True):
    moved *= data.nbytes
    share = moved / seconds / bandwidth
    print(f"{name:<20}{1e3 * seconds:>8.1f} ms{moved / 1e6:>12,.0f} MB{share:>18.0%}")

# %% [markdown]
# More than the copying rate? Then caches helped: part of an array is still there when the next pass
# begins.
#
# > **Question.** The fused layer moves 10/17 of the bytes. Is it faster by that factor here? If
# > not, what else takes time? *(Look at what dropout does in `kernels/activation.py`: where do its
# > random numbers come from?)*
#
# Memory costs time in one more way. Fresh memory comes from the system page by page, each page
# cleared to zero first, and big arrays go back to the system when they are thrown away. A training
# step needs the same sizes every time, so minilocal keeps the memory and hands it out again:

# %%
from minilocal.compute import memory

size = sized(24, 1) << 20  # float32 numbers


def fill(make):
    make((size,), np.float32).fill(1)  # and forget it


fresh, again = least_seconds(lambda: fill(np.empty)), least_seconds(lambda: fill(memory.empty))
print(f"fill {4 * size / 1e6:.0f} MB of fresh memory      {1e3 * fresh:6.1f} ms")
print(f"fill {4 * size / 1e6:.0f} MB that were used before{1e3 * again:6.1f} ms")

# %% [markdown]
# ## 8 A whole step
#
# Does it help in the end? What counts is a training step: forward, loss, backward, update. Here is
# the same network four times: by im2col or by the fastest method for each layer, with or without
# fusing. (The first of the four, with the plain layers of lessons 2 and 3, is what
# `python -m minilocal.train --plain` trains.)

# %%
model, width, batch = "vgg8b", sized(0.25, 0.0625), sized(64, 16)
x = rng.standard_normal((batch, 32, 32, 3), np.float32)
labels = rng.integers(0, 10, batch)
variants = {
    "im2col, three layers": {"conv": "im2col", "fused": False},
    "im2col, fused": {"conv": "im2col", "fused": True},
    "fastest, three layers": {"conv": "auto", "fused": False},
    "fastest, fused": {"conv": "auto", "fused": True},
}
networks = {
    name: ml.build_vgg(model, algo="BP", width=width, **options)
    for name, options in variants.items()
}
first_losses = {}
for name, network in networks.items():
    optimizer = ml.SGD(lr=0.05)
    for step in range(2):
        (result,) = ml.backprop_step(network, x, labels, optimizer, step=step)
    first_losses[name] = result.loss
spread = np.ptp(list(first_losses.values()))
check("all four train alike", spread < 1e-2, f"loss after two steps differs by {spread:.0e}")

no_change = ml.SGD(lr=0.0)
least = alternately(
    {name: partial(ml.backprop_step, net, x, labels, no_change) for name, net in networks.items()},
    rounds=sized(3, 1),
)

# %%
figure, axis = plt.subplots(figsize=(7.5, 2.3))
axis.barh(list(least), [1e3 * s for s in least.values()], color="#A5A5A5", edgecolor="#333333")
slowest = least["im2col, three layers"]
for name, value in least.items():
    text = f"{1e3 * value:.0f} ms, {slowest / value:.1f}×"
    axis.text(1e3 * value * 1.02, name, text, va="center", fontsize=9)
axis.set(xlabel="milliseconds per step", xlim=(0, 1.25e3 * max(least.values())))
axis.invert_yaxis()
show(figure, 5)

# %% [markdown]
# This is **Amdahl's law** at work. If a share $s$ of the time is made $k$ times faster, the whole
# becomes faster by
#
# $$\frac{1}{(1 - s) + s/k},$$
#
# and never by more than $1/(1-s)$. Halving the time of something that takes 5 % is not worth an
# afternoon. So *first find out where the time goes*. `python -m minilocal.bench` does that for a
# step: by kind of operation and by layer, forward and backward, beside PyTorch if that is
# installed. And local learning starts one rung higher still: at a block's first layer it leaves out
# the input gradient, and what is left out needs no tuning.
#
# ## Summary
#
# * Warm up, measure many times, alternately, and take the minimum. Say which machine it was, and
#   what it could do at best.
# * An interpreter costs a hundred times the work itself; what compiled loops cost depends on the
#   order of loops and on the caches. The innermost loop should run over neighbours in memory that
#   are independent of each other.
# * A matrix product multiplies each number that it loads many times. im2col turns a convolution
#   into one, chunk by chunk, so that the columns stay in the cache.
# * Winograd's F(4×4, 3×3) needs 36 multiplications instead of 144, between linear transforms. The
#   input gradient is the same convolution of $dy$, with turned kernels.
# * Fast kernels keep their sums in vector registers and their intermediate numbers in the cache.
#   Explicit vectors don't leave the first of these to chance.
# * A roofline says which limit a layer is near: memory, multiplying, or neither.
# * Elementwise layers wait for memory: count passes, not operations. Fusing three layers moves 10
#   arrays instead of 17, and gives the same bits.
# * Each fast method stands beside a plain one that it is tested against.
#
# ## Exercises
#
# **1 (easy).** Reorder the loops of `reordered`, so that `c` is outside `i` and `j`, and measure
# again. Then write a version that adds into a local array of $C_\mathrm{out}$ numbers and writes it
# to `y` once. Which of the two changes matters, and why?

# %%
# Your answer to exercise 1

# %% [markdown]
# **2 (medium).** Plot the time of im2col, of direct convolution and (from 8 channels) of Winograd,
# in nanoseconds per multiply-add, for 1, 2, 4, … 256 input and 64 output channels on 16×16 maps.
# Where do they cross? Compare with `MOST_CHANNELS` in
# [layers/direct.py](../minilocal/layers/direct.py), and explain the crossings by the numbers of
# multiply-adds and of columns or points.

# %%
# Your answer to exercise 2

# %% [markdown]
# **3 (hard).** F(2×2, 3×3): derive its three matrices from the four products of section 5, write
# it with NumPy for whole maps, forward and both gradients, and check it by central differences
# (`ml.check_layer`). How many multiplications does it save, how large is its float32 error beside
# that of F(4×4, 3×3), and when would you prefer it?

# %%
# Your answer to exercise 3

# %% [markdown]
# *Next:* in [lesson 12](12_local_losses.ipynb) you design a local loss of your own.
