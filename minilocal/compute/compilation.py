"""How kernels are compiled: by Numba, when first called, and kept in a cache on disk.

Numba's cache does not notice edits in other files, so a kernel and the jitted functions that it calls belong in one
file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numba
import numpy as np

Array = np.ndarray  # a short name for the kernels' long signatures

# nogil: kernels run on several threads at once. error_model="numpy": division by zero gives inf or NaN, as in NumPy,
# and loops without Python's check vectorise. No fastmath: it may assume that there are no NaNs, and would hide them.
_compiled = partial(numba.njit, nogil=True, error_model="numpy")


def kernel(function: Callable[..., Any]) -> Any:
    """Make a function compile when first called; the result is cached on disk if Numba finds a directory."""
    try:
        return _compiled(cache=True)(function)
    except RuntimeError:  # "no locator available"
        return _compiled()(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Make a function part of each kernel that calls it, as if it were written there."""
    return _compiled(inline="always")(function)


COMPILING = "compiling the kernels; this happens once, later runs find them cached"


@contextlib.contextmanager
def on_first_compilation(callback: Callable[[], None]) -> Iterator[None]:
    """Call `callback()` once, when the first kernel is about to be compiled inside the `with` block.

    If all kernels come from the cache, it is not called.
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
