"""Where training went wrong: the first layer whose numbers are not finite. Looked for only once a run has diverged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minilocal.errors import NonFiniteError
from minilocal.network import Network
from minilocal.schedule import Block


def explain(error: NonFiniteError, network: Network, blocks: Sequence[Block], x: np.ndarray) -> str:
    """Return in words what a step on a batch x raised, with the first layer whose gradient, weight or output is bad."""
    if what := damaged(network, blocks):
        return what
    return str(error) if error.layer is None else f"{error} ({behind(network, x, error.layer)})"


def damaged(network: Network, blocks: Sequence[Block], statistics: bool = False) -> str | None:
    """Return in words the first gradient or weight that is not finite, with its layer and block; None if all are.

    With `statistics`, running statistics are looked at too.
    """
    for part, layer in network.parts:
        number = int(part.split(".")[1])
        kinds = {"gradient": layer.grads, "weight": layer.params}
        kinds |= {"running statistic": layer.state} if statistics else {}
        for kind, arrays in kinds.items():
            for name, array in arrays.items():
                if (bad := array[~np.isfinite(array)]).size:
                    block = next((block for block in blocks if block.first <= number <= block.last), None)
                    within = f", block {block}" if block else ""
                    return f"the {kind} of {part}.{name} (layer {number}{within}) is {bad[0]}"
    return None


def behind(network: Network, x: np.ndarray, last: int) -> str:
    """Return in words which layer's output for a batch x, up to layer `last`, is the first that is not finite."""
    for number in range(1, last + 1):
        x = network.layer(number).forward(x, training=True)
        network.layer(number).release()
        if not np.isfinite(x).all():
            return f"the output of layer {number} is the first that is not finite"
    return f"the outputs of all layers up to {last} are finite"
