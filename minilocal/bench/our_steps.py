"""Our side of a comparison, a worker process: minilocal's steps of one algorithm, or its inference."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from minilocal.bench.batch import CLASSES, DROPOUT, IMAGE_SHAPE, LR, MOMENTUM, WEIGHT_DECAY, random_batch
from minilocal.bench.instruments import instrumented
from minilocal.bench.saved import saved_at_loss
from minilocal.bench.serve import peak_memory, serve
from minilocal.compute.compilation import COMPILING, on_first_compilation
from minilocal.compute.parallel import one_blas_thread, set_threads
from minilocal.networks.vgg import build_vgg
from minilocal.optim import SGD
from minilocal.schedule import Block
from minilocal.steps import backprop_step, local_step


class OurSteps:
    """A network, its optimizer and its minibatch; every method does one thing and says what it took."""

    def __init__(
        self,
        note: Callable[[str], None],
        algo: str,
        model: str,
        width: float,
        classifier: str,
        batch_size: int,
        threads: int,
        dropout: float = DROPOUT,
    ) -> None:
        set_threads(threads)
        self.note, self.algo = note, algo
        self.network = build_vgg(model, IMAGE_SHAPE, CLASSES, algo, width, classifier=classifier, dropout=dropout)
        self.optimizer = SGD(LR, MOMENTUM, WEIGHT_DECAY)
        self.x, self.labels = random_batch(batch_size)
        self.steps = 0

    def warm_up(self, blocks: list[list[int]], steps: int) -> None:
        """Take steps (or, without blocks, inferences) that nobody times; the kernels are compiled in the first."""
        with on_first_compilation(lambda: self.note(COMPILING)):
            for _ in range(steps):
                self.step(blocks)

    def step(self, blocks: list[list[int]]) -> float:
        """Return the seconds of one training step of these blocks, or of inference if there are none."""
        start = time.perf_counter()
        if blocks:
            self.train(blocks)
        else:
            with one_blas_thread():
                self.network.predict(self.x)
        return time.perf_counter() - start

    def train(self, blocks: list[list[int]]) -> list[float]:
        """Take one training step and return the losses of its blocks."""
        arguments: Any = (self.x, self.labels, self.optimizer, 0, self.steps)
        self.steps += 1
        if self.algo == "BP":
            results = backprop_step(self.network, *arguments)
        else:
            results = local_step(self.network, [Block(*block) for block in blocks], *arguments)
        return [result.loss for result in results]

    def breakdown(self, blocks: list[list[int]], steps: int) -> dict[str, float]:
        """Return the seconds of each kind of work in one step: of `steps` instrumented ones, that of median length."""
        taken = []
        for _ in range(steps):
            with instrumented(self.network, self.optimizer) as seconds:
                total = self.step(blocks)
            taken.append((total, seconds | {"rest": total - sum(seconds.values())}))
        return sorted(taken, key=lambda step: step[0])[len(taken) // 2][1]

    def saved(self, blocks: list[list[int]]) -> int:
        """Return the most bytes of activations that are saved for backward when a block's loss is computed."""
        with saved_at_loss(self.network) as sizes:
            self.train(blocks)
        return max(sizes)

    def saved_by_backprop(self) -> int:
        """Return `saved` of a step of BP on this network."""
        with saved_at_loss(self.network) as sizes:
            backprop_step(self.network, self.x, self.labels, None, 0, self.steps)
        return max(sizes)

    def peak_memory(self) -> int | None:
        """Return this process's peak memory in bytes, if the system tells."""
        return peak_memory()


if __name__ == "__main__":
    serve(OurSteps)
