"""The networks, built from config lists in the usual notation: widths of conv layers, 'M' for a 2×2 max-pool.

A layer is CBRD (Conv, BatchNorm, ReLU, Dropout), FBRD (fully connected, then the same) or a residual block. A max-pool
belongs to the layer after it: that layer begins with the pool, and the auxiliary classifier before it sees the unpooled
map.

By default BatchNorm, ReLU and dropout are one layer (layers/fused.py), and convolutions are computed in the fastest way
(layers/conv.py). With fused=False and conv="im2col", as in `--plain`, a network runs the plain layers instead.
Source: Lee, Lee & Jeon 2021, section III; He et al. 2016; tutorials/reference.md, "Networks".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from minilocal.compute.streams import AUXILIARY_INIT, INIT, SIMILARITY_INIT, generator
from minilocal.errors import InputError, naming
from minilocal.layers import BatchNorm, BatchNormReLUDropout, Conv2d, Dropout, Flatten, Layer, Linear, MaxPool2d, ReLU
from minilocal.layers.residual import PadShortcut, Residual
from minilocal.layers.sequential import Sequential, leaves
from minilocal.layers.whitening import Whitening
from minilocal.losses import PredSim, SimilarityMatching
from minilocal.networks.auxiliary import CLASSIFIERS, own_classifier, similarity_branch
from minilocal.networks.configs import Stage, architecture, check_local_loss, check_task, fitting, parse_stages
from minilocal.networks.network import Network
from minilocal.schedule import Schedule, parse

# The paper's dropout rates where they depend on the data set; elsewhere it is `Architecture.dropout`.
DROPOUT = {
    ("vgg11b", "cifar10"): 0.2,
    ("vgg11bx2", "cifar10"): 0.25,
    ("vgg11b", "cifar100"): 0.1,
    ("vgg11bx2", "cifar100"): 0.1,
}


def build_vgg(
    model: str,
    image_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    algo: str | Schedule = "BP",
    width: float = 1.0,
    whiten: bool = False,
    **options: Any,
) -> Network:
    """Return one of `CONFIGS`, with its conv and FC widths and D multiplied by `width`.

    With `whiten` it begins with the whitening of images, which a `Trainer` fits to its own.

    The options are those of `build_network`. Raises `InputError` if the model is unknown, if the width is above 8 or
    leaves no whole number of channels, or if the model does not fit the images.
    """
    config = architecture(model, width, whiten)
    return build_network(config.stages, config.fc, image_shape, classes, algo, features=config.features, **options)


def build_network(
    stages: str | Sequence[int | str],
    fc: Sequence[int],
    image_shape: tuple[int, int, int],
    classes: int,
    algo: str | Schedule = "BP",
    *,
    features: int = 2048,
    classifier: str = "a1",
    dropout: float = 0.05,
    seed: int = 0,
    dtype: Any = np.float32,
    conv: str = "auto",
    fused: bool = True,
    local_loss: str = "ce",
    dirac: bool = False,
) -> Network:
    """Return a network built from a config list, with the local losses that the algorithm needs.

    Args:
        stages: the config list, such as "32 32 M 64 64 M" or [32, 32, "M", 64, 64, "M"].
        fc: widths of the fully connected layers after it; may be empty.
        image_shape: (height, width, channels) of the inputs.
        classes: number of classes, at least 2.
        algo: "BP", "G2", "G3S2", … or a `Schedule`; it decides which layers get an auxiliary classifier.
        features: D, the most features that an A1 classifier's Linear sees.
        classifier: "a1" or "a2".
        dropout: dropout rate of every layer.
        seed: of the initial weights; each layer has a random stream of its own.
        dtype: float32 to train, float64 to check gradients.
        conv: method of the convolutions: "im2col", "winograd", "dense", or "auto" for the fastest.
        fused: whether BatchNorm, ReLU and Dropout are one layer or three; both give the same bits.
        local_loss: "ce", "sim" or "predsim"; with "sim", the last layer keeps cross-entropy.
        dirac: whether convolutions start as the identity, as far as their channels go.

    Raises `InputError` if something is out of range or does not fit the images.
    """
    check_task(image_shape, classes)
    if seed < 0:
        raise InputError(f"seed is {seed}; it must be at least 0")
    if classifier not in CLASSIFIERS:
        raise InputError(f"classifier {classifier!r} is unknown; choose from {', '.join(CLASSIFIERS)}")
    schedule = parse(algo) if isinstance(algo, str) else algo
    check_local_loss(local_loss, schedule)
    layers: list[Layer] = []
    auxiliary: dict[int, Layer] = {}
    shapes: list[tuple[int, ...]] = [tuple(image_shape)]  # of the image, and after each layer
    parsed = parse_stages(stages, fc)
    with fitting(image_shape):
        for number, stage in enumerate(parsed, 1):
            rng = generator(seed, INIT, number)
            layers.append(_layer(stage, shapes[-1], dropout, rng, dtype, conv, fused))
            with naming(f"layer {number}"):
                shapes.append(layers[-1].output_shape(shapes[-1]))
        schedule.check(len(layers))
        for number in schedule.classifiers(len(layers)):
            rng = generator(seed, AUXILIARY_INIT, number)
            if number < len(layers):
                auxiliary[number] = CLASSIFIERS[classifier](shapes[number], classes, features, rng, dtype)
            else:
                auxiliary[number] = own_classifier(shapes[number], classes, rng, dtype, parsed[-1].average)
    if dirac:
        for leaf in chain.from_iterable(map(leaves, layers)):
            if isinstance(leaf, Conv2d):
                leaf.start_as_identity()
    network = Network(layers, auxiliary, image_shape)
    if local_loss != "ce":
        _match_similarity(network, local_loss, classes, seed, dtype, conv)
    return network


def _match_similarity(network: Network, local_loss: str, classes: int, seed: int, dtype: Any, conv: str) -> None:
    """Replace the cross-entropy on each layer by `local_loss`; with "sim", the last layer keeps it."""
    for number, classifier in network.auxiliary.items():
        if local_loss == "predsim" or number < len(network):
            rng = generator(seed, SIMILARITY_INIT, number)
            with naming(f"layer {number}"):
                branch = similarity_branch(network.shapes[number - 1], rng, dtype, conv)
            if local_loss == "predsim":
                network.losses[number] = PredSim(classifier, branch, classes)
            else:
                network.losses[number] = SimilarityMatching(branch, classes)


def _layer(stage: Stage, shape: tuple[int, ...], dropout: float, rng: Any, dtype: Any, conv: str, fused: bool) -> Layer:
    """Return a layer of a config list for inputs of that shape; the caller checks that a max-pool fits."""
    kind, width, pool, kernel, stride, _, whiten = stage
    if whiten:
        whitening, alone = Whitening(shape[-1], dtype, conv), stage._replace(whiten=False)
        layer = _layer(alone, whitening.output_shape(shape), dropout, rng, dtype, conv, fused)
        return Sequential(whiten=Sequential(patches=whitening, relu=ReLU()), **layer.layers)
    if kind == "fc":
        d_in = max(1, math.prod(shape) // 4) if pool else math.prod(shape)
        return fbrd(d_in, width, dropout, pool, rng=rng, dtype=dtype, fused=fused)
    options: dict[str, Any] = {"rng": rng, "dtype": dtype, "fused": fused, "conv": conv, "kernel": kernel}
    if kind == "conv":
        return cbrd(shape[-1], width, dropout, pool, stride=stride, **options)
    block = residual(shape[-1], width, dropout, stride, kind == "projection", **options)
    return Sequential(pool=MaxPool2d(2), residual=block) if pool else block


def cbrd(
    c_in: int, c_out: int, dropout: float = 0.05, pool: bool = False, *, rng: Any, dtype: Any = np.float32,
    fused: bool = True, conv: str = "auto", kernel: int = 3, stride: int = 1,
) -> Sequential:  # fmt: skip
    """Return a conv layer: a 2×2 max-pool if pool, then Conv, BatchNorm, ReLU and Dropout.

    It turns maps (H, W, c_in) into maps (⌈H/stride⌉, ⌈W/stride⌉, c_out), or half as high and wide if pool; `kernel` is
    odd. `fused` and `conv` are those of `build_network`.
    """
    product = {"conv": Conv2d(c_in, c_out, kernel, stride, kernel // 2, rng=rng, dtype=dtype, method=conv)}
    return _around(product, c_out, dropout, pool, dtype, fused)


def residual(
    c_in: int, c_out: int, dropout: float = 0.05, stride: int = 1, projection: bool = False, *, rng: Any,
    dtype: Any = np.float32, fused: bool = True, conv: str = "auto", kernel: int = 3,
) -> Residual:  # fmt: skip
    """Return a residual block: Conv, BatchNorm, ReLU, Dropout, Conv and BatchNorm, and a shortcut around them.

    It turns maps (H, W, c_in) into maps (⌈H/stride⌉, ⌈W/stride⌉, c_out). The shortcut is x itself where that fits, and
    otherwise x at every stride-th pixel with channels of zeros added; with `projection`, it is a 1×1 convolution with
    BatchNorm. Dropout stands between the convolutions, as in Zagoruyko & Komodakis 2016. Source: He et al. 2016.
    """
    options: dict[str, Any] = {"rng": rng, "dtype": dtype, "method": conv}
    body: dict[str, Layer] = {"conv1": Conv2d(c_in, c_out, kernel, stride, kernel // 2, **options)}
    body |= {f"{name}1": layer for name, layer in _after(c_out, dropout, dtype, fused).items()}
    body |= {"conv2": Conv2d(c_out, c_out, kernel, 1, kernel // 2, **options), "bn2": BatchNorm(c_out, dtype)}
    shortcut: Layer | None = None
    if projection:
        shortcut = Sequential(conv=Conv2d(c_in, c_out, 1, stride, 0, **options), bn=BatchNorm(c_out, dtype))
    elif (c_in, stride) != (c_out, 1):
        shortcut = PadShortcut(c_in, c_out, stride)
    return Residual(Sequential(**body), shortcut)


def fbrd(
    d_in: int,
    d_out: int,
    dropout: float = 0.05,
    pool: bool = False,
    *,
    rng: Any,
    dtype: Any = np.float32,
    fused: bool = True,
) -> Sequential:
    """Return an FC layer: a 2×2 max-pool if pool, then Flatten, Linear, BatchNorm, ReLU and Dropout.

    It turns maps or vectors, of d_in numbers after the pool, into vectors of d_out.
    """
    product = {"flatten": Flatten(), "linear": Linear(d_in, d_out, bias=False, gain=2, rng=rng, dtype=dtype)}
    return _around(product, d_out, dropout, pool, dtype, fused)


def _around(product: dict[str, Any], width: int, dropout: float, pool: bool, dtype: Any, fused: bool) -> Sequential:
    """Return a whole layer: a max-pool if pool, the product (conv or Linear), then BatchNorm, ReLU and Dropout."""
    before: dict[str, Layer] = {"pool": MaxPool2d(2)} if pool else {}
    return Sequential(**before, **product, **_after(width, dropout, dtype, fused))


def _after(width: int, dropout: float, dtype: Any, fused: bool) -> dict[str, Layer]:
    """Return BatchNorm, ReLU and Dropout, in one layer or in three."""
    if fused:
        return {"bn": BatchNormReLUDropout(width, dropout, dtype)}
    return {"bn": BatchNorm(width, dtype), "relu": ReLU(), "dropout": Dropout(dropout)}
