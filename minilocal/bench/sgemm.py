"""The machine's own speed, a worker process: NumPy's float32 matrix product on all the threads that it may use."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from minilocal.bench.serve import serve


class Sgemm:
    """Two square matrices and room for their product."""

    def __init__(self, note: Callable[[str], None], size: int, threads: int) -> None:
        self.threads = threads
        self.a = np.random.default_rng(0).standard_normal((size, size), np.float32)
        self.b, self.product = self.a.T.copy(), np.empty_like(self.a)

    def best(self, calls: int) -> float:
        """Return floating-point operations per second, the best of several products behind one to warm up."""
        seconds = []
        with threadpool_limits(self.threads, user_api="blas"):
            for _ in range(calls + 1):
                start = time.perf_counter()
                np.matmul(self.a, self.b, out=self.product)
                seconds.append(time.perf_counter() - start)
        return 2 * len(self.a) ** 3 / min(seconds[1:])


if __name__ == "__main__":
    serve(Sgemm)
