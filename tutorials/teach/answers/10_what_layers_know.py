# %% [markdown]
# # Answers to lesson 10
#
# These need the lesson's networks, and two more, trained on half of the lesson's images.

# %%
data, EPOCHS = ml.prepare("fashion-mnist-mini", train_size=3000, test_size=2000), 6
asked = {"BP": ("BP", 0), "G1": ("G1", 0), "G3S2": ("G3S2", 0), "BP, other seed": ("BP", 1), "G3": ("G3", 0),
         "G2S1": ("G2S1", 0)}  # fmt: skip
networks = {name: trained(*how) for name, how in asked.items()} | {"untrained": build("BP", seed=0)}

# %% [markdown]
# ## Exercise 1
#
# **Answer.** With 32 numbers instead of 128 the probes of the images and of layers 1 to 3 lose
# seven to ten points: they see averages over larger windows (layer 1: 16 channels at two places).
# With 512 layer 1 gains about five points, layers 2 to 5 two to four, and the untrained network no
# less than the trained ones: it is the probe that has got better. Layer 6 has its 128 in any case,
# so at 512 the comparison is *not* fair any more between layers: layer 6 of BP is below its layer
# 1. Between algorithms it stays fair, because the same layer has the same count. *Typical wrong
# answers:* "more numbers, better layers" (the layers are the same); comparing layer 6 at 32
# numbers (it has no pool: it keeps 128, four times as many as the others).

# %%
with ml.one_blas_thread():
    for FEATURES in (32, 128, 512):
        print(f"{FEATURES} numbers      " + "".join(f"{f'x_{i}':>8}" for i in range(K + 1)))
        for name in ("BP", "G1", "untrained"):
            row = [probe_accuracy(*pair) for pair in features(networks[name])]
            print(f"    {name:<14}" + "".join(f"{100 * a:8.1f}" for a in row))
FEATURES = 128

# %% [markdown]
# ## Exercise 2
#
# **Answer.** A good prediction: G3's blocks end at layers 3 and 6, so its curve is near G1's at
# layer 3 (and 6, where all meet), and near BP's at layers 1, 2, 4 and 5. G2S1's blocks end at 2,
# 4, 6 and at 3, 5, 6 in turn: every layer but the first ends a block every other epoch, so its
# curve follows G1's from layer 2 on. In this run G3 is with G1 at layer 3 and near BP at layer 5,
# but at layer 4 it is nearer to G1: what comes out of layer 3 resembles the labels already. G2S1
# is with G1 from layer 3 on. Mark the prediction's reason rather than its success: one seed moves
# a point of the curve by 0.02 or so. *Typical wrong answer:* G2S1 between BP and G1 everywhere,
# "because its blocks are larger than G1's and smaller than BP's".

# %%
with ml.one_blas_thread():
    tests = {name: [test for _, test in features(network)] for name, network in networks.items()}
onehot = np.eye(len(data.classes))[data.test.labels]
print(f"{'CKA with the labels':24}" + "".join(f"{i:7}" for i in range(1, K + 1)))
for name in ("BP", "G1", "G3", "G2S1", "G3S2"):
    print(f"{name:24}" + "".join(f"{cka(test, onehot):7.2f}" for test in tests[name][1:]))

# %% [markdown]
# ## Exercise 3
#
# **Answer.** A linear function of the one-hot labels gives every image of a class the same row.
# The best one in the sense of least squares gives it the mean of its class, so subtracting class
# means projects $X$ onto what is orthogonal to all ten columns; the CKA of the rest with the
# labels is 0. What is left is still alike, far above the noise's 0.06: trained networks share
# *how* images of one class differ (bright or dark, long or short sleeves), much of which is in the
# images and in the common initial weights. They share least in the deeper layers, where two seeds
# differ nearly as much as two algorithms. *Typical wrong answers:* subtracting the mean of all
# images (CKA does that already); "alike because of the labels alone".


# %%
def without_classes(Z):
    means = np.stack([Z[data.test.labels == label].mean(axis=0, dtype=np.float64) for label in range(10)])
    return Z - means[data.test.labels]


rest = {name: [without_classes(test) for test in row] for name, row in tests.items()}
largest = max(cka(layer, onehot) for row in rest.values() for layer in row)
check(
    "nothing linear in the labels is left",
    largest < 1e-12,
    f"largest CKA with the labels {largest:.0e}",
)
print(f"{'CKA of what is left':24}" + "".join(f"{i:7}" for i in range(1, K + 1)))
for pair in PAIRS:
    one, other = pair.split(" and ")
    row = [cka(a, b) for a, b in zip(rest[one], rest[other], strict=True)]
    print(f"{pair:24}" + "".join(f"{value:7.2f}" for value in row[1:]))
print(f"noise {128 / (2000 + 128):.2f}")
