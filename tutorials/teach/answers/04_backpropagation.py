# %% [markdown]
# # Answers to lesson 4

# %% [markdown]
# ## Exercise 1
#
# **Answer.** Activations are proportional to the batch and to the image's area, so 32 images take
# half of what 64 take (22.5 MB instead of 45.0 MB, but for BatchNorm's few statistics), 128 twice
# as much, and 64×64 images four times as much, except for the fully connected layer. What does not
# grow with the batch: parameters, gradients, momentum, running statistics. With the image grow, of
# all parameters, only those of the first fully connected layer, whose input is the flattened map.
# *Typical wrong answers:* adding the weights to the peak (`recorded` counts what layers keep for
# backward); "twice the side, twice the memory".

# %%
batch_of_32 = next(ml.training_batches(data.train, 32, seed=0, epoch=0, crop=True, flip=True))
for count in (32, 128):
    predicted = count * bytes_per_image(network).sum() + statistics
    print(f"{count:>3} images of 32×32: {predicted:>11,} bytes predicted")
with recorded(network) as moments:
    careful_step(network, *batch_of_32)
measured = max(moment.total for moment in moments)
predicted = 32 * bytes_per_image(network).sum() + statistics
check("32 images, measured", measured == predicted, f"{measured:,} bytes")

wide = ml.build_vgg("vgg8b", (64, 64, 1), classes=10, width=0.125)
print(f" 32 images of 64×64: {32 * bytes_per_image(wide).sum() + statistics:>11,} bytes predicted")
for number, (a, b) in enumerate(zip(network.layers, wide.layers, strict=True), 1):
    sizes = [sum(p.size for p in layer.params.values()) for layer in (a, b)]
    if sizes[0] != sizes[1]:
        print(f"layer {number}: {sizes[0]:,} parameters become {sizes[1]:,}")

# %% [markdown]
# ## Exercise 2
#
# **Answer.** Below. The gradients are equal to the bit, because the masks are functions of (seed,
# step, layer) and not of how often they are asked for, and BatchNorm uses the batch's statistics
# both times. What does *not* end as in `backprop_step` are the **running means and variances of
# layers 1 to 3**: they follow the batch twice. The peak falls by what layers 1 to 3 keep, and is
# now where they are run again: they are the largest, so little is gained here; the best place to
# cut is where the halves are equal. *Typical wrong answers:* forgetting to release before the loss
# (nothing is saved); running again with new keys (the gradients are those of another network);
# "the weights differ" (they can't: gradients are equal).


# %%
def checkpointed_step(network, x, labels, last=3):
    network.set_dropout_keys(seed=0, step=0)
    below, above = network.layers[:last], network.layers[last:]
    x0 = x
    for layer in below:
        x = layer.forward(x, training=True)
        layer.release()  # keep nothing but x0
    for layer in above:
        x = layer.forward(x, training=True)
    logits = network.classifier().forward(x, training=True)
    loss, dlogits = ml.softmax_cross_entropy(logits, labels)
    dx = network.classifier().backward(dlogits)
    network.classifier().release()
    for layer in reversed(above):
        dx = layer.backward(dx)
        layer.release()
    x = x0
    for layer in below:
        x = layer.forward(x, training=True)  # once more
    for layer in reversed(below):
        dx = layer.backward(dx, need_dx=layer is not network.layers[0])
        layer.release()
    return loss


mine, theirs = (ml.build_vgg("vgg8b", data.image_shape, classes=10, width=0.125) for _ in range(2))
ml.backprop_step(theirs, images, labels)
with recorded(mine) as checkpointed:
    checkpointed_step(mine, images, labels)
pairs = list(zip(mine.named_layers(), theirs.named_layers(), strict=True))
equal = [np.array_equal(a.grads[n], b.grads[n]) for (_, a), (_, b) in pairs for n in a.grads]
check("gradients equal backprop_step's to the bit", all(equal), f"{len(equal)} arrays")
differ = [name for (name, a), (_, b) in pairs for n in a.state if not np.array_equal(a.state[n], b.state[n])]
print("running statistics are not as in backprop_step:", ", ".join(dict.fromkeys(differ)))
with recorded(mine) as at_once:
    careful_step(mine, images, labels)
peaks = [max(moment.total for moment in step) for step in (at_once, checkpointed)]
print(f"peak {peaks[0] / 1e6:.1f} MB, with checkpoint after layer 3 {peaks[1] / 1e6:.1f} MB")
for last in (1, 2, 4, 5):
    with recorded(mine) as step:
        checkpointed_step(mine, images, labels, last)
    print(f"    after layer {last}: {max(moment.total for moment in step) / 1e6:.1f} MB")

# %% [markdown]
# ## Exercise 3
#
# **Answer.** Below. Between $h = 10^{-3}$ and $10^{-7}$ or so the two numbers agree better and
# better until rounding takes over; $h \approx 10^{-6}$ works best here. A kink (a ReLU that
# switches, a max-pool that picks another place) between $x_0 - hv$ and $x_0 + hv$ makes an error
# that goes down with $h$, not with $h^2$, because fewer units switch *and* each matters less. One
# such test sees every layer, every channel and every image at once: a single wrong entry anywhere
# shows, where ten entries of `check_gradient` may miss it. It says less about *where*, it does not
# check the parameters' gradients, and an error that happens to be orthogonal to $r$ and $v$ would
# pass (draw them again). *Typical wrong answers:* float32 (nothing agrees); forgetting the dropout
# keys before each pass (three different networks); $v$ of length 1 with $h = 10^{-4}$ on 16,384
# numbers, and wondering why the change is so small.

# %%
exact = ml.build_network("8 M 16 M", [32], (16, 16, 1), 10, "BP", features=64, dtype=np.float64)
random = np.random.default_rng(5)
x0 = random.standard_normal((16, 16, 16, 1))


def features_of(x):
    exact.set_dropout_keys(0, 0)
    for layer in exact.layers:
        x = layer.forward(x, training=True)
    return x


v = random.standard_normal(x0.shape)
r = random.standard_normal(features_of(x0).shape)
gradient = r
for layer in reversed(exact.layers):
    gradient = layer.backward(gradient, need_dx=True)
right = np.vdot(gradient, v)
errors_by_h = {}
for h in 10.0 ** -np.arange(2, 10):
    left = np.vdot(r, (features_of(x0 + h * v) - features_of(x0 - h * v)) / (2 * h))
    errors_by_h[h] = abs(left - right) / abs(right)
    print(f"h = {h:.0e}: ⟨r, Jv⟩ = {left:+.8f}, ⟨Jᵀr, v⟩ = {right:+.8f}, relative error {errors_by_h[h]:.0e}")
best = min(errors_by_h, key=errors_by_h.get)
check("backward is the transpose of forward", errors_by_h[best] < 1e-6, f"h = {best:.0e}")
