"""Heartbeats between MPI's ranks, so that none waits for ever for one that can't be reached.

If a process dies, its system closes its connections, and MPI's launcher ends the other ranks. But if a cable is cut or
a machine loses power, nothing arrives any more, and MPI waits for ever. So each rank has a thread that sends a
heartbeat to all others every second, whatever the rank computes. A rank that misses another's heartbeats says so and
ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from typing import Any

BEAT = 1.0  # seconds between heartbeats
SILENCE = 15.0  # seconds without a heartbeat after which rank 0 ends, and the launcher ends those that it can reach …
LONGER = 20.0  # … and after which the other ranks end, if they can't be reached
GRACE = 0.5  # seconds that the launcher has to print what we said
POLL = 0.01  # seconds between two looks for the last heartbeats


class Heartbeat:
    """Sends and awaits heartbeats, in a thread, until all ranks have called `stop`.

    `comm` is a communicator of mpi4py that several threads may use.
    """

    def __init__(self, comm: Any) -> None:
        self.comm, self.patience = comm.Dup(), LONGER if comm.rank else SILENCE
        self.hosts, self.launcher = comm.allgather(socket.gethostname()), os.getppid()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._beat, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Say goodbye, and wait until all others have."""
        self.stopping.set()
        self.thread.join()

    def _beat(self) -> None:
        """Send heartbeats, the last of which is a goodbye, and count the silence of each rank until its goodbye.

        The silence is counted in pauses of this thread, not by a clock: if a cluster suspends all ranks for an hour,
        none is silent.
        """
        others = [rank for rank in range(self.comm.size) if rank != self.comm.rank]
        silence, goodbye = dict.fromkeys(others, 0.0), False
        sent: list[Any] = []  # requests, which must be kept while they are under way
        while silence or not goodbye:
            if not goodbye:
                goodbye = self.stopping.is_set()
                sent = [request for request in sent if not request.test()[0]]
                sent += [self.comm.isend(goodbye, rank) for rank in others]
            pause = POLL if goodbye else BEAT
            time.sleep(pause) if goodbye else self.stopping.wait(pause)
            for rank in [*silence]:
                silence[rank] += pause
                while rank in silence and self.comm.iprobe(rank):
                    silence[rank] = 0.0
                    if self.comm.recv(None, rank):
                        del silence[rank]
                if silence.get(rank, 0.0) > self.patience:
                    self._end(rank)
        for request in sent:
            request.wait()

    def _end(self, rank: int) -> None:
        """End this process. The launcher then ends the ranks that it can reach; the others end by themselves.

        The launcher would wait for a machine that it can't reach, so its process that started this one has to end too.
        """
        host, ours = self.hosts[rank], self.hosts[self.comm.rank]
        with contextlib.suppress(OSError):  # the launcher may be gone, or belong to another user
            print(
                f"minilocal.train: rank {rank} on {host} has not been heard from for {self.patience:.0f} seconds; "
                "check that machine and the network, then resume from the last checkpoint with --resume",
                file=sys.stderr,
                flush=True,
            )
            time.sleep(GRACE)
            if host != ours and os.getppid() == self.launcher:
                os.kill(os.getppid(), getattr(signal, "SIGKILL", signal.SIGTERM))
        os._exit(1)
