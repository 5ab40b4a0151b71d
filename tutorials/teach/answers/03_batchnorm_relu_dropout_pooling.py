# %% [markdown]
# # Answers to lesson 3

# %% [markdown]
# ## Exercise 1
#
# **Answer.** $dx = dy$ where $x > 0$ and $0.1\,dy$ elsewhere. It can still be read off the output,
# because $y > 0$ exactly where $x > 0$: the slope is positive on both sides. (Of $y = |x|$ it
# could not.) *Typical wrong answers:* "no, negative values are gone" (they are not: only their
# size has changed); a gradient of 0.1 at $x > 0$ after reading the mask off the wrong array.

# %%
class LeakyReLU(ml.Layer):
    """y = max(x, 0.1·x)."""

    kept = ("y",)

    def forward(self, x, training=False):
        y = np.maximum(x, np.asarray(0.1, x.dtype) * x)
        if training:
            self.y = y
        return y

    def backward(self, dy, need_dx=True):
        return np.where(self.y > 0, dy, np.asarray(0.1, dy.dtype) * dy)


(result,) = ml.check_layer("leaky ReLU", LeakyReLU(), rng.standard_normal((4, 5, 5, 3)))
check("leaky ReLU's gradient, read off its output", result.passed(1e-6), f"{result.worst:.0e}")

# %% [markdown]
# ## Exercise 2
#
# **Answer.** Forward: the axes of mean and variance, now the last one alone. Backward: $d\gamma$
# and $d\beta$ are still sums over everything but the channels, but the two means in the bracket
# run over the *channels* of a pixel, and over $g = \gamma\,dy$: since $\gamma$ differs along that
# axis, the means are no longer $d\beta/M$ and $d\gamma/M$ times $\gamma$. *That is the typical
# wrong answer*, and it passes the check as long as $\gamma = 1$: check with other values. No
# running statistics are needed, because nothing is taken over the batch: an image is treated alike
# in training and evaluation. A bias before it is *not* useless: one number per channel changes the
# differences between channels. Only the part of the bias that is the same in all channels is taken
# out.


# %%
def layernorm(x, gamma, beta, eps=1e-5):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    inv_std = 1 / np.sqrt(variance + eps)
    xhat = (x - mean) * inv_std
    return gamma * xhat + beta, xhat, inv_std


def layernorm_backward(dy, xhat, inv_std, gamma):
    axes = tuple(range(dy.ndim - 1))
    g = gamma * dy
    dx = inv_std * (g - g.mean(-1, keepdims=True) - xhat * (g * xhat).mean(-1, keepdims=True))
    return dx, (dy * xhat).sum(axes), dy.sum(axes)


x, r = rng.standard_normal((4, 3, 3, 6)), rng.standard_normal((4, 3, 3, 6))
gamma, beta = 1 + 0.5 * rng.standard_normal(6), 0.5 * rng.standard_normal(6)
y, xhat, inv_std = layernorm(x, gamma, beta)
found = dict(zip(("x", "gamma", "beta"), layernorm_backward(r, xhat, inv_std, gamma), strict=True))


def loss_of_layernorm():
    return np.sum(r * layernorm(x, gamma, beta)[0])


for name, array in (("x", x), ("gamma", gamma), ("beta", beta)):
    result = ml.check_gradient("layer norm", name, loss_of_layernorm, array, found[name], entries=20)
    check(f"layer norm's gradient of {name}", result.passed(1e-6), f"{result.worst:.0e}")
shortcut = gamma * inv_std * (r - found["beta"] / 6 - xhat * found["gamma"] / 6)
result = ml.check_gradient("shortcut", "x", loss_of_layernorm, x, shortcut, entries=20)
check("BatchNorm's formula is wrong here", not result.passed(1e-6), f"{result.worst:.2f}")
bias = np.arange(6.0)
shift = (
    abs(layernorm(x + 3, gamma, beta)[0] - y).max(),
    abs(layernorm(x + bias, gamma, beta)[0] - y).max(),
)
print(f"y changes by {shift[0]:.0e} with the same bias in all channels, by {shift[1]:.1f} with others")

# %% [markdown]
# ## Exercise 3
#
# **Answer.** Differentiate $L(a w) = L(w)$ by $a$ at $a = 1$: $\langle w, dw \rangle = 0$.
# Differentiate it by $w$: $a\,L'(aw) = L'(w)$, so the gradient at $aw$ is $dw/a$. A step without
# weight decay is orthogonal to $w$, so $\lVert w \rVert^2$ grows by
# $\mathrm{lr}^2 \lVert dw \rVert^2$ in *each* step and never shrinks, and the effective learning
# rate $\mathrm{lr}/\lVert w \rVert^2$ falls by itself. Weight decay shrinks $w$ by the factor
# $1 - \mathrm{lr}\lambda$ per step: here it does not regularise the function, which does not
# depend on $\lVert w \rVert$; it keeps the effective learning rate up. *Typical wrong answers:*
# "weight decay keeps the weights small, so it prevents overfitting" (not in front of BatchNorm);
# $\mathrm{lr}/\lVert w \rVert$ (a direction changes by
# $\mathrm{lr}\,\lVert dw \rVert / \lVert w \rVert$, and $\lVert dw \rVert$ itself goes like
# $1/\lVert w \rVert$). With momentum the step is not exactly orthogonal to $w$; the norm grows all
# the same.


# %%
def first_batch():
    small = np.ascontiguousarray(images[:, ::2, ::2])
    return small, labels


def gradient_at(scale):
    model = network(norm=True, scale=scale)
    _loss, dlogits = ml.softmax_cross_entropy(model.forward(first_batch()[0], training=True), labels)
    model.backward(dlogits, need_dx=False)
    return model.layers["conv2"].params["weight"], model.layers["conv2"].grads["weight"]


(w1, dw1), (_, dw4) = gradient_at(1), gradient_at(4)
cosine = np.vdot(w1, dw1) / np.linalg.norm(w1) / np.linalg.norm(dw1)
ratio = np.linalg.norm(dw1) / np.linalg.norm(dw4)
check("w and dw are orthogonal", abs(cosine) < 1e-3, f"cosine {cosine:.0e}")
check("at 4w the gradient is a quarter", abs(ratio - 4) < 0.01, f"factor {ratio:.3f}")

data = ml.prepare("fashion-mnist-mini", train_size=3000, test_size=200)
LR = 0.1
for decay in (0, 0.02):
    model, optimizer = network(norm=True, scale=1), ml.SGD(lr=LR, momentum=0, weight_decay=decay)
    norms = []
    for epoch in range(4):
        for batch, classes in ml.training_batches(data.train, 64, 0, epoch, crop=False, flip=False):
            small = np.ascontiguousarray(batch[:, ::2, ::2])
            _, dlogits = ml.softmax_cross_entropy(model.forward(small, training=True), classes)
            model.backward(dlogits, need_dx=False)
            optimizer.update(model)
            norms.append(np.linalg.norm(model.layers["conv2"].params["weight"]))
    if decay == 0:
        check(
            "without decay the norm never shrinks",
            min(np.diff(norms)) > -1e-5,
            f"{len(norms)} steps",
        )
    print(f"weight decay {decay:<5g} ‖w‖ after 1, 46, 92, 184 steps", *(f"{norms[i]:.2f}" for i in (0, 45, 91, 183)),
          f" lr/‖w‖² {LR / norms[0] ** 2:.4f} to {LR / norms[-1] ** 2:.4f}")  # fmt: skip
