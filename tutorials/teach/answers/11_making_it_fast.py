# %% [markdown]
# # Answers to lesson 11
#
# Times are those of the machine that ran this; only ratios travel.

# %%
ENOUGH, images, channels = 1.0, 16, 64
layer = ml.Conv2d(channels, channels, rng=1)
w = layer.params["weight"]
x = rng.standard_normal((images, pixels, pixels, channels), np.float32)
padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
y = np.zeros(x.shape, np.float32)
macs = images * layer.macs(x.shape[1:])
reference = im2col.forward(x.astype(np.float64), w.astype(np.float64), 1, 1)

# %% [markdown]
# ## Exercise 1
#
# **Answer.** Moving `c` outwards makes it about a quarter slower: the innermost loop still runs over
# $o$ in steps of one, but the 3×3 weights of a channel lie $C_\mathrm{in} C_\mathrm{out}$ numbers
# apart, so the weights come from further away. The local array gains next to nothing (1 to 7 % in
# our runs): the 64 sums of a pixel stay in the nearest cache whether they are in `y` or beside it.
# To keep them in *registers*, as section 5 does, the loop over $o$ must be cut into pieces that fit
# there. *Typical wrong answers:* only the order is
# measured, with `y` not set to zero before comparing results; an array that is made inside the
# innermost loops, so that its allocation is what is measured.


# %%
@numba.njit(nogil=True, error_model="numpy")
def channels_outside(padded, w, y):
    for n in range(y.shape[0]):
        for p in range(y.shape[1]):
            for q in range(y.shape[2]):
                for c in range(padded.shape[3]):
                    for i in range(3):
                        for j in range(3):
                            value = padded[n, p + i, q + j, c]
                            for o in range(y.shape[3]):
                                y[n, p, q, o] += value * w[i, j, c, o]


@numba.njit(nogil=True, error_model="numpy")
def local_sums(padded, w, y):
    sums = np.empty(y.shape[3], y.dtype)
    for n in range(y.shape[0]):
        for p in range(y.shape[1]):
            for q in range(y.shape[2]):
                sums[:] = 0
                for i in range(3):
                    for j in range(3):
                        for c in range(padded.shape[3]):
                            value = padded[n, p + i, q + j, c]
                            for o in range(y.shape[3]):
                                sums[o] += value * w[i, j, c, o]
                for o in range(y.shape[3]):
                    y[n, p, q, o] += sums[o]


for name, kernel in (
    ("as in section 3", reordered),
    ("c outside", channels_outside),
    ("local sums", local_sums),
):
    y[:] = 0
    kernel(padded, w, y)
    error = abs(y - reference).max() / abs(reference).max()
    check(f"{name} computes the convolution", error < 1e-4, f"relative error {error:.0e}")
least = alternately({
    "as in section 3": lambda: reordered(padded, w, y),
    "c outside": lambda: channels_outside(padded, w, y),
    "local sums": lambda: local_sums(padded, w, y),
}, rounds=4)  # fmt: skip
for name, seconds in least.items():
    print(f"{name:<16}{1e9 * seconds / macs:7.3f} ns per multiply-add, {least['as in section 3'] / seconds:.2f}×")

# %% [markdown]
# ## Exercise 2
#
# **Answer.** Direct convolution is fastest for few input channels, and from 8 on its time per
# multiply-add hardly changes. im2col is slow there (it writes and reads nine numbers for each input number, for
# few multiplications each) and catches up as channels grow. Winograd begins at 8 channels, and the
# more channels, the more the quarter of the multiplications counts. The library changes from
# direct to another method after `MOST_CHANNELS` = 8. *Typical wrong answers:* time per call
# instead of per multiply-add (everything grows); asking for a method where it does not apply, so
# that im2col runs twice (`layer.method(shape)` says what runs).

# %%
from minilocal.layers.direct import MOST_CHANNELS

print(f"MOST_CHANNELS = {MOST_CHANNELS}; nanoseconds per multiply-add")
print("input channels   im2col   direct  winograd")
for c_in in (1, 2, 4, 8, 16, 32, 64, 128, 256):
    weight = ml.Conv2d(c_in, 64, rng=1).params["weight"]
    maps = rng.standard_normal((images, 16, 16, c_in), np.float32)
    words = []
    for name in ("im2col", "direct", "winograd"):
        one = ml.Conv2d(c_in, 64, rng=1, method=name)
        if one.method((16, 16, c_in)) is METHODS[name]:
            seconds = least_seconds(partial(METHODS[name].forward, maps, weight, 1, 1))
            words.append(f"{1e9 * seconds / (images * 256 * weight.size):9.4f}")
        else:
            words.append("        -")
    print(f"{c_in:>14}", *words)

# %% [markdown]
# ## Exercise 3
#
# **Answer.** From the four products: $B^\top d$ has the rows $d_0 - d_2$, $d_1 + d_2$,
# $d_2 - d_1$, $d_1 - d_3$; $G g$ has $g_0$, $\frac12(g_0 + g_1 + g_2)$,
# $\frac12(g_0 - g_1 + g_2)$, $g_2$; $A^\top m$ has $m_1 + m_2 + m_3$ and $m_2 - m_3 - m_4$. In two
# dimensions 16 multiplications give 4 outputs: 4 per output, 2.25 times fewer than 9, where F(4×4)
# has 2.25 per output. Its constants are 1 and ½, so it rounds hardly worse than im2col. Prefer it
# where accuracy matters (16-bit numbers!), or where sides are multiples of 2 but not of 4.
# Gradients: each map is linear, so backward is the transposes in reverse order. *Typical wrong
# answers:* the sign of $m_4$; windows that advance by 4 instead of 2; $A^\top m A$ before the sum
# over channels (right, but it gives the saving away).

# %%
BT2 = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], float)
G2 = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
AT2 = np.array([[1, 1, 1, 0], [0, 1, -1, -1]], float)


class WinogradF2(ml.Layer):
    """A 3×3 convolution, padding 1, by F(2×2, 3×3); the sides of x (N, H, W, C) are even."""

    kept = ("points",)

    def __init__(self, c_in, c_out, rng=0, dtype=np.float32):
        super().__init__()
        self.add_param("weight", ml.Conv2d(c_in, c_out, rng=rng, dtype=dtype).params["weight"].copy())
        self.BT, self.G, self.AT = (m.astype(dtype) for m in (BT2, G2, AT2))

    def forward(self, x, training=False):
        n, height, width, _c = x.shape
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (4, 4), axis=(1, 2))[:, ::2, ::2]
        points = np.einsum("ai,bj,npqcij->npqabc", self.BT, self.BT, windows, optimize=True)
        kernels = np.einsum("ai,bj,ijco->abco", self.G, self.G, self.params["weight"], optimize=True)
        products = np.einsum("npqabc,abco->npqabo", points, kernels, optimize=True)
        if training:
            self.points = points
        tiles = np.einsum("ra,sb,npqabo->nprqso", self.AT, self.AT, products, optimize=True)
        return np.ascontiguousarray(tiles.reshape(n, height, width, -1))

    def backward(self, dy, need_dx=True):
        n, height, width, o = dy.shape
        tiles = dy.reshape(n, height // 2, 2, width // 2, 2, o)
        dproducts = np.einsum("ra,sb,nprqso->npqabo", self.AT, self.AT, tiles, optimize=True)
        dkernels = np.einsum("npqabc,npqabo->abco", self.points, dproducts, optimize=True)
        self.grads["weight"][...] = np.einsum("ai,bj,abco->ijco", self.G, self.G, dkernels, optimize=True)
        if not need_dx:
            return None
        kernels = np.einsum("ai,bj,ijco->abco", self.G, self.G, self.params["weight"], optimize=True)
        dpoints = np.einsum("npqabo,abco->npqabc", dproducts, kernels, optimize=True)
        dwindows = np.einsum("ai,bj,npqabc->npqijc", self.BT, self.BT, dpoints, optimize=True)
        padded = np.zeros((n, height + 2, width + 2, dwindows.shape[-1]), dy.dtype)
        for i in range(4):
            for j in range(4):  # windows overlap: add, as col2im does
                padded[:, i : i + height : 2, j : j + width : 2] += dwindows[:, :, :, i, j]
        return np.ascontiguousarray(padded[:, 1:-1, 1:-1])


results = list(ml.check_layer("F(2×2)", WinogradF2(3, 4, dtype=np.float64), rng.standard_normal((2, 6, 8, 3))))
worst = max(result.worst for result in results)
check(
    "F(2×2)'s gradients agree with central differences",
    all(r.passed(1e-6) for r in results),
    f"{worst:.1e}",
)

f2 = WinogradF2(channels, channels, rng=1)
for name, found in (
    ("im2col", im2col.forward(x, w, 1, 1)),
    ("F(2×2, 3×3)", f2.forward(x)),
    ("F(4×4, 3×3)", winograd.forward(x, w, 1, 1)),
):
    print(f"{name:<12} relative error in float32 {abs(found - reference).max() / abs(reference).max():.1e}")
