"""How kernels are compiled: by Numba, when first called, and kept in a cache on disk.

Numba's own cache loads damaged files, which may crash Python; it fails if the disk is full; and it does not notice
edits in another file. So we keep each compiled kernel in a file of our own, in the folder that Numba chooses:

    checksum of the rest │ stamp: kernel, argument types, processor, versions, all sources │ compiled code

A file that is damaged, or whose stamp is not the one we need, counts as missing: the kernel is compiled again and the
file replaced. Without a folder, or on a full disk, each run compiles.
"""

from __future__ import annotations

import contextlib
import functools
import pickle
import tempfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core.caching import FunctionCache
from numba.core.serialize import dumps

Array = np.ndarray  # a short name for the kernels' long signatures

# nogil: kernels run on several threads at once. error_model="numpy": division by zero gives inf or NaN, as in NumPy,
# and loops without Python's check vectorise. No fastmath: it may assume that there are no NaNs, and would hide them.
_compiled = functools.partial(numba.njit, nogil=True, error_model="numpy")

ROOM = 1 << 20  # bytes; the kernels of a training take one or two times as much

config: Any = numba.config
_announcement = "compiling the kernels; this happens once, later runs find them cached"


def kernel(function: Callable[..., Any]) -> Any:
    """Make a function compile when first called; the result is cached on disk if there is a folder for it."""
    compiled: Any = _compiled(function)
    if not config.DISABLE_JIT:
        try:
            compiled._cache = KernelCache(function)
        except RuntimeError:  # Numba's "no locator available"
            _announce("; no folder for a cache can be written, so each run compiles them; set NUMBA_CACHE_DIR to one")
    return compiled


def inlined(function: Callable[..., Any]) -> Any:
    """Make a function part of each kernel that calls it, as if it were written there."""
    return _compiled(inline="always")(function)


class KernelCache(FunctionCache):
    """What Numba asks for a compiled kernel before it compiles, and hands it to afterwards."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        here = self._impl.locator.get_source_stamp()
        self._versions = numba.__version__, np.__version__, config.BOUNDSCHECK, here, sources()

    def load_overload(self, signature: Any, context: Any) -> Any:
        """Return the kernel compiled for these argument types, or None if it must be compiled."""
        context.refresh()
        path, stamp = self._place(signature, context.codegen())
        with contextlib.suppress(OSError):
            content = path.read_bytes()
            if content[:32] != sha256(content[32:]).digest():
                _announce(f" again, as those cached in {path.parent} are damaged; later runs find the new ones")
            elif content[32:64] == stamp:
                return self._impl.rebuild(context, pickle.loads(content[64:]))
        with self._keeping(), tempfile.TemporaryFile(dir=path.parent) as trial:
            trial.write(bytes(ROOM))
        return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep a kernel compiled for these argument types, if the disk lets us."""
        if self._impl.check_cachable(result):
            path, stamp = self._place(signature, result.codegen)
            content = stamp + dumps(self._impl.reduce(result))
            with self._keeping(), self._cache_file._open_for_write(str(path)) as file:
                file.write(sha256(content).digest() + content)

    def _place(self, signature: Any, codegen: Any) -> tuple[Path, bytes]:
        """Return the kernel's file for these argument types on this processor, and the stamp that it must have."""
        key = repr(self._index_key(signature, codegen))  # with the processor's name and features
        name = f"{self._impl.filename_base}.{sha256(key.encode()).hexdigest()[:16]}.nbc"
        return Path(self._cache_path, name), sha256(repr((key, self._versions)).encode()).digest()

    @contextlib.contextmanager
    def _keeping(self) -> Iterator[None]:
        """Go on if the `with` block can't write to the cache."""
        try:
            yield
        except OSError as error:
            _announce(
                f"; {self._cache_path} can't be written ({error.strerror or error}), so each run compiles them; "
                "make room there, or set NUMBA_CACHE_DIR to another folder"
            )


@functools.cache
def sources() -> str:
    """Return a checksum of all kernels and of this folder, as they are when the first kernel is defined.

    Later it might see edits that this process has not loaded.
    """
    files = sorted(file for room in ("compute", "kernels") for file in Path(__file__).parents[1].glob(f"{room}/*.py"))
    return sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def announcement() -> str:
    """Return the sentence to print when compiling begins: what this run does, and what later ones will do."""
    return _announcement


def _announce(what: str) -> None:
    global _announcement
    _announcement = f"compiling the kernels{what}"


@contextlib.contextmanager
def on_compilation(say: Callable[[str], object], compiled: Callable[[], object] = bool) -> Iterator[None]:
    """Call `say(sentence)` when the first kernel is about to be compiled inside the `with` block.

    It is called again if there is something new to say: the cache is damaged, or can't be written. If all kernels come
    from the cache, it is not called. After each kernel, `compiled()` is called.
    """
    from numba.core import event

    class Listener(event.Listener):
        said: str | None = None

        def on_start(self, event: Any) -> None:
            if self.said != announcement():
                self.said = announcement()
                say(self.said)

        def on_end(self, event: Any) -> None:
            compiled()

    with event.install_listener("numba:compile", Listener()):
        yield
