"""The loops: Numba kernels, stateless, arrays in and arrays out, no BLAS inside, float32 and float64 alike.

A kernel works on one chunk of images or rows; `minilocal.compute.parallel` cuts the chunks and calls kernels from
several threads at once (`nogil`). Kernels are compiled when first called and kept in a cache on disk. Numba's
cache does not notice edits in another file, so a kernel and the helpers that it calls stand in one file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numba

# error_model="numpy": division by zero gives inf or nan, as in NumPy, and loops without its check vectorise.
# No fastmath: it may assume that there are no NaNs, and would hide them.
_compiled = partial(numba.njit, nogil=True, error_model="numpy")


def kernel(function: Callable[..., Any]) -> Any:
    """Have a function compiled when it is first called; kept on disk, where Numba finds a directory to write to."""
    try:
        return _compiled(cache=True)(function)
    except RuntimeError:  # "no locator available"
        return _compiled()(function)


COMPILING = "compiling the kernels; this happens once, later runs find them cached"


@contextlib.contextmanager
def on_first_compilation(callback: Callable[[], None]) -> Iterator[None]:
    """Call `callback()` when the first kernel is about to be compiled inside the `with` block.

    It is not called if all kernels come from the cache.
    """
    from numba.core import event

    class Listener(event.Listener):
        called = False

        def on_start(self, event: Any) -> None:
            if not self.called:
                self.called = True
                callback()

        def on_end(self, event: Any) -> None:
            pass

    with event.install_listener("numba:compile", Listener()):
        yield
