"""Where training went wrong: the first layer whose numbers are not finite. Looked for only once a run has diverged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from minilocal.network import Network
from minilocal.schedule import Block


def damaged(network: Network, blocks: Sequence[Block]) -> str | None:
    """Return in words the first gradient, weight or running statistic that is not finite, with its layer and block.

    Return None if all are finite.
    """
    for part, layer in network.parts:
        number = int(part.split(".")[1])
        kinds = {"gradient": layer.grads, "weight": layer.params, "running statistic": layer.state}
        for kind, arrays in kinds.items():
            for name, array in arrays.items():
                if (bad := array[~np.isfinite(array)]).size:
                    block = next((block for block in blocks if block.first <= number <= block.last), None)
                    within = f", block {block}" if block else ""
                    return f"the {kind} of {part}.{name} (layer {number}{within}) is {bad[0]}"
    return None


def behind(network: Network, x: np.ndarray) -> str:
    """Return in words which layer's output for a batch x is the first that is not finite."""
    for number, output in enumerate(_outputs(network, x), 1):
        if not np.isfinite(output).all():
            return f"the output of layer {number} is the first that is not finite"
    return "all layers' outputs are finite"


def _outputs(network: Network, x: np.ndarray) -> Iterator[np.ndarray]:
    for layer in network.layers:
        x = layer.forward(x, training=True)
        layer.release()
        yield x
