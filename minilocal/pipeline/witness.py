"""Says which rank died: launchers of MPI end all ranks when one dies, too fast for any of them to say a word.

Every rank holds a line to the witness, a connection that the system closes when the rank dies, on whatever machine. The
first line that closes without a good-bye is that of the rank that died. The witness says so, and closes all lines: that
ends ranks that the launcher left alive. It is a process started by rank 0, in a session of its own, where no launcher
looks for it, and needs nothing but Python's library, so that it is there at once.
"""

from __future__ import annotations

import contextlib
import select
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from minilocal.errors import InputError

GOOD_BYE = "."
CALL_SECONDS = 60.0  # within which all ranks have called

Address = tuple[str, int]  # of host and port


class Line:
    """A rank's line: it says who it is (again, if that changes), and at the end good-bye."""

    def __init__(self, address: Address, key: str) -> None:
        self.connection = socket.create_connection(address, CALL_SECONDS)
        self.say(key)

    def say(self, text: str) -> None:
        """Tell the witness something."""
        self.connection.sendall(f"{text}\n".encode())

    @property
    def is_cut(self) -> bool:
        """Return whether a rank died; the witness itself never says anything."""
        return bool(select.select([self.connection], [], [], 0)[0])

    def close(self) -> None:
        """Say good-bye."""
        self.say(GOOD_BYE)
        self.connection.close()


def start(ranks: int, host: str, key: str, leftovers: Iterable[str]) -> tuple[subprocess.Popen, Address]:
    """Start the witness of so many ranks on this machine, whose name is `host`; return it, and the address to call.

    Files named in `leftovers` it takes away if a rank dies: those that MPI would leave behind. Raises `InputError` if
    other machines can't reach this one by that name.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "minilocal.pipeline.witness", str(ranks), host, *leftovers],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        process.stdin.write(f"{key}\n")
        process.stdin.flush()
        port = process.stdout.readline()
    if not port:
        process.wait()
        raise InputError(f"the ranks can't meet at {host!r}; see to it that this name leads to rank 0's machine")
    return process, (host, int(port))


def main(ranks: int, host: str, leftovers: Iterable[str]) -> int:
    """Be the witness; return the exit status, 0 if all ranks said good-bye."""
    for number in (signal.SIGINT, signal.SIGTERM):  # which clusters send to all processes: rank 0 obeys
        signal.signal(number, signal.SIG_IGN)
    key = sys.stdin.readline().encode()
    try:
        server = socket.create_server((host, 0), backlog=ranks)
    except OSError:
        return 1  # which rank 0 can tell in words
    with server:
        print(server.getsockname()[1], flush=True)
        server.settimeout(CALL_SECONDS)
        said = {_call(server, key): "a rank" for _ in range(ranks)}
    with selectors.DefaultSelector() as selector:
        for line in said:
            selector.register(line, selectors.EVENT_READ)
        while said:
            for event, _ in selector.select():  # in the order in which it happened, where the system tells
                caller = event.fileobj
                assert isinstance(caller, socket.socket)
                words = _words(caller)
                if not words:
                    print(f"minilocal.train: {said[caller]} died; the last good checkpoint is kept", file=sys.stderr)
                    for path in leftovers:
                        Path(path).unlink(missing_ok=True)
                    return 1
                said[caller] = words
                if words == GOOD_BYE:
                    selector.unregister(caller)
                    del said[caller]
    return 0


def _call(server: socket.socket, key: bytes) -> socket.socket:
    """Wait for a rank to call, which begins with the key."""
    while True:
        line, _ = server.accept()
        if line.recv(len(key), socket.MSG_WAITALL) == key:
            return line
        line.close()


def _words(line: socket.socket) -> str:
    """Return what was said last on a line; nothing if it is cut."""
    with contextlib.suppress(ConnectionError):
        return line.recv(65536).decode(errors="replace").strip().rpartition("\n")[2]
    return ""


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
