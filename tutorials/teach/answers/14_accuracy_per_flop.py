# %% [markdown]
# # Answers to lesson 14

# %%
data = ml.prepare("fashion-mnist-mini", train_size=6000, test_size=2000)
EPOCHS, BATCH = 3, 128
STEPS = EPOCHS * (len(data.train) // BATCH)

# %% [markdown]
# ## Exercise 1
#
# **Answer.** 43 epochs by BP, 52 by G2 and 47 by G3. Whitening costs the same multiply-adds under
# each algorithm: its own 2×2 convolution, forward only, and a layer 1 that sees 24 channels instead
# of 3, in its forward pass and its weight gradient. G2's step is cheaper than BP's, so the same
# cost is a larger share of it: 7.8 % against 6.4 %. *Typical wrong answers:* the factor 2 between
# MACs and FLOPs is forgotten; an input gradient of layer 1 is counted, which nobody needs.


# %%
vgg6 = {whiten: ml.architecture("vgg6", whiten=whiten) for whiten in (False, True)}
print(f"      epochs for {hour:.2f} PFLOP   whitening adds")
for algo in ("BP", "G2", "G3"):
    macs = {whiten: ml.algorithm_costs(config, algo).macs for whiten, config in vgg6.items()}
    epochs = hour / pflop(vgg6[True], algo, 40_000, 1)
    print(f"{algo:<6}{epochs:>16.1f}{100 * (macs[True] / macs[False] - 1):>20.1f} %")

# %% [markdown]
# ## Exercise 2
#
# **Answer.** No. Without a rise the highest rate that works is lower, but what is lost by it is not
# made up for: a rate of 0.03 with a peak at the start ends near 80.6 %, 0.1 with a peak after a
# quarter at 82.0, after half at 83.2. With a rate of 0.3 the rise decides whether training survives
# its beginning at all. Where the peak stands exactly hardly matters as long as it isn't at
# the start; two seeds don't tell 0.25 from 0.75. *Typical wrong answers:* a rate of 0 in the first or
# the last step, which wastes it ($t/T$ instead of $(t + ½)/T$); one seed.


# %%
def peaked(lr, step, steps, peak):
    done = (step + 0.5) / steps
    return lr * min(done / peak, (1 - done) / (1 - peak))


library = [ml.learning_rate("triangle", 0.1, t, 80) for t in range(80)]
ours = [peaked(0.1, t, 80, 0.25) for t in range(80)]
check("a peak after a quarter is the library's triangle", np.allclose(ours, library), "80 steps")


def small_network(seed=0):
    return ml.build_network("16 M 16 32 M 32", [], data.image_shape, 10, features=512, dropout=0.0, seed=seed)


def steps_of(network, rates, seed=0):
    """Train with a learning rate for each step; yield after each step."""
    optimizer, step = ml.SGD(), 0
    for epoch in range(EPOCHS):
        for x, labels in ml.training_batches(data.train, BATCH, seed, epoch, crop=True, flip=True):
            optimizer.lr = rates[step]
            ml.backprop_step(network, x, labels, optimizer, step=step)
            step += 1
            yield step


def test_accuracy(network):
    return 100 * ml.evaluate_network(network, data.test)[len(network)].accuracy


print("test accuracy, %, seeds 0 and 1")
print("highest rate" + "".join(f"     peak {peak:.2f}" for peak in (0.02, 0.25, 0.5, 0.75)))
for lr in (0.03, 0.1, 0.3):
    print(f"{lr:<12}", end="")
    for peak in (0.02, 0.25, 0.5, 0.75):
        rates = [peaked(lr, step, STEPS, peak) for step in range(STEPS)]
        for seed in (0, 1):
            network = small_network(seed)
            for _ in steps_of(network, rates, seed):
                pass
            print(f"{test_accuracy(network):>{6 + 3 * (seed == 0)}.1f}", end="")
    print()

# %% [markdown]
# ## Exercise 3
#
# **Answer.** The average is worth most with a constant rate, at the end: three points. There the
# weights jump around a good place, and their mean lies nearer to it. A schedule that falls to 0 does
# the same by itself, so that at the end of a cosine or a triangle nothing is left to average. Under
# the triangle the average is 13 points ahead after the first epoch, when the rate is near its
# highest, and half a point at the end. That is why it isn't among the seven parts: its gain is gone
# when it counts. *Typical wrong answers:* averaged weights with the running statistics of the others; a
# factor near 1 (0.999), with which the average still holds the random weights of the start.

# %%
schedules = {
    name: [ml.learning_rate(name, 0.1, step, STEPS) for step in range(STEPS)] for name in ("cosine", "triangle")
}
print("test accuracy after each epoch, %")
for name, rates in {"constant": [0.1] * STEPS, **schedules}.items():
    network, average = small_network(), small_network()
    rows = {"weights": [], "their average": []}
    for step in steps_of(network, rates):
        for path, array in average.arrays().items():
            array[...] = 0.95 * array + 0.05 * network.arrays()[path]
        if step % (STEPS // EPOCHS) == 0:
            for row, trained in zip(rows.values(), (network, average), strict=True):
                row.append(test_accuracy(trained))
    for what, row in rows.items():
        print(f"{name:<10}{what:<15}", *(f"{value:6.1f}" for value in row))
