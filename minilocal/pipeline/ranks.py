"""The ranks that `mpiexec` started, as the workers of a plan; ranks without blocks wait until the others are done."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from traceback import print_exception
from types import TracebackType
from typing import Any

from minilocal.compute.parallel import get_threads
from minilocal.console.signals import TERMINATIONS
from minilocal.errors import InputError, TrainingError
from minilocal.pipeline.heartbeat import Heartbeat
from minilocal.pipeline.holding import HeldLayers
from minilocal.pipeline.messages import Stop
from minilocal.pipeline.mpi import MPITransport
from minilocal.pipeline.plan import Plan
from minilocal.pipeline.replicas import await_replicas, build_replica
from minilocal.pipeline.root import Root
from minilocal.pipeline.transport import ROOT
from minilocal.pipeline.worker import Worker
from minilocal.training.trainer import Trainer

GRACE = 0.5  # seconds that the launcher has to print a traceback before it ends all ranks
EXPECTED = (InputError, TrainingError, KeyboardInterrupt, SystemExit, OSError, MemoryError)  # rank 0 has a sentence


class Ranks:
    """All ranks, seen from this one, which is `rank` of `size`. In the `with` block rank 0 trains; the others `serve`.

    If rank 0 ends with an expected error, it stops the others first. After any other error on any rank, MPI ends them
    all. If a rank dies, the launcher ends the others; if one can't be reached, `heartbeat` does, where MPI allows
    several `threads`.
    """

    def __init__(self, comm: Any, threads: bool) -> None:
        self.comm, self.rank, self.size = comm, comm.rank, comm.size
        self.transport = MPITransport(self.rank or ROOT, comm)
        self.transports = [self.transport]  # on rank 0, also worker 0's
        self.root: Root | None = None
        if self.rank:
            _ignore_signals()  # launchers send them to all ranks; rank 0 obeys and stops the others
        self.heartbeat = Heartbeat(comm) if threads else None

    def __enter__(self) -> Ranks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and (self.rank or not isinstance(error, EXPECTED)):
            print_exception(error)
            sys.stdout.flush()
            time.sleep(GRACE)
            self.comm.Abort(1)
        if self.rank == 0:
            self._stop_others()
        else:
            self.transport.send(ROOT, Stop())
        for transport in self.transports:
            transport.finish()
        _ignore_signals()  # nothing is left to stop, and Ctrl-C would crash MPI while it shuts down
        if self.heartbeat is not None:
            self.heartbeat.stop()

    def start(self, trainer: Trainer, build: Callable[[], Trainer], plan: Plan) -> Root:
        """On rank 0: return the root through which the ranks take the trainer's steps by a plan.

        The other ranks build trainers first, on as many threads as this one; the error of a rank that can't is raised.
        """
        others = range(1, self.size)
        for number in others:
            self.transport.send(number, (build, get_threads()))
        await_replicas(others, self.transport)
        for number in others:
            self.transport.send(number, plan)
        self.root = Root(trainer, plan, self.transport)
        mine = MPITransport(0, self.comm)
        self.transports.append(mine)
        worker = Worker(0, trainer, self.root.held, plan, mine, self._start_clocks())
        self.transport.deliver, mine.deliver = worker.do, self.transport.mailbox.append
        return self.root

    def serve(self) -> None:
        """On the other ranks: do as rank 0 says, until it says stop."""
        message, _ = self.transport.receive(ROOT)
        if isinstance(message, Stop):
            return
        build, threads = message
        trainer = build_replica(self.rank, build, threads, self.transport)
        plan, _ = self.transport.receive(ROOT)
        if trainer is None or isinstance(plan, Stop):
            return
        zero = self._start_clocks()
        if self.rank < plan.workers:
            held = HeldLayers(trainer.network, trainer.optimizer)
            held.keep_only(())
            Worker(self.rank, trainer, held, plan, self.transport, zero).run()
        else:
            self.transport.receive(ROOT)

    def _stop_others(self) -> None:
        """Tell the other ranks to stop, and receive what they still send until they answer.

        If rank 0 did not wait for them and ended first with an error, the launcher would kill them and report that.
        """
        # Workers hear it from the worker before them; ranks without blocks, and all before `start`, from here.
        for number in range(1, self.size) if self.root is None else (0, *range(self.root.plan.workers, self.size)):
            self.transport.send(number, Stop())
        for number in range(1, self.size):
            while not isinstance(self.transport.receive(number)[0], Stop):
                pass

    def _start_clocks(self) -> float:
        """Wait for all ranks, so that their clocks start at the same moment."""
        self.comm.Barrier()
        return time.perf_counter()


def _ignore_signals() -> None:
    for number in (signal.SIGINT, *TERMINATIONS):
        signal.signal(number, signal.SIG_IGN)
