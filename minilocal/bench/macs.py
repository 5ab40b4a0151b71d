"""Multiply-adds of a training step and of inference, per image, counted as im2col products with their padding.

Source: tutorials/reference.md, "Cost model"; a product that needs fewer multiplications (Winograd's, say) is counted
as if it needed them all, so that rates are *effective* ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from minilocal.costs import block_macs
from minilocal.networks.network import Network
from minilocal.schedule import Block


def step_macs(network: Network, blocks: Sequence[Block]) -> int:
    """Return one image's multiply-adds in a step that trains these blocks."""
    classifiers = {block.last: classifier_macs(network, block.last) for block in blocks}
    return sum(int(macs.total) for macs in block_macs(layer_macs(network), classifiers, blocks))


def inference_macs(network: Network) -> int:
    """Return one image's multiply-adds in inference: every layer's forward, and A_K's."""
    return sum(layer_macs(network)) + classifier_macs(network, len(network))


def layer_macs(network: Network) -> list[int]:
    """Return each layer's forward multiply-adds."""
    inputs = [network.input_shape, *network.shapes]
    return [layer.macs(shape) for layer, shape in zip(network.layers, inputs, strict=False)]


def classifier_macs(network: Network, number: int) -> int:
    """Return the forward multiply-adds of a layer's classifier."""
    return network.classifier(number).macs(network.shapes[number - 1])
