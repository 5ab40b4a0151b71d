"""The table of tutorials/comparison.md: what other methods would cost on VGG-16.

    python tutorials/comparison.py

prints its rows, computed by our cost model; a test compares them with the page. The auxiliary
networks are those of the papers or of the authors' code. Where these say nothing about VGG-16, the
page states what is assumed.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from minilocal.costs import algorithm_costs, block_macs
from minilocal.costs.sizes import ClassifierSize, a1_size, a2_size, layer_sizes
from minilocal.networks.configs import architecture
from minilocal.schedule import Block, parse

VGG16 = architecture("vgg16")
IMAGE, CLASSES = (32, 32, 3), 10
LAYERS = layer_sizes(VGG16.stages, VGG16.fc, IMAGE)
K = len(LAYERS)
CONVS = len(VGG16.stages.replace("M", "").split())
BP = algorithm_costs(VGG16, "BP").macs
OWN = LAYERS[-1].output[0] * CLASSES  # weights of A_K, and its MACs


class Extra(NamedTuple):
    """What a method adds to the K layers and A_K: weights, and a step's MACs per image."""

    weights: int
    macs: int


def trained(*products: tuple[int, int]) -> Extra:
    """Return the cost of layers with these (weights, forward MACs) and of both their gradients."""
    return Extra(sum(weights for weights, _ in products), 3 * sum(macs for _, macs in products))


def together(*extras: Extra) -> Extra:
    """Return the sum of several costs."""
    return Extra(sum(extra.weights for extra in extras), sum(extra.macs for extra in extras))


def classifier(size: ClassifierSize) -> Extra:
    """Return the cost of a classifier that learns."""
    return trained((size.weights, size.macs))


def conv(pixels: int, inputs: int, outputs: int) -> tuple[int, int]:
    """Return weights and MACs of a 3×3 convolution with that many output pixels."""
    weights = 9 * inputs * outputs
    return weights, pixels * weights


def linear(inputs: int, outputs: int) -> tuple[int, int]:
    """Return weights and MACs of a Linear."""
    return inputs * outputs, inputs * outputs


def output(number: int) -> tuple[int, ...]:
    """Return the shape of x_i."""
    return LAYERS[number - 1].output


def pred(number: int) -> Extra:
    """A1: average pooling and one Linear."""
    return classifier(a1_size(output(number), CLASSES, VGG16.features))


def dgl(number: int) -> Extra:
    """A2 on a map: three 1×1 convolutions and four Linears; A1 on a vector."""
    return classifier(a2_size(output(number), CLASSES, VGG16.features))


def infopro(number: int) -> Extra:
    """A decoder that restores the image, and a classifier with a convolution; A1 on a vector."""
    if number > CONVS:
        return pred(number)
    height, width, channels = output(number)
    wider, stride = (2 * channels, 2) if channels < 512 else (channels, 1)
    pixels = IMAGE[0] * IMAGE[1]
    decoder = trained(conv(pixels, channels, 12), conv(pixels, 12, IMAGE[2]))
    head = conv(height * width // stride**2, channels, wider)
    return together(decoder, trained(head, linear(wider, 128), linear(128, CLASSES)))


def auglocal(number: int, depth: int = 2, pyramid: float = 0.5) -> Extra:
    """Convolutions like those of later layers, evenly spaced, the map's mean, and a Linear."""
    if number >= CONVS:
        return pred(number)
    share = pyramid * (number - 1) / (CONVS - 2)
    depth = min(max(1, round(depth * (1 - share) + share)), CONVS - number)
    height, width, channels = output(number)
    products = []
    for i in range(1, depth + 1):
        chosen = output(round(number + (CONVS - number) * i / depth))[-1]
        if chosen != channels:  # a 2×2 max-pool
            height, width = height // 2, width // 2
        products.append(conv(height * width, channels, chosen))
        channels = chosen
    return trained(*products, linear(channels, CLASSES))


def mono_forward(number: int) -> Extra:
    """One matrix from all numbers that the next layer gets to the classes."""
    return trained(linear(LAYERS[number - 1].stored, CLASSES))


def man(number: int) -> Extra:
    """Two copies of the next layer, one that learns and one that follows; DGL's network."""
    following = LAYERS[number]
    learns = trained((following.weights, following.macs))
    follows = Extra(following.weights, 2 * following.macs)  # forward and input gradient
    return together(learns, follows, dgl(number + 1))


def dgl_in_patches(number: int) -> Extra:
    """DGL's network on each quarter of a map; the four outputs are averaged."""
    if number > CONVS:
        return dgl(number)
    height, width, channels = output(number)
    size = a2_size((height // 2, width // 2, channels), CLASSES, VGG16.features)
    return Extra(size.weights, 4 * 3 * size.macs)


def hpff(blocks: list[Block]) -> Extra:
    """Each block's loss, and one for every two neighbours, which run once more for it."""
    parts = [dgl_in_patches(block.last) for block in blocks[:-1]]
    for block, following in pairwise(blocks):
        pair = Block(block.first, following.last)
        macs = [layer.macs for layer in LAYERS[pair.first - 1 : pair.last]]
        again = sum(macs) + sum(macs) + sum(macs[1:])  # forward, weight and input gradients
        loss = dgl_in_patches(pair.last)
        parts.append(Extra(0 if pair.last == K else loss.weights, loss.macs + again))
    return together(*parts)


OURS = {  # what the library trains, with its options
    "pred (= G1, G3 with A1)": {},
    "sim": {"local_loss": "sim"},
    "predsim": {"local_loss": "predsim"},
    "DGL (= G1, G3 with A2)": {"classifier": "a2"},
}
METHODS: dict[str, Callable[[int], Extra]] = {
    "InfoPro": infopro,
    "DGL + MAN": man,
    "AugLocal": auglocal,
    "Mono-Forward": mono_forward,
}


def cells(extra: Extra, step: float) -> str:
    """Return the cells of a row: weights, MACs, and the whole step against BP's."""
    weights, macs = extra.weights / 1e6, extra.macs / 1e6
    return f"{weights:,.2f} | {macs:,.1f} | {100 * (step / BP - 1):+.1f} %".replace("-", "−")


def extras(algo: str, method: Callable[[int], Extra] | None) -> str:
    """Return the cells of a method, or of HPFF if None, in the blocks of an algorithm."""
    blocks = parse(algo).blocks_at(0, K)
    macs = block_macs([layer.macs for layer in LAYERS], {block.last: 0 for block in blocks}, blocks)
    extra = together(*(method(block.last) for block in blocks[:-1])) if method else hpff(blocks)
    return cells(extra, sum(part.total for part in macs) + 3 * OWN + extra.macs)


def ours(algo: str, **options: str) -> str:
    """Return the cells of one of our algorithms."""
    costs = algorithm_costs(VGG16, algo, **options)
    macs = round(costs.mean.macs.classifiers) - 3 * OWN
    return cells(Extra(costs.classifier_weights - OWN, macs), costs.macs)


def table() -> list[str]:
    """Return the rows of the page's table, in Markdown."""
    none = "— | — | —"
    rows = [f"| {name} | {ours('G1', **o)} | {ours('G3', **o)} |" for name, o in OURS.items()]
    rows += [
        f"| {name} | {extras('G1', method)} | {extras('G3', method)} |"
        for name, method in METHODS.items()
    ]
    rows.insert(-2, f"| DGL + HPFF | {extras('G1', None)} | {extras('G3', None)} |")
    forward_forward = 2 * 2 * sum(layer.macs for layer in LAYERS)  # two images, two products
    rows.append(f"| Forward-Forward | {cells(Extra(0, 0), forward_forward)} | {none} |")
    rows += [f"| {algo} (A1) | {none} | {ours(algo)} |" for algo in ("G2S1", "G3S1", "G3S2")]
    return rows


if __name__ == "__main__":
    print(*table(), sep="\n")
