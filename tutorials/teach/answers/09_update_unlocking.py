# %% [markdown]
# # Answers to lesson 9

# %% [markdown]
# ## Exercise 1
#
# **Answer.** $3 + 1 + 2 + 9 \cdot 3 = 33$. Worker 1 never waits until it is done, at 30. Worker 2
# waits 3 at the beginning, then 2 in every step; worker 3 waits 4 at the beginning, then 1 in
# every step. Make block 1 half as costly: then block 3 sets the pace and ten steps take
# $1.5 + 1 + 2 + 9 \cdot 2 = 22.5$, 1.47 times as fast. Halving another block gains 1 or 0.5 in
# all. *Typical wrong answers:* 60 (one worker) or 20; "block 2, because its worker waits most"
# (waiting is where *nothing* is to be gained); 16.5 (as if everything followed block 1).

# %%
for costs in ([3, 1, 2], [1.5, 1, 2], [3, 0.5, 2], [3, 1, 1]):
    end = ends(costs, 10)
    rest = [float(end[b, -1] - 10 * cost) for b, cost in enumerate(costs)]
    print(f"costs {costs}: done at {end[-1, -1]:g}; each worker waits for {rest} in all")
check("33 as they are, 22.5 with a cheaper first block", ends([1.5, 1, 2], 10)[-1, -1] == 22.5, "22.5")

from minilocal.course import show as show_figure

end, costs = ends([3, 1, 2], 10), [3, 1, 2]
show_figure(
    draw_timeline({"costs 3, 1, 2": [
        Job(b + 1, b + 1, end[b, t] - costs[b], end[b, t], str(t + 1)) for t in range(10) for b in range(3)
    ]}, unit="time"),
    "**Figure 1.** Ten steps of three blocks; block 1 sets the pace.",
    alt="A timeline of three workers. Worker 1 has ten jobs without a gap, workers 2 and 3 wait between "
    "theirs; the last one ends at 33.",
)  # fmt: skip

# %% [markdown]
# ## Exercise 2
#
# **Answer.** The best cut is after the second block at each shift, with the bounds 1.96, 1.67 and
# 1.54, and
# 1.71 over a whole period (all blocks' sum over all shifts, divided by the sum of the slower workers'). The
# mean of the three bounds, 1.72, is *not* the right number: times are added, not ratios. Two
# blocks in one stage: chain two `train`s and let `ahead` run the pair; the bits stay the same.
# *Typical wrong answers:* a cut in the middle of the list; 15/2 layers each; giving the two
# `train`s of a stage a `first` that runs layers twice.

# %%
vgg16 = ml.algorithm_costs(ml.CONFIGS["vgg16"], "G3S1")
work, pace = 0, 0
for step in vgg16.steps:
    macs = [part.macs.total for part in step.by_block]
    slower = {cut: max(sum(macs[:cut]), sum(macs[cut:])) for cut in range(1, len(macs))}
    cut = min(slower, key=slower.get)
    work, pace = work + sum(macs), pace + slower[cut]
    print(f"shift {step.shift}: cut after block {cut}, bound {sum(macs) / slower[cut]:.2f}")
print(f"over a period {work / pace:.2f}")


def two_stages(network, blocks, stream, velocity, cut):
    """Train an epoch with two threads: blocks[:cut] on the first, the others on the second."""
    first = 1
    for worker, stage in enumerate((blocks[:cut], blocks[cut:]), 1):
        optimizer = ml.SGD()
        optimizer.velocity = velocity
        for block in stage:
            stream = train(worker, network, block, first, stream, optimizer, [])
            first = block.last + 1
        stream = ahead(stream)
    for _ in stream:
        pass


network, optimizer = build("G2"), ml.SGD()
blocks = ml.parse_schedule("G2").blocks_at(0, len(network))
with ml.one_blas_thread():
    two_stages(network, blocks, iter(some), optimizer.velocity, cut=2)
here = fingerprint(network, optimizer)
check("two blocks in a stage, the same bits", here == plain, f"{here} and {plain}")

# %% [markdown]
# ## Exercise 3
#
# **Answer.** The first job of a block in a new epoch waits for the last job of *every* old block
# that trained one of its layers, and for the previous block's first job as always. From epoch 1 to
# 2 of G3S1 (blocks 1–3, 4–6, then 2–4, 5–6) layer 4 comes from block 2. So block 1 waits for block
# 2's last job: nothing can begin earlier, unless jobs are cut finer (forward of the layers 1 to 3
# needs no layer 4). The same from epoch 2 to 3. From epoch 3 to 4 (3–5, 6, then 1–3, 4–6) the new
# block 1 needs layers 1 and 2, which were frozen, and 3: all of block 1 itself. It can go on while
# block 2 finishes. With six blocks and G2S1 on 12 layers each block waits for its right
# neighbour's last job only, or for its own, and never for the last block's: the pipeline does not
# run empty. Over four epochs of 30 steps that gains 25 of 298 units, nearly all that emptying
# costs; with G3S1 on six layers it is 1 of 612. Between processes a layer is handed over with its
# weights, its running statistics and its momentum (and a classifier that ends up with another
# worker, with its own), right after its last update of the epoch and before its first job of the
# next. *Typical wrong answers:* "everything can overlap, as there is no update locking" (a layer's
# own weights are what a job waits for); forgetting momentum or running statistics.


# %%
def ends_of_epochs(epochs, steps, cost, empty):
    """Return when the last job ends; `epochs` are lists of blocks, `cost` is that of a block's job.

    With `empty` an epoch begins when all jobs of the one before have ended, as in `pipelined_epoch`.
    """
    layer_free, worker_free, all_done = {}, {}, 0.0
    for blocks in epochs:
        begin = all_done if empty else 0.0
        done = [0.0] * len(blocks)
        for t in range(steps):
            features = begin
            for b, block in enumerate(blocks):
                waits = [features, done[b], worker_free.get(b, 0.0)]
                if t == 0:  # layers as their last owner leaves them; frozen ones too, the first block runs them
                    low = 1 if b == 0 else block.first
                    waits += [layer_free.get(i, 0.0) for i in range(low, block.last + 1)]
                done[b] = worker_free[b] = features = max(waits) + cost(b, block)
        for b, block in enumerate(blocks):
            layer_free |= {i: done[b] for i in range(block.first, block.last + 1)}
        all_done = max(done)
    return all_done


def cost(b, block):  # 1 per trained layer, a third for each frozen one
    return block.last - block.first + 1 + ((block.first - 1) / 3 if b == 0 else 0)


for algo, layers in (("G3S1", 6), ("G2S1", 12)):
    schedule, steps = ml.parse_schedule(algo), 30
    epochs = [schedule.blocks_at(epoch, layers) for epoch in range(2 * schedule.period)]
    emptied, overlapped = (ends_of_epochs(epochs, steps, cost, empty) for empty in (True, False))
    print(f"{algo} on {layers} layers, {len(epochs)} epochs of {steps} steps: "
          f"{emptied:.1f} if it runs empty, {overlapped:.1f} if not: {emptied - overlapped:.1f} less")  # fmt: skip
