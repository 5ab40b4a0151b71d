"""The training command on several machines, which fail in every way that machines and cables can.

The machines are namespaces of this one: each has its own network, processes, host name and shared memory. Frames
between them pass through `Cables`, which can lose or delay them, or be cut. Only root may do that, on Linux:

    python -m pytest -m slow tests/pipeline/test_machines.py

A machine lives as long as its first process, `cat`, which ends when this process does. So nothing is left behind.
"""

import contextlib
import fcntl
import heapq
import os
import random
import select
import shutil
import struct
import subprocess
import sys
import threading
import time
from itertools import count
from pathlib import Path

import pytest

pytest.importorskip("mpi4py")
TOOLS = ("mpiexec", "hydra_pmi_proxy", "unshare", "nsenter", "setpriv", "ip")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root makes namespaces"),
    pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="there is no /dev/net/tun"),
    pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"needs {', '.join(TOOLS)}"),
]

OPTIONS = [
    *("--algo", "G3S2", "--width", "0.0625", "--batch-size", "16", "--epochs", "6"),
    *("--train-size", "128", "--test-size", "40", "--validation", "0.25"),
]
FILES = ("metrics.csv", "gradients.csv", "checkpoint.npz")
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000  # of Linux's if_tun.h
SECONDS = 30  # after a fault, no process of the run may live longer


class Cables:
    """What connects machines: each frame goes from its sender to all others, `delay` seconds later, if not lost."""

    def __init__(self):
        self.ends, self.delay, self.loss, self.cut = [], 0.0, 0.0, []
        self.chance, self.over = random.Random(0), False
        self.thread = threading.Thread(target=self.carry)

    def plug(self, name):
        """Make a network card with this name; its number is the machine's."""
        end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
        self.ends.append(end)

    def carry(self):
        on, under_way, numbers = [*self.ends], [], count()
        while not self.over:
            now = time.monotonic()
            while under_way and under_way[0][0] <= now:
                with contextlib.suppress(OSError):  # that machine is off
                    os.write(*heapq.heappop(under_way)[2:])
            for source in select.select(on, [], [], 0.001 if under_way else 0.05)[0]:
                try:
                    frame = os.read(source, 1 << 16)
                except OSError:
                    on.remove(source)
                    continue
                for target in self.ends:
                    whole = {self.ends.index(source), self.ends.index(target)} not in self.cut
                    if target != source and whole and self.chance.random() >= self.loss:
                        heapq.heappush(under_way, (time.monotonic() + self.delay, next(numbers), target, frame))


class Machine:
    """A machine with an address; it is on until `off`, or until this process ends."""

    def __init__(self, number, cables):
        self.address, self.card = f"10.77.0.{number + 1}", f"ml{os.getpid() % 10**7}.{number}"
        cables.plug(self.card)
        spaces = ("--net", "--mount", "--uts", "--ipc", "--pid", "--mount-proc", "--fork", "--kill-child")
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", *spaces, "cat"], stdin=subprocess.PIPE
        )
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        self.first = ""
        while not self.first or Path(f"/proc/{self.first}/exe").resolve().name != "cat":
            time.sleep(0.01)
            self.first = children.read_text().strip()
        self.started = []
        self.space = Path(f"/proc/{self.first}/ns/pid").readlink()
        subprocess.run(["ip", "link", "set", self.card, "netns", self.first], check=True)
        self.do("mount -t tmpfs shm /dev/shm; mount -t sysfs sysfs /sys")
        self.do(f"hostname machine{number}; ip address add {self.address}/24 dev {self.card}")
        self.do(f"ip link set lo up; ip link set {self.card} up")

    def command(self, *argv):
        return ["nsenter", "--target", self.first, "--net", "--mount", "--uts", "--ipc", "--pid", *argv]

    def do(self, script):
        subprocess.run(self.command("sh", "-ec", script), check=True)

    def start(self, *argv):
        command = self.command(*argv)
        self.started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        return self.started[-1]

    def off(self):
        """Kill all processes at once; their connections are closed."""
        self.process.stdin.close()
        for process in (self.process, *self.started):
            process.wait()

    def scrap(self):
        self.off()
        for process in self.started:
            process.stdout.close()

    def trains(self):
        """Return whether a process of a run lives here."""
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended
                here = (process / "ns/pid").readlink() == self.space
                if here and b"minilocal" in (process / "cmdline").read_bytes():
                    return True
        return False


@pytest.fixture
def cables():
    cables = Cables()
    yield cables
    cables.over = True
    if cables.thread.ident is not None:
        cables.thread.join()
    for end in cables.ends:
        os.close(end)


@pytest.fixture
def machines(cables):
    """A function that switches machines on."""
    made = []

    def make(number):
        for k in range(number):
            made.append(Machine(k, cables))
        cables.thread.start()
        return made

    yield make
    for machine in made:
        machine.scrap()


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A run in one process."""
    run = tmp_path_factory.mktemp("alone") / "run"
    subprocess.run([sys.executable, "-m", "minilocal.train", *OPTIONS, "--quiet", "--run-dir", str(run)], check=True)
    return run


def contents(run):
    return [(run / name).read_bytes() for name in FILES]


def start(machines, ranks, run):
    """Start a run from the first machine; the launcher prints a command for each machine, and we start it there."""
    hosts = ",".join(machine.address for machine in machines)
    where = ("-hosts", hosts, "-localhost", machines[0].address, "-ppn", str(ranks // len(machines)), "-n", str(ranks))
    train = (sys.executable, "-u", "-m", "minilocal.train", "--parallel", "mpi", *OPTIONS, "--run-dir", str(run))
    launcher = machines[0].start("mpiexec", "-launcher", "manual", *where, *train, "--checkpoint-every", "2")
    for machine in machines:
        machine.start("sh", "-c", launcher.stdout.readline().partition("HYDRA_LAUNCH: ")[2])
    return launcher


@pytest.mark.parametrize(
    ("ranks", "number", "delay", "loss"), [(2, 2, 0, 0), (4, 2, 0, 0), (4, 4, 0, 0), (2, 2, 0.01, 0.01)]
)
def test_bits_are_those_of_one_process(alone, tmp_path, machines, cables, ranks, number, delay, loss):
    cables.delay, cables.loss = delay, loss
    process = start(machines(number), ranks, tmp_path / "run")
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0, out
    assert contents(tmp_path / "run") == contents(alone)


def cut(machines, cables):
    cables.cut = [{one, len(machines) - 1} for one in range(len(machines) - 1)]


def cut_between_the_last_two(machines, cables):
    cables.cut = [{len(machines) - 2, len(machines) - 1}]


def link_down(machines, cables):
    machines[-1].do(f"ip link set {machines[-1].card} down")


def die(machines, cables):
    machines[-1].off()


def lose_power(machines, cables):
    cut(machines, cables)
    machines[-1].off()


@pytest.mark.parametrize(
    ("fault", "ranks", "number"),
    [
        (cut, 2, 2),
        (cut, 4, 2),
        (cut_between_the_last_two, 4, 4),
        (link_down, 2, 2),
        (link_down, 4, 4),
        (die, 2, 2),
        (die, 4, 4),
        (lose_power, 4, 4),
    ],
)
def test_a_fault_ends_the_run_and_it_can_be_resumed(alone, tmp_path, machines, cables, fault, ranks, number):
    computers, run = machines(number), tmp_path / "run"
    process = start(computers, ranks, run)
    said = ""
    while "epoch 1/" not in said:
        said += process.stdout.readline()
    fault(computers, cables)
    moment = time.monotonic()
    out, _ = process.communicate(timeout=SECONDS)
    assert process.returncode != 0, said + out
    while any(machine.trains() for machine in computers):
        assert time.monotonic() - moment < SECONDS
        time.sleep(0.1)
    if fault is die:
        assert "mpiexec" in out  # the launcher noticed
    else:
        says = [line for line in out.splitlines() if line.startswith("minilocal.train: rank ")]
        assert says, out
        assert f"on machine{number - 1} has not been heard from for" in "\n".join(says)
    print(f"{fault.__name__}: {time.monotonic() - moment:.1f} s\n{out}")
    again = [sys.executable, "-m", "minilocal.train", "--resume", str(run), "--quiet"]
    subprocess.run(again, check=True, capture_output=True)
    assert contents(run) == contents(alone)
