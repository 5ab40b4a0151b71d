"""Prediction and similarity together: cross-entropy and similarity matching of the same output.

    x_j ─┬─► A_j ─► softmax cross-entropy ── ·(1 − β) ─┬─► value
         └─► branch ─► similarity matching ─ · β ──────┘

Source: Nøkland & Eidnes 2019, section 2; tutorials/reference.md, "Similarity matching".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minilocal.layers import Layer
from minilocal.losses.cross_entropy import CrossEntropy
from minilocal.losses.similarity import SimilarityMatching

BETA = 0.99


class PredSim(CrossEntropy):
    """L = (1 − β)·L_ce + β·L_sim: the cross-entropy of a classifier, and similarity matching behind a branch."""

    def __init__(
        self, classifier: Layer, branch: Layer, classes: int, smoothing: float = 0.0, beta: float = BETA
    ) -> None:
        super().__init__(classifier, smoothing, weight=1 - beta)
        self.similarity = SimilarityMatching(branch, classes, weight=beta)
        self.layers |= self.similarity.layers

    def __call__(self, x: np.ndarray, labels: np.ndarray, need_dx: bool = True) -> tuple[float, int | None, Any]:
        """Return the loss, the classifier's number of correct predictions, and dL/dx (None unless need_dx).

        If the loss is not finite, dL/dx is None.
        """
        prediction, correct, dx = super().__call__(x, labels, need_dx)
        similarity, _, more = self.similarity(x, labels, need_dx)
        return prediction + similarity, correct, None if dx is None or more is None else dx + more
