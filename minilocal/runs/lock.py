"""A lock on a run directory, so that two processes never train in it.

It is the system's lock on an open file, not the file itself. The system releases it when the process ends, however that
happens, so that no stale lock is left behind.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import weakref
from pathlib import Path
from types import TracebackType

from minilocal.errors import InputError

if sys.platform == "win32":
    import msvcrt

    def _take(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # the first byte, which need not exist

else:
    import fcntl

    def _take(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # so that no file elsewhere is created or locked
TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # flock gives the first; NFS and Windows give one of the others


class Lock:
    """The lock of a run directory; the empty file `.lock` in it stays behind.

    Taking it again in the same object has no effect.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._close: weakref.finalize | None = None

    def acquire(self) -> None:
        """Take the lock; `InputError` if another process has it, or the directory is not writable.

        On a file system without locks, a sentence on stderr says so instead.
        """
        if self._close is not None:
            return
        try:
            file = os.open(self.directory / ".lock", os.O_RDWR | os.O_CREAT | NO_LINK, 0o666)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise InputError(f"{self.directory / '.lock'} is a symbolic link; remove it") from None
            raise InputError(
                f"{self.directory} can't be written to ({error.strerror}); name another run directory"
            ) from None
        try:
            _take(file)
        except OSError as error:
            if error.errno in TAKEN:
                os.close(file)
                raise InputError(
                    f"another process trains in {self.directory}; wait until it ends, or name another run directory"
                ) from None
            print(
                f"the file system of {self.directory} has no locks ({error.strerror}); "
                "make sure that no other process trains there",
                file=sys.stderr,
            )
        self._close = weakref.finalize(self, os.close, file)

    def release(self) -> None:
        """Release the lock, if this object has it."""
        if self._close is not None:
            with contextlib.suppress(OSError):
                self._close()
            self._close = None

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.release()
