"""The ranks that `mpiexec` started, as a plan's workers; those that are too many rest until the others are done."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path
from traceback import print_exception
from types import TracebackType

from mpi4py import MPI

from minilocal.compute.parallel import get_threads, set_threads
from minilocal.console.signals import TERMINATE
from minilocal.errors import InputError, LostWorkerError, TrainingError
from minilocal.pipeline import witness
from minilocal.pipeline.messages import Report, Stop
from minilocal.pipeline.mpi import MPITransport
from minilocal.pipeline.parts import Parts
from minilocal.pipeline.plan import Plan
from minilocal.pipeline.root import Root
from minilocal.pipeline.transport import ROOT
from minilocal.pipeline.worker import Worker
from minilocal.training.trainer import Trainer

ORDERLY = (InputError, TrainingError, KeyboardInterrupt, OSError, MemoryError)  # what ends rank 0 as it should


class Ranks:
    """All ranks, seen from this one, `rank` of `size`. In the `with` block rank 0 trains, and the others `serve`.

    If a rank dies, the others end there too, and the witness says why.
    """

    def __init__(self) -> None:
        self.comm = MPI.COMM_WORLD
        self.rank, self.size = self.comm.rank, self.comm.size
        machine = MPI.Get_processor_name()
        alone = len({*self.comm.allgather(machine)}) == 1
        key = secrets.token_hex(16)
        call: tuple[witness.Address, str] | InputError | None = None
        if self.rank == 0:
            try:
                self.witness, address = witness.start(self.size, "127.0.0.1" if alone else machine, key, _segments())
                call = address, key
            except InputError as error:
                call = error
        else:
            for number in (signal.SIGINT, TERMINATE):  # rank 0's business, which then ends this one
                signal.signal(number, signal.SIG_IGN)
        call = self.comm.bcast(call)
        if isinstance(call, InputError):
            raise call  # on all ranks alike, or the others would wait for ever
        self.line = witness.Line(*call)
        self.transport = MPITransport(ROOT if self.rank == 0 else self.rank, self.comm, self._check)
        self.transports = [self.transport]  # rank 0 has another, as worker 0
        self.root: Root | None = None

    def __enter__(self) -> Ranks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None and (self.rank or issubclass(kind, LostWorkerError) or not issubclass(kind, ORDERLY)):
            if not issubclass(kind, LostWorkerError):
                print_exception(error)
            os._exit(1)  # without a good-bye: the witness says so, and all end; MPI's own end would wait for all
        if self.rank == 0:  # whoever has no share in the plan, or was never told one, hears of the end directly
            for number in range(1, self.size) if self.root is None else (0, *range(self.root.plan.workers, self.size)):
                self.transport.send(number, Stop())
        for transport in self.transports:
            transport.finish()
        self.line.close()
        if self.rank == 0:
            self.witness.wait()  # for all others to say good-bye

    def prepare(self, build: Callable[[], Trainer]) -> None:
        """On rank 0: have the other ranks build trainers, on as many threads; `InputError` if one has no data, say."""
        for number in range(1, self.size):
            self.transport.send(number, (build, get_threads()))
        for number in range(1, self.size):
            report, _ = self.transport.receive(number)
            if report.content is not None:
                raise report.content

    def start(self, trainer: Trainer, plan: Plan) -> Root:
        """On rank 0: return the root that has the ranks, once they are prepared, take the trainer's steps by a plan."""
        for number in range(1, self.size):
            self.transport.send(number, plan)
        self.root = Root(trainer, plan, self.transport)
        mine = MPITransport(0, self.comm, self._check)
        self.transports.append(mine)
        worker = Worker(0, trainer, self.root.parts, plan, mine, self._clocks_begin(plan))
        self.transport.deliver, mine.deliver = worker.do, self.transport.mailbox.append
        return self.root

    def serve(self) -> None:
        """On the other ranks: be a worker, as rank 0 says, until it says that this is the end."""
        message, _ = self.transport.receive(ROOT)
        if isinstance(message, Stop):
            return
        build, threads = message
        trainer: Trainer | None = None
        error: Exception | None = None
        try:
            set_threads(threads)
            trainer = build()
            trainer.data = trainer.data.without_pixels()
        except (InputError, TrainingError, MemoryError, OSError) as problem:
            error = problem
        self.transport.send(ROOT, Report(error, 0.0, 0.0, 0.0))
        plan, _ = self.transport.receive(ROOT)
        if trainer is None or isinstance(plan, Stop):
            return
        zero = self._clocks_begin(plan)
        if self.rank < plan.workers:
            parts = Parts(trainer.network, trainer.optimizer)
            parts.keep_only(())
            Worker(self.rank, trainer, parts, plan, self.transport, zero).run()
        else:
            self.transport.receive(ROOT)

    def _clocks_begin(self, plan: Plan) -> float:
        """Tell the witness what this rank does, and have all ranks' clocks begin at the same moment."""
        share = plan.share(self.rank, next(iter(plan.shares)))
        self.line.say(f"rank {self.rank} ({share or 'at rest'})")
        self.comm.Barrier()
        return time.perf_counter()

    def _check(self) -> None:
        if self.line.is_cut:
            raise LostWorkerError("another rank died")


def _segments() -> list[str]:
    """Return the files of shared memory that MPICH has made, and takes away when it ends in peace; on Linux alone."""
    maps = Path("/proc/self/maps")
    lines = maps.read_text().splitlines() if maps.exists() else []
    return sorted({line.split()[-1] for line in lines if "/dev/shm/mpich_shm_" in line})
