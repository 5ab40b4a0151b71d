# %% [markdown]
# # Answers to lesson 1

# %% [markdown]
# ## Exercise 1
#
# **Answer.** The term is $\lambda W$: the derivative of $\frac{\lambda}{2} W_{ic}^2$ is
# $\lambda W_{ic}$. *Typical wrong answers:* $\frac{\lambda}{2} W$ (the square forgotten);
# $\lambda W / N$ (the penalty is no mean over images); and adding it to $db$, which the exercise
# does not ask for, although `ml.SGD(weight_decay=...)` does that to all parameters.

# %%
lam = 0.01


def loss_with_decay():
    return loss_now() + lam / 2 * np.sum(W**2)


right = ml.check_gradient("decay", "weight", loss_with_decay, W, dW + lam * W, entries=40)
half = ml.check_gradient("decay", "weight", loss_with_decay, W, dW + lam / 2 * W, entries=40)
check("the term is λW", right.passed(1e-6), f"worst error {right.worst:.1e}")
check("λW/2 is found to be wrong", not half.passed(1e-6), f"worst error {half.worst:.2f}")

# %% [markdown]
# ## Exercise 2
#
# **Answer.** $dz = (z - \mathrm{onehot})/N$, the same as cross-entropy's with $z$ in the place of
# $p$. A layer that knows nothing has a loss of 0.5 with all logits zero; the best constant logits,
# 1/10 each, give $\frac12(0.9^2 + 9 \cdot 0.1^2) = 0.45$. *Typical wrong answers:* $\log 10$ (that
# is cross-entropy's), and comparing both losses at the same learning rate. Each needs its own,
# chosen on held-out training images. Squared error needs one that is ten times smaller: its
# gradient grows with the logits without end, and at cross-entropy's best rate, 0.01, it diverges.
# After eight epochs it is nine points behind, 74.5 % against 83.7 %. It asks for logits of exactly
# 0 and 1, and pays for those that are *more* right than that.


# %%
def squared_error(z, labels):
    dz = (z - np.eye(z.shape[1], dtype=z.dtype)[labels]) / len(z)
    return len(z) / 2 * np.sum(dz**2, dtype=np.float64), dz


z = x @ W + b
_, dz_squared = squared_error(z, labels)
result = ml.check_gradient("squared error", "logits", lambda: squared_error(z, labels)[0], z, dz_squared, entries=40)
check("dz is (z − onehot)/N", result.passed(1e-6), f"worst error {result.worst:.1e}")
for constant in (0, 1 / C):
    print(f"all logits {constant:.1f}: {squared_error(np.full((N, C), constant), labels)[0]:.3f}")

data = ml.prepare("fashion-mnist-mini", train_size=6000, test_size=2000, validation=1 / 6)
mean, std = data.train.normalisation.mean, data.train.normalisation.std


def accuracy_of(loss, lr, held_out, epochs=8):
    model, optimizer = ml.Linear(D_in, C, rng=0), ml.SGD(lr=lr, momentum=0.9, weight_decay=0)
    for epoch in range(epochs):
        for images, y in ml.training_batches(data.train, 128, 0, epoch, crop=False, flip=False):
            logits = model.forward(images.reshape(len(images), -1), training=True)
            model.backward(loss(logits, y)[1].astype(np.float32), need_dx=False)
            try:
                optimizer.update(model)
            except ml.NonFiniteError:
                return 0.0  # it has diverged
    pixels = ((held_out.pixels - mean) / std).reshape(len(held_out), -1).astype(np.float32)
    return np.mean(model.forward(pixels).argmax(axis=1) == held_out.labels)


RATES = {
    "cross-entropy": (ml.softmax_cross_entropy, (0.001, 0.003, 0.01, 0.03)),
    "squared error": (squared_error, (0.0003, 0.001, 0.002, 0.004)),
}
for name, (loss, rates) in RATES.items():
    with np.errstate(all="ignore"):
        found = [accuracy_of(loss, lr, data.validation) for lr in rates]
    print(name, *(f"lr {r:g}: {f:.1%}" for r, f in zip(rates, found, strict=True)), sep="   ")
    lr = rates[int(np.argmax(found))]
    print(f"    best lr {lr:g}: test accuracy {accuracy_of(loss, lr, data.test):.1%}")

# %% [markdown]
# ## Exercise 3
#
# **Answer.** With $h = xU$: $dV = h^\top dz$, $dh = dz\,V^\top$, $dU = x^\top dh$. The product
# $UV$ is a $(1024, 10)$ matrix of rank 5 at most, so it can never be one of rank 6 to 10.
# Counting: $1024 \cdot 5 + 5 \cdot 10 = 5170$ numbers, of which $5 \cdot 5 = 25$ say nothing
# ($U M$ and $M^{-1} V$ give the same product), leave 5145 degrees of freedom; $W$ has 10,240. So
# depth without a nonlinearity adds nothing and here takes something away. *Typical wrong answers:*
# "fewer parameters, so it is just smaller" (with a width of 10 or more between them it has *more*,
# and can still do no more than $W$); forgetting the 25; expecting tiny but nonzero singular values
# from training (they are zero up to rounding, trained or not).

# %%
rng = np.random.default_rng(2)
U, V = rng.standard_normal((D_in, 5)) / np.sqrt(D_in), rng.standard_normal((5, C)) / np.sqrt(5)


def loss_of_two():
    return cross_entropy(x @ U @ V, labels)


dz = (softmax(x @ U @ V) - onehot) / N
dU, dV = x.T @ (dz @ V.T), (x @ U).T @ dz
for name, array, gradient in (("U", U, dU), ("V", V, dV)):
    result = ml.check_gradient("two layers", name, loss_of_two, array, gradient, entries=40)
    check(f"d{name} agrees with central differences", result.passed(1e-6), f"{result.worst:.1e}")

for epoch in range(5):
    for images, y in ml.training_batches(data.train, 128, 0, epoch, crop=False, flip=False):
        rows = images.reshape(len(images), -1).astype(np.float64)
        dz = ml.softmax_cross_entropy(rows @ U @ V, y)[1]
        dU, dV = rows.T @ (dz @ V.T), (rows @ U).T @ dz
        U -= 0.02 * dU
        V -= 0.02 * dV
singular = np.linalg.svd(U @ V, compute_uv=False)
pixels = ((data.test.pixels - mean) / std).reshape(len(data.test), -1)
print("singular values", *(f"{s:.1e}" for s in singular))
print(f"test accuracy {np.mean((pixels @ U @ V).argmax(axis=1) == data.test.labels):.1%}")
check("a trained UV has rank 5", singular[5] < 1e-12 * singular[0], f"sixth {singular[5]:.0e}")
