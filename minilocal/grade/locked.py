"""Take rights away from this process, for good: what a hand-in can't do, whatever it tries.

Linux's Landlock leaves it Python's library, NumPy and nothing else to read, and nothing to write; seccomp refuses to
start processes and threads, to open sockets, to signal, trace, slow down or move others, to change files' owners and
rights, and to raise limits; root's privileges are given up, but for reading. Other systems have only the limits. All
this needs no privileges and can't be undone (`no_new_privs`).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

SECONDS = 600  # of processor time: the end of a process that nobody ends
MOST_MEMORY = 2 << 30  # bytes of address space, shared memory included
MOST_FILES = 64  # open at a time
PACKAGES = ("python", "site-packages", "dist-packages", "config-")  # folders of other people's packages

# System calls by machine: (AUDIT_ARCH, tgkill, the ones that are refused).
CALLS = {
    "x86_64": (0xC000003E, 234, (
        56, 435, 57, 58, 59, 322,  # clone, clone3, fork, vfork, execve, execveat
        41, 53, 62, 200, 129, 297, 434, 438, 424,  # socket, socketpair, kill, tkill, sigqueue, pidfd
        101, 310, 311, 312, 298, 321, 323, 425,  # ptrace, process_vm, kcmp, perf, bpf, userfaultfd, io_uring
        29, 30, 64, 68, 240, 319, 447,  # shmget, shmat, semget, msgget, mq_open, memfd_create, memfd_secret
        109, 112, 154, 160, 302, 272, 308, 165, 161, 155, 248, 249, 250,  # groups, limits, namespaces, mounts, keys
        141, 142, 144, 203, 314, 251, 256, 279, 157,  # priority, scheduling, processors and pages of others; prctl
        90, 91, 268, 452, 92, 93, 94, 260, 132, 235, 280, 261, 188, 189, 190, 197, 198, 199,  # rights, owners, times
    )),
    "aarch64": (0xC00000B7, 131, (
        220, 435, 221, 281, 198, 199, 129, 130, 138, 240, 434, 438, 424, 117, 270, 271, 272, 241, 280, 282, 425,
        194, 196, 190, 186, 180, 279, 447, 154, 157, 164, 261, 97, 268, 40, 51, 41, 217, 218, 219,
        140, 118, 119, 122, 274, 30, 238, 239, 167,
        52, 53, 452, 54, 55, 88, 5, 6, 7, 14, 15, 16,
    )),
}  # fmt: skip
REFUSED, ALLOWED, KILLED = 0x00050001, 0x7FFF0000, 0x80000000  # EPERM; go on; end the process


def lock(numpy: Path) -> list[str]:
    """Lock this process; return what holds: "limits", "files", "calls". `numpy` is the folder that NumPy is in."""
    holds = []
    with contextlib.suppress(ImportError, OSError, ValueError):
        _limit()
        holds.append("limits")
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG: the grader's end is this process's end
        libc.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: no other process of this user reads its memory
        libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
        _give_up_privileges(libc)
        holds += ["files"] if _landlock(libc, _readable(numpy)) else []
        holds += ["calls"] if _seccomp(libc) else []
    return holds


def _limit() -> None:
    import resource

    limits = {"AS": MOST_MEMORY, "DATA": MOST_MEMORY, "CPU": SECONDS, "NOFILE": MOST_FILES, "FSIZE": 0, "CORE": 0}
    if sys.platform != "linux":
        limits |= {"NPROC": 0}  # which counts threads too; on Linux, seccomp tells them apart
    for name, most in limits.items():
        with contextlib.suppress(OSError, ValueError, AttributeError):  # macOS has no limit on address space
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def _give_up_privileges(libc: ctypes.CDLL) -> None:
    """Keep only root's right to read what others own: root could also set the clock, or stop the machine."""
    head = struct.pack("Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    sets = ctypes.create_string_buffer(24)  # effective, permitted, inheritable: the lower 32 bits, then the upper
    if libc.capget(head, sets) == 0:
        reading = struct.unpack("6I", sets)[1] & 1 << 2  # CAP_DAC_READ_SEARCH
        libc.capset(head, struct.pack("6I", reading, reading, 0, 0, 0, 0))


def _readable(numpy: Path) -> Iterator[Path]:
    """Yield what the process may read: NumPy, Python's own library without packages, and the system's libraries."""
    yield from (numpy / "numpy", numpy / "numpy.libs", Path("/dev/null"), Path("/dev/urandom"))
    own = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
    for folder in own | {folder / "lib-dynload" for folder in own}:
        yield from (path for path in folder.glob("*") if not path.name.startswith(PACKAGES))
    mapped = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").split()
    for folder in {Path(word).parent for word in mapped if word.startswith("/") and ".so" in word}:
        yield from folder.glob("*.so*")


def _landlock(libc: ctypes.CDLL, readable: Iterable[Path]) -> bool:
    """Allow reading these files and folders, and nothing else of what Landlock governs; return whether it holds."""
    abi = libc.syscall(444, None, 0, 1)  # landlock_create_ruleset, asked for its version
    if abi < 1:
        return False
    files = (1 << (13 + (abi >= 2) + (abi >= 3) + (abi >= 5))) - 1
    attributes = struct.pack("QQQ", files, 3, 3)[: 8 + 8 * (abi >= 4) + 8 * (abi >= 6)]  # and TCP, sockets, signals
    rules = libc.syscall(444, attributes, len(attributes), 0)
    for path in readable:
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
            rights = 4 | (8 if path.is_dir() else 0)  # READ_FILE, READ_DIR
            libc.syscall(445, rules, 1, struct.pack("=Qi", rights, descriptor), 0)  # landlock_add_rule
            os.close(descriptor)
    held = libc.syscall(446, rules, 0) == 0  # landlock_restrict_self
    os.close(rules)
    return held


def _seccomp(libc: ctypes.CDLL) -> bool:
    """Refuse system calls that no lab needs; return whether that holds."""
    if platform.machine() not in CALLS:
        return False
    arch, tgkill, refused = CALLS[platform.machine()]
    load, equal, above, back = 0x20, 0x15, 0x35, 0x06
    program = [(load, 0, 0, 4), (equal, 1, 0, arch), (back, 0, 0, KILLED), (load, 0, 0, 0)]
    program += [(above, 0, 1, 0x40000000), (back, 0, 0, REFUSED)]  # x86's x32 calls
    for number in refused:
        program += [(equal, 0, 1, number), (back, 0, 0, REFUSED)]
    program += [(equal, 0, 3, tgkill), (load, 0, 0, 16), (equal, 1, 0, os.getpid()), (back, 0, 0, REFUSED)]
    program += [(back, 0, 0, ALLOWED)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    filters = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    return bool(libc.prctl(22, 2, filters, 0, 0) == 0)  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
