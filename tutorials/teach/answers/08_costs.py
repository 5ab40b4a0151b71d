# %% [markdown]
# # Answers to lesson 8

# %% [markdown]
# ## Exercise 1
#
# **Answer.** By $\frac{1}{3X}$: G4 8.3 %, G5 6.7 %. Computed for VGG-19: 4.0 % and 7.1 %, because
# G4's walls come before layers 5, 9, 13 and 17, which are all cheap. G4S2, 9.5 %, visits the
# shifts 0 and 2; it saves what G4 saves on average over two positions of the walls, and half of
# two layers' weight gradients. GX becomes BP for $X \ge K = 18$. *Typical wrong answers:* $1/X$;
# "X = 19, because of VGG-19" (the name counts the classifier, K does not).

# %%
m, n = nets["vgg19"].macs, a1_of("vgg19")
bp = mean_macs("BP", m, n)
for algo in ("G4", "G5", "G4S2", "G17", "G18"):
    guess = f"guess {100 / (3 * int(algo[1:])):.1f} %" if "S" not in algo else ""
    print(f"{algo:<5}{100 * (1 - mean_macs(algo, m, n) / bp):6.2f} % less than BP   {guess}")
check("G18 is BP", mean_macs("G18", m, n) == bp, f"{bp:,.0f} MACs")

# %% [markdown]
# ## Exercise 2
#
# **Answer.** With $P_\mathrm{local}$ for what G3S2 moves (about $2P$, less what frozen layers do
# not write back): saved $= 1 - P_\mathrm{local} / (3P + 2BA)$. For $B \to \infty$ it goes to 1;
# for $B \to 0$ to $1 - P_\mathrm{local}/3P$, about a third. More than half is saved from
# $B = (2P_\mathrm{local} - 3P)/2A$ on. *Typical wrong answers:* the limit 2/3 for small $B$ (what
# is *left*); counting the classifiers' weights for BP.

# %%
for model in ("vgg16", "vgg11b"):
    P, A = nets[model].weights.sum() + a1_of(model)[-1], nets[model].stored.sum()
    local = words("G3S2", model)
    half = (2 * local - 3 * P) / (2 * A)
    first = next(B for B in range(1, 2000) if words("G3S2", model, B=B) < words("BP", model, B=B) / 2)
    print(f"{model}: limit for small batches {1 - local / (3 * P):.1%}, ", end="")
    print(f"half is saved from B = {half:.1f} on, that is {first}")
    for B in (1, 4, 16, 64, 128, 256, 1024):
        print(f"    B = {B:<5}{1 - words('G3S2', model, B=B) / words('BP', model, B=B):6.1%}")

# %% [markdown]
# ## Exercise 3
#
# **Answer.** Recomputation runs every block forward twice except the last, whose activations are
# still there when the gradient comes:
# $\mathrm{MACs} = 3M - m_1 + 3 n_K + (M - M_\mathrm{last\ block})$. Off chip: a block's weights
# are read for the forward pass and, together with the recomputed one, once more for backward, and
# written: $3P$, but only $2P$ for the last block. Of activations only the blocks' outputs travel,
# each written once and read once: $2 B \sum_\text{blocks but the last} a_j$, with $a_j$ the stored
# output of the block's last layer. (The gradient stays on the chip.) For VGG-16 and X = 3: a third
# more MACs than BP, where G3 needs 13 % fewer; but far fewer accesses than BP, though more than
# G3. BP and recomputation compute the exact gradient of the network's loss, G3 does not. *Typical
# wrong answers:* counting the last block's forward twice; reading activations twice; "G3 is exact
# too, within its block" (of *its* loss, not of the network's).


# %%
def recomputation(model, X, B=128):
    net, n = nets[model], a1_of(model)
    blocks = blocks_by_shift(f"G{X}", len(net.macs))[0]
    first, last = blocks[-1]
    macs = mean_macs("BP", net.macs, n) + sum(net.macs[: first - 1])
    P, P_last = net.weights.sum() + n[-1], sum(net.weights[first - 1 : last]) + n[-1]
    activations = sum(net.stored[j - 1] for _, j in blocks[:-1])
    return macs, 3 * P - P_last + 2 * B * activations


rows = {
    "BP": (mean_macs("BP", net.macs, n := a1_of("vgg16")), words("BP", "vgg16")),
    "recomputation, X = 3": recomputation("vgg16", 3),
    "G3": (mean_macs("G3", net.macs, n), words("G3", "vgg16")),
}
for name, (macs, moved) in rows.items():
    print(
        f"{name:<22}{macs / 1e6:8.0f} million MACs an image ({macs / rows['BP'][0] - 1:+.0%})",
        end="",
    )
    print(f"{moved / 1e6:8.1f} million words a step ({moved / rows['BP'][1] - 1:+.0%})")
check(
    "with one block recomputation takes BP's MACs",
    recomputation("vgg16", 15)[0] == rows["BP"][0],
    "MACs",
)
