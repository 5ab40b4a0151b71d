"""How far local gradients point in the direction of backpropagation's."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np

from minilocal.compute.parallel import one_blas_thread
from minilocal.layers import Layer
from minilocal.networks.network import Network
from minilocal.schedule import Block
from minilocal.steps import backprop_step, local_step


def alignment(
    network: Network, blocks: Sequence[Block], x: np.ndarray, labels: np.ndarray, seed: int = 0, step: int = 0
) -> dict[int, float]:
    """Return layer number → cosine between its gradient when `blocks` learn and under BP, on one minibatch.

        cos = g·b / (‖g‖·‖b‖)      g: of the loss of the layer's block, b: of the loss on layer K

    Both take in all the layer's parameters. Frozen layers have no g and are left out, as are layers where g or b is
    zero. The steps run on a copy of the network, which itself keeps every bit; see `backprop_step` for the arguments.
    Source: tutorials/reference.md, "Alignment with BP".
    """
    copied, gradients = copy.deepcopy(network), []
    trained = range(blocks[0].first, len(network) + 1)
    local_step(copied, blocks, x, labels, seed=seed, step=step)
    gradients.append([_gradient(copied.layer(n)) for n in trained])
    backprop_step(copied, x, labels, seed=seed, step=step)
    gradients.append([_gradient(copied.layer(n)) for n in trained])
    with one_blas_thread():
        cosines = {n: _cosine(g, b) for n, g, b in zip(trained, *gradients, strict=True)}
    return {n: cosine for n, cosine in cosines.items() if not math.isnan(cosine)}


def _gradient(layer: Layer) -> np.ndarray:
    """Return the gradients of all parameters as one vector, in float64."""
    return np.concatenate([np.zeros(0), *(gradient.ravel() for gradient in layer.grads.values())])


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    norms = math.sqrt((a @ a) * (b @ b))
    return max(-1.0, min(1.0, float(a @ b) / norms)) if norms else math.nan
