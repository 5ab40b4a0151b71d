# %% [markdown]
# # Answers to lesson 2

# %% [markdown]
# ## Exercise 1
#
# **Answer.** $P = \lfloor (28 + 4 - 5)/2 \rfloor + 1 = 14$, so the output is
# $14 \times 14 \times 32$; $5 \cdot 5 \cdot 3 \cdot 32 = 2400$ weights;
# $14 \cdot 14 \cdot 2400 = 470{,}400$ MACs. A 7×7 kernel at stride 2 needs padding 3:
# $\lfloor (28 + 6 - 7)/2 \rfloor + 1 = 14$. *Typical wrong answers:* 14.5 or 15 (the floor
# forgotten, or rounded up); 75 or 800 weights (output or input channels forgotten);
# $28 \cdot 28 \cdot 2400$ MACs (the window counted at every pixel of the input).

# %%
layer = ml.Conv2d(3, 32, kernel=5, stride=2, padding=2, rng=0)
print("output", layer.output_shape((28, 28, 3)), " weights", layer.params["weight"].size, end="")
print(f"  MACs {layer.macs((28, 28, 3)):,}")
for padding in (2, 3, 4):
    shape = ml.Conv2d(3, 32, kernel=7, stride=2, padding=padding, rng=0).output_shape((28, 28, 3))
    print(f"7×7, stride 2, padding {padding}: {shape}")

# %% [markdown]
# ## Exercise 2
#
# **Answer.** $x_{nhwc}$ enters $y_{npqo}$ with the weight $w_{ijco}$ where
# $p = h - i + \mathrm{pad}$ and $q = w - j + \mathrm{pad}$, so
# $dx_{nhwc} = \sum_{ijo} dy_{n,\,h-i+\mathrm{pad},\, w-j+\mathrm{pad},\,o}\, w_{ijco}$. With
# $i' = k-1-i$ and $j' = k-1-j$ this is
# $\sum_{i'j'o} dy_{n,\,h+i'-(k-1-\mathrm{pad}),\,\dots,\,o}\, w_{k-1-i',\,k-1-j',\,c\,o}$: a
# convolution of $dy$ with turned kernels, exchanged channels, and **padding
# $k - 1 - \mathrm{pad}$**, which is 1 here only because $k = 3$ and pad = 1. At stride 2 the index
# is $(h - i + \mathrm{pad})/2$: where it is odd, no output saw the pixel in that way. The
# convolution works again if zeros are put between the entries of $dy$. *Typical wrong answers:*
# transposing the kernel instead of turning it by 180°; forgetting to exchange the channels (the
# shapes refuse); keeping "padding 1" as a rule.

# %%
turned = w[::-1, ::-1].swapaxes(2, 3)
by_convolution = conv_loops(dy, turned, padding=3 - 1 - 1)
difference = abs(by_convolution - col2im(dcols, x.shape, 3, 1, 1)).max()
check("dx is a convolution of dy", difference < 1e-12, f"difference {difference:.0e}")

xs = np.random.default_rng(7).standard_normal((2, 7, 7, 3))
layer = ml.Conv2d(3, 4, stride=2, method="im2col", rng=0, dtype=np.float64)
layer.params["weight"][...] = w
dy2 = np.random.default_rng(8).standard_normal(layer.forward(xs, training=True).shape)
spread = np.zeros((2, 7, 7, 4))
spread[:, ::2, ::2] = dy2  # zeros between the entries
difference = abs(conv_loops(spread, turned, padding=1) - layer.backward(dy2)).max()
check("with zeros in between, at stride 2 as well", difference < 1e-12, f"{difference:.0e}")

# %% [markdown]
# ## Exercise 3
#
# **Answer.** The code is below. For 64 channels a pixel takes $9 \cdot 64 = 576$ MACs and the
# layer has 576 weights, 64 times fewer than a full convolution's 36,864. A 1×1 convolution
# $64 \to 64$ after it lets the channels talk: 4096 more of each, and still 7.9 times fewer
# together. (In time it gains less: 9 multiply-adds per number loaded are too few to keep the
# processor busy.) *Typical wrong answers:* $dW$ without the sum over images;
# `np.einsum("mtc,tc->mc", ...)` on columns in the order (tap, channel) but weights in the order
# (channel, tap); 64² times fewer.


# %%
class Depthwise(ml.Layer):
    """One k × k kernel per channel: x (N, H, W, C) → y (N, P, Q, C)."""

    kept = ("x",)

    def __init__(self, channels, k=3, padding=1, rng=0, dtype=np.float32):
        super().__init__()
        self.k, self.padding = k, padding
        weight = np.random.default_rng(rng).standard_normal((k, k, channels)) / k
        self.add_param("weight", weight.astype(dtype))

    def forward(self, x, training=False):
        n, _height, _width, channels = x.shape
        cols = im2col(x, self.k, 1, self.padding).reshape(-1, self.k**2, channels)
        y = np.einsum("mtc,tc->mc", cols, self.params["weight"].reshape(-1, channels))
        if training:
            self.x = x
        return y.reshape(n, *self.output_shape(x.shape[1:])).astype(x.dtype)

    def backward(self, dy, need_dx=True):
        channels, weight = dy.shape[-1], self.params["weight"]
        cols = im2col(self.x, self.k, 1, self.padding).reshape(-1, self.k**2, channels)
        dy = dy.reshape(-1, channels)
        self.grads["weight"][...] = np.einsum("mtc,mc->tc", cols, dy).reshape(weight.shape)
        if not need_dx:
            return None
        dcols = np.einsum("mc,tc->mtc", dy, weight.reshape(-1, channels))
        return col2im(dcols, self.x.shape, self.k, 1, self.padding).astype(dy.dtype)

    def output_shape(self, shape):
        height, width, channels = shape
        less = self.k - 1 - 2 * self.padding
        return height - less, width - less, channels

    def macs(self, shape):
        return int(np.prod(self.output_shape(shape))) * self.k**2


results = list(ml.check_layer("depthwise", Depthwise(3, dtype=np.float64), x))
check(
    "the depthwise convolution's gradients agree with central differences",
    all(result.passed(1e-6) for result in results),
    f"worst error {max(result.worst for result in results):.1e}",
)
shape = (16, 16, 64)
layers = {
    "full": ml.Conv2d(64, 64, rng=0),
    "depthwise": Depthwise(64),
    "1×1": ml.Conv2d(64, 64, kernel=1, padding=0, rng=0),
}
for name, layer in layers.items():
    print(f"{name:<10}{layer.macs(shape) // 256:>8,} MACs a pixel{layer.params['weight'].size:>8,} weights")
