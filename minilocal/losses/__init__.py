"""What a block learns from: a local loss turns the block's output x_j and the labels into a value and dL/dx_j.

    x_j ─► layers of the loss, such as a classifier A_j ─► value
    dx_j ◄──────────────────────────────────────────────────

    cross_entropy.py   "ce": the paper's
    similarity.py      "sim": similarity matching, which needs no classifier
    predsim.py         "predsim": the weighted sum of the two

Any object with `layers` and the same call can take their place.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from minilocal.layers import Layer
from minilocal.losses.cross_entropy import CrossEntropy, softmax_cross_entropy
from minilocal.losses.predsim import PredSim
from minilocal.losses.similarity import SimilarityMatching, similarity_matching

__all__ = ["CrossEntropy", "LocalLoss", "PredSim", "SimilarityMatching", "similarity_matching", "softmax_cross_entropy"]


class LocalLoss(Protocol):
    """A block's loss, as steps.py uses it.

    Attributes:
        layers: name → layer, the layers of the loss itself, trained with the block. "aux" is the auxiliary classifier,
            which also gives the class scores in evaluation; a loss without class scores has none. Saved names read
            like `aux.3.linear.weight`.
    """

    layers: dict[str, Layer]

    def __call__(self, x: np.ndarray, labels: np.ndarray, need_dx: bool = True) -> tuple[float, int | None, Any]:
        """Return the mean loss, the number of correct predictions, and dL/dx (None unless need_dx).

        x (N, ...) is the block's output, labels (N,) are integers. Overwrites the `grads` of its own layers. A loss
        without class scores predicts nothing; its number of correct predictions is None.
        """
