"""Where training went wrong: the first layer whose numbers are not finite. Used only once a run has diverged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minilocal.errors import NonFiniteError
from minilocal.networks.network import Network
from minilocal.schedule import Block


def diagnosed(
    error: NonFiniteError, network: Network, blocks: Sequence[Block], x: np.ndarray, first: int = 1
) -> NonFiniteError:
    """Return an error that names the first gradient or weight that is not finite, or, for a loss, the first output.

    The step trained `blocks`; x is the batch that layer `first` received.
    """
    if what := damaged(network, blocks):
        return NonFiniteError(what)
    if error.layer is None:
        return error
    return NonFiniteError(f"{error} ({first_damaged_output(network, x, first, error.layer)})")


def damaged(network: Network, blocks: Sequence[Block], statistics: bool = False) -> str | None:
    """Name the first gradient or weight that is not finite, with its layer and block; None if all are finite.

    With `statistics`, running statistics are checked too.
    """
    for name, layer in network.named_layers():
        number = int(name.split(".")[1])
        kinds = {"gradient": layer.grads, "weight": layer.params}
        kinds |= {"running statistic": layer.state} if statistics else {}
        for kind, arrays in kinds.items():
            for key, array in arrays.items():
                if (bad := array[~np.isfinite(array)]).size:
                    block = next((block for block in blocks if block.first <= number <= block.last), None)
                    within = f", block {block}" if block else ""
                    return f"the {kind} of {name}.{key} (layer {number}{within}) is {bad[0]}"
    return None


def first_damaged_output(network: Network, x: np.ndarray, first: int, last: int) -> str:
    """Say which output of layers first … last, for the batch x, is the first that is not finite."""
    for number in range(first, last + 1):
        x = network.layer(number).forward(x, training=True)
        network.layer(number).release()
        if not np.isfinite(x).all():
            return f"the output of layer {number} is the first that is not finite"
    return f"all outputs up to layer {last} are finite"
