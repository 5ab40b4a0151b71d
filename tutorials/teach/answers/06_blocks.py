# %% [markdown]
# # Answers to lesson 6

# %% [markdown]
# ## Exercise 1
#
# **Answer.** G4 on 10 layers: 1–4, 5–8, 9–10, classifiers on 4, 8, 10. On 15: 1–4, 5–8, 9–12,
# 13–15, classifiers on 4, 8, 12, 15. There are $\lceil K/X \rceil$ blocks, so
# $\lceil K/X \rceil - 1$ walls between layers, and $\lceil K/X \rceil$ input gradients are left
# out, the images' included. *Typical wrong answers:* 1–4, 5–10 (no block may be longer than X);
# $\lfloor K/X \rfloor$; forgetting that BP leaves out one as well, so that GX *saves*
# $\lceil K/X \rceil - 1$.

# %%
for layers in (10, 15):
    schedule = ml.parse_schedule("G4")
    print(
        f"K = {layers}: blocks",
        *schedule.blocks_at(0, layers),
        " classifiers on",
        *schedule.classifiers(layers),
    )
cases = [(X, layers) for layers in range(1, 30) for X in range(1, layers + 1)]
right = [len(blocks_of(X, layers)) == -(-layers // X) for X, layers in cases]
check("there are ⌈K/X⌉ blocks", all(right), f"{len(cases)} cases")

# %% [markdown]
# ## Exercise 2
#
# **Answer.** In so short a training the place hardly matters: with three epochs and two seeds the
# six means lie between 74.0 % (after layer 3) and 76.0 % (after layer 1 or 2), and two seeds of
# the same cut differ by up to 0.8 points. So two seeds say that the middle is no better than the
# ends, and nothing more; a ranking of the other five would need ten seeds. A wall after layer 6
# leaves BP with an extra teacher. *Typical wrong answers:* "after layer 3, because that halves the
# network", from one seed; comparing the losses of blocks instead of the network's own accuracy.

# %%
data = ml.prepare("fashion-mnist-mini", train_size=2000, test_size=2000)
EPOCHS = 3


def trained_with_wall(after, seed):
    network, optimizer, step = build("G1", seed=seed), ml.SGD(), 0
    blocks = [ml.Block(1, after), ml.Block(after + 1, 7)]
    steps = EPOCHS * (len(data.train) // BATCH)
    for epoch in range(EPOCHS):
        for images, labels in ml.training_batches(data.train, BATCH, seed, epoch, crop=True, flip=True):
            optimizer.lr = ml.learning_rate("cosine", 0.1, step, steps)
            ml.local_step(network, blocks, images, labels, optimizer, seed, step)
            step += 1
    return ml.evaluate_network(network, data.test, [K])[K].accuracy


print("wall after layer   seed 0   seed 1     mean    test accuracy of A_7, %")
for after in range(1, 7):
    found = [100 * trained_with_wall(after, seed) for seed in (0, 1)]
    print(f"{after:>16}", *(f"{value:8.1f}" for value in (*found, np.mean(found))))

# %% [markdown]
# ## Exercise 3
#
# **Answer.** The step is below. With $\alpha = 1$ and $L_3$ left out (its $dx_3$ set to zero) it
# is BP. At $\alpha = 0$ the cosine of layer 3 is that of G3's wall. It rises quickly with $\alpha$
# and goes to 1, because for large $\alpha$ layer 3 follows $L_7$ alone. Block 1 has to keep what
# it needs for backward until block 2 has run backward: the memory and the waiting of BP are back,
# for every $\alpha > 0$. With `ml.check_gradient` a right gradient may seem wrong, because of
# kinks within its $h = 10^{-4}$; take $10^{-6}$. *Typical wrong answers:* $\alpha = 1$ alone is
# called BP (layers 1–3 then follow $L_3 + L_7$); multiplying $dx_3$ by $\alpha$ as a whole,
# $A_3$'s part too; a wall that is open in the first block but keeps `need_dx=False` in layer 4.


# %%
def leaky_step(network, x, labels, alpha, with_first_loss=True):
    """Leave in every layer the gradient of L_3 + alpha·L_7 (layers 1-3) and of L_7 (layers 4-7)."""
    network.set_dropout_keys(0, 0)
    for layer in network.layers[:3]:
        x = layer.forward(x, training=True)
    _, _, dx_first = network.loss(3)(x, labels)
    for layer in network.layers[3:]:
        x = layer.forward(x, training=True)
    _, _, dx = network.loss(7)(x, labels)
    for layer in reversed(network.layers[3:]):
        dx = layer.backward(dx)  # the hole: layer 4 computes its dx
    dx = alpha * dx + (dx_first if with_first_loss else 0)
    for layer in reversed(network.layers[:3]):
        dx = layer.backward(dx.astype(x.dtype), need_dx=layer is not network.layers[0])
    return [np.concatenate([g.ravel() for g in layer.grads.values()]) for layer in network.layers]


exact = build("G1", dtype=np.float64)
few, few_labels = x[:8].astype(np.float64), y[:8]
alpha = 0.7
leaky_step(exact, few, few_labels, alpha)


def loss_of_both():
    exact.set_dropout_keys(0, 0)
    values, features = {}, few
    for number, layer in enumerate(exact.layers, 1):
        features = layer.forward(features, training=True)
        if number in (3, 7):
            values[number] = exact.loss(number)(features, few_labels, need_dx=False)[0]
    return values[3] + alpha * values[7]


weight, worst, h = exact.layer(2).params["conv.weight"], 0.0, 1e-6
kept = exact.layer(2).grads["conv.weight"].copy()
for index in [(1, 1, 0, 3), (0, 2, 5, 7), (2, 0, 9, 12)]:
    value = weight[index]
    weight[index] = value + h
    above = loss_of_both()
    weight[index] = value - h
    slope = (above - loss_of_both()) / (2 * h)
    weight[index] = value
    worst = max(worst, abs(slope - kept[index]) / abs(slope))
check("layers 1 to 3 follow L_3 + α·L_7", worst < 1e-5, f"worst relative error {worst:.0e}")

data, EPOCHS = ml.prepare("fashion-mnist-mini", train_size=3000, test_size=2000), 6
network, _ = train("G1")
x, y = next(ml.training_batches(data.train, 1024, seed=1, epoch=0, crop=False, flip=False))
backprop = gradients(network, [ml.Block(1, K)])
opened = leaky_step(network, x, y, alpha=1, with_first_loss=False)
same = [np.array_equal(a, b) for a, b in zip(opened, backprop, strict=True)]
check("α = 1 without L_3 is BP, bit for bit", all(same), f"{sum(same)} of {len(same)} layers")
for alpha in (0, 0.1, 0.3, 1, 3, 10, 100):
    g = leaky_step(network, x, y, alpha)
    cosines_now = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(g, backprop, strict=True)]
    print(f"α = {alpha:<5g} cosine with BP, layers 1 to 3:", *(f"{c:.2f}" for c in cosines_now[:3]))
