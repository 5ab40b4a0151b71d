"""What a step did, as whoever took it tells the trainer."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from minilocal.compute.parallel import one_blas_thread
from minilocal.errors import NonFiniteError
from minilocal.networks.network import Network
from minilocal.steps import BlockResult


@dataclass(frozen=True)
class StepOutcome:
    """A step's results by block, and by trained layer the L2 norm of all its gradients together."""

    results: list[BlockResult]
    gradient_norms: dict[int, float]

    @classmethod
    def of(cls, results: list[BlockResult], network: Network) -> StepOutcome:
        """Return the outcome of blocks that were trained just now; raises `NonFiniteError` if a norm is not finite."""
        numbers = (number for result in results for number in range(result.block.first, result.block.last + 1))
        norms = {number: norm(network.layer(number).grads.values(), f"layer {number}'s gradient") for number in numbers}
        return cls(results, norms)


def norm(arrays: Iterable[np.ndarray], what: str) -> float:
    """Return the L2 norm of all arrays' entries together; raises `NonFiniteError`, with `what`, if it is not finite."""
    with one_blas_thread():  # a dot product by several BLAS threads would depend on how many
        result = math.sqrt(sum(float(np.vdot(a, a)) for a in arrays))
    if not math.isfinite(result):
        raise NonFiniteError(f"the norm of {what} is {result}")
    return result
