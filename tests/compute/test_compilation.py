"""The message about compiling comes when kernels are compiled, and only then."""

import os
import subprocess
import sys

import numba
import pytest

from minilocal.compute.compilation import kernel

CODE = """
import numpy as np
from minilocal.compute.compilation import on_first_compilation
from minilocal.layers import AvgPool2d, Dropout, ReLU
x = np.ones((4, 4), np.float32)
with on_first_compilation(lambda: print("compiling")):
    ReLU().forward(x)
    print("no kernel yet")
    Dropout(0.5).forward(x, training=True)
    Dropout(0.5).forward(x.astype(np.float64), training=True)
AvgPool2d(2).forward(x.reshape(1, 4, 4, 1))
"""


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
def test_it_comes_once_and_not_when_kernels_are_cached(tmp_path):
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    for expected in ("no kernel yet\ncompiling\n", "no kernel yet\n"):
        run = subprocess.run([sys.executable, "-c", CODE], env=env, capture_output=True, text=True, check=True)
        assert run.stdout == expected


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
def test_kernels_are_compiled_even_without_a_directory_for_the_cache(monkeypatch):
    monkeypatch.setattr("numba.core.caching.CacheImpl._locator_classes", [])

    def twice(x):
        return 2 * x

    assert kernel(twice)(21) == 42
